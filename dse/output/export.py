"""One row per trial as CSV or Parquet, for a spreadsheet or a notebook."""

from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from dse.output.report import reuse_data
from dse.results.columns import StudyColumns

SUFFIXES = (".csv", ".parquet")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Spreadsheets take a text that begins so for a formula; the last ones are those of full width."""


def plain_cell(value: Any) -> Any:
    """Return what is written to a cell of a CSV file, or to its header: never a formula.

    A database may be anybody's: names of parameters and texts of faults are what it says.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def export_rows(columns: StudyColumns) -> list[dict[str, Any]]:
    """Return one flat row per trial: parameters, metrics, state; None where there is nothing."""
    on_front = set(columns.standing.front.tolist())
    rows = []
    for position in range(len(columns)):
        result = columns.result(position)
        design = result.trial.design
        origin, remark = reuse_data(result), columns.remark_of(position)
        rows.append(
            {
                "study": columns.config.name,
                "trial": result.trial.number,
                "state": result.trial.state.value,
                "fault": None if result.kind is None else result.kind.value,
                "on_front": position in on_front,
                "reused_from": None if origin is None else f"{origin['study']}/{origin['trial']}",
                "suggested_by": result.trial.suggested_by,
                "fidelity": result.trial.fidelity.value,
                "estimates": " ".join(sorted(result.estimates)) or None,
                "design_id": result.trial.design_id,
                "tags": " ".join(remark.tags) or None,
                "note": remark.note or None,
                **{name: design.get(name) for name in columns.parameters},
                **{name: result.metrics.get(name) for name in columns.metrics},
            }
        )
    return rows


def export(columns: StudyColumns, path: Path) -> int:
    """Write the rows to ``path`` in the format of its ending and return how many.

    Raises:
        ConfigError: The ending is unknown, or the file cannot be written.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"{path} does not say which format is wanted",
            fix=f"end its name in one of: {', '.join(SUFFIXES)}",
        )
    import pandas as pd

    rows = export_rows(columns)
    # nullable types: a parameter that is absent in some designs stays a whole number
    table = pd.DataFrame(rows).convert_dtypes()
    try:
        if path.suffix == ".csv":
            table.rename(columns=plain_cell).map(plain_cell).to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error}", fix="name a file in a folder that is writable"
        ) from error
    return len(rows)
