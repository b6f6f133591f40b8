"""A database as SQL text, and back: for recorded examples."""

import sqlite3
from pathlib import Path

from dse.store.dialect import as_store_error


def dump(path: Path) -> str:
    """Return all of a database as SQL statements."""
    with as_store_error(path):
        connection = sqlite3.connect(path)
        try:
            return "\n".join(connection.iterdump()) + "\n"
        finally:
            connection.close()


def restore(text: str, target: Path) -> None:
    """Write the database of a dump to ``target``, which must not exist."""
    with as_store_error(target):
        connection = sqlite3.connect(target)
        try:
            connection.executescript(text)
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()


def merge(source: Path, target: Path) -> None:
    """Add the studies of ``source`` to ``target``; both must have the newest schema.

    Keys are moved up behind those that are there, references with them.
    """
    with as_store_error(target):
        connection = sqlite3.connect(target)
        try:
            connection.execute("ATTACH ? AS source", (str(source),))
            moves = {
                table: connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
                for table in ("studies", "trials", "attempts")
            }
            for table, references in _REFERENCES.items():
                names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
                values = [
                    f"{name} + {moves[references[name]]}" if name in references else name
                    for name in names
                ]
                # the same facts have the same key in both
                verb = "INSERT OR IGNORE" if table == "contexts" else "INSERT"
                connection.execute(
                    f"{verb} INTO {table} ({', '.join(names)})"
                    f" SELECT {', '.join(values)} FROM source.{table}"
                )
            connection.commit()
        finally:
            connection.close()


_TRIAL, _ATTEMPT = {"trial_id": "trials"}, {"attempt_id": "attempts"}
_REFERENCES: dict[str, dict[str, str]] = {
    "studies": {"id": "studies"},
    "trials": {
        "id": "trials", "study_id": "studies", "reused_from": "trials", "promotes": "trials",
    },
    "attempts": {"id": "attempts", **_TRIAL},
    "metrics": _TRIAL, "layers": _TRIAL, "placements": _TRIAL,
    "beliefs": _TRIAL, "predictions": _TRIAL, "remarks": _TRIAL,
    "stage_times": _ATTEMPT, "artefacts": _ATTEMPT, "tools": _ATTEMPT,
    "contexts": {},
}  # fmt: skip
"""Tables with the columns that hold keys, and of which table; parents first."""
