"""The recorded example: real studies, as the database that they left.

It ships as SQL text, so that what changes in it can be read; ``record`` makes it.
"""

import gzip
from pathlib import Path

from dse.store.dump import restore

RECORDED = Path(__file__).parent / "studies.sql.gz"


def unpack(target: Path) -> Path:
    """Write the example's database to ``target``, which must not exist, and return it."""
    restore(gzip.decompress(RECORDED.read_bytes()).decode(), target)
    return target
