"""Reading the newest studies before the first page asks, while the web framework is imported."""

import contextlib
import threading

from contracts.faults import DseError
from dse.dashboard.data.payload import MOST_DRAWN, packed_columns
from dse.dashboard.data.studies import Studies, StudyLine
from dse.results.growth import growth_rows
from dse.store import Place

_READ = 8
"""How many studies are read, the newest first."""


def studies_read_ahead(database: Place) -> Studies:
    """Return the studies of a database; a thread begins to read the newest of them.

    A page that asks for a study which is being read waits for that, it is not read twice.
    """
    studies = Studies(database)
    threading.Thread(target=_read, args=(studies,), daemon=True).start()
    return studies


def _read(studies: Studies) -> None:
    newest: list[StudyLine] = []
    with contextlib.suppress(DseError):  # the page shows it
        newest = studies.lines(now_s=studies.reader().now_s())[:_READ]
    for line in newest:
        with contextlib.suppress(DseError):
            columns = studies.columns(line.name)
            packed_columns(columns, MOST_DRAWN)
            growth_rows(columns.growth)
