"""Makes the recorded example of real databases.

``python -m dse.dashboard.example.record DB...``: merges their studies into one database, takes
out what belongs to the machine they were measured on (folders, host names), and writes it as text.
"""

import gzip
import re
import sys
import tempfile
from pathlib import Path

from dse.dashboard.example import RECORDED
from dse.store import Store
from dse.store.dump import dump, merge

_FOLDERS = re.compile(r"(?<![\w.])/(?:[\w.+-]+/)+(?=models/|data/|configs/)")
_WORKER = re.compile(r"'[\w.-]+/\d{6,}/\d+\.\d+'")


def record(databases: list[Path], target: Path) -> None:
    """Write the studies of ``databases`` to ``target``."""
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder) / "merged.db"
        Store(merged).close()
        for database in databases:
            merge(database, merged)
        text = dump(merged)
    text = _FOLDERS.sub("", text)
    workers = {
        name: f"'worker-{n}'" for n, name in enumerate(sorted(set(_WORKER.findall(text))), 1)
    }
    text = _WORKER.sub(lambda found: workers[found[0]], text)
    left = re.search(r"/(?:home|root|tmp|work)/[^\s'\"]*", text)
    if left is not None:
        raise SystemExit(f"a path of this machine is left: {left[0]}")
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    record([Path(name) for name in sys.argv[1:]], RECORDED)
