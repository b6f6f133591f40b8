"""What ``report`` does: look at a study once, and say what its last night brought."""

import math
from collections.abc import Mapping
from pathlib import Path

from contracts.faults import ConfigError
from dse.results.columns import StudyColumns
from dse.results.morning import Morning, began_s, examples, morning_of
from dse.results.study_results import study_columns
from dse.store import Reader


def study_morning(reader: Reader, name: str, *, hours: float | None, now_s: float) -> Morning:
    """Return what the last night of a study brought.

    Args:
        reader: The database.
        name: Of the study.
        hours: How far back it goes; None for the time since the last pause of an hour.
        now_s: The time.

    Raises:
        NotFound: There is no such study.
        StoreError: The database cannot be used.
    """
    return morning_from(reader, study_columns(reader, name), hours=hours, now_s=now_s)


def morning_from(
    reader: Reader, columns: StudyColumns, *, hours: float | None, now_s: float
) -> Morning:
    """Return what the last night of a study brought, whose columns are known already.

    Raises:
        ConfigError: ``hours`` is no number.
    """
    if hours is not None and not math.isfinite(hours):
        raise ConfigError(f"a report of {hours} hours has no beginning", fix="give a number")
    since_s = began_s(columns) if hours is None else now_s - 3600 * hours
    since_s = max(since_s, columns.created_s)
    study = reader.study(columns.config.name)
    fixes = {}
    for count in examples(columns):
        attempts = reader.detail(study, count.example).attempts
        fixes[count.example] = (attempts[-1].fix or "") if attempts else ""
    return morning_of(
        columns,
        reader.held_trials(columns.id, now_s=now_s),
        since_s=since_s,
        now_s=now_s,
        fixes=fixes,
        retried=reader.failed_attempts(columns.id, since_s=since_s),
    )


def write_files(contents: Mapping[Path, str]) -> None:
    """Write texts to the files that a person named.

    Raises:
        ConfigError: One cannot be written.
    """
    for path, text in contents.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error}",
                fix="name a file in a folder that is writable",
            ) from error
