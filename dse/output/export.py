"""One row per trial as CSV or Parquet, for a spreadsheet or a notebook."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from dse.config import StudyConfig
from dse.output.report import reuse_data
from dse.results.front import pareto_front
from dse.store import TrialResult

SUFFIXES = (".csv", ".parquet")


def export_rows(results: Sequence[TrialResult], config: StudyConfig) -> list[dict[str, Any]]:
    """Return one flat row per trial: parameters, metrics, state; None where there is nothing."""
    on_front = {result.trial.number for result in pareto_front(results, config).points}
    parameters = sorted({name for result in results for name in result.trial.design})
    metrics = sorted({name for result in results for name in result.metrics})
    rows = []
    for result in results:
        origin = reuse_data(result)
        rows.append(
            {
                "study": config.name,
                "trial": result.trial.number,
                "state": result.trial.state.value,
                "fault": None if result.kind is None else result.kind.value,
                "on_front": result.trial.number in on_front,
                "reused_from": None if origin is None else f"{origin['study']}/{origin['trial']}",
                "suggested_by": result.trial.suggested_by,
                "fidelity": result.trial.fidelity.value,
                "estimates": " ".join(sorted(result.estimates)) or None,
                "design_id": result.trial.design_id,
                **{name: result.trial.design.get(name) for name in parameters},
                **{name: result.metrics.get(name) for name in metrics},
            }
        )
    return rows


def export(results: Sequence[TrialResult], config: StudyConfig, path: Path) -> int:
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

    rows = export_rows(results, config)
    # nullable types: a parameter that is absent in some designs stays a whole number
    table = pd.DataFrame(rows).convert_dtypes()
    try:
        if path.suffix == ".csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error}", fix="name a file in a folder that is writable"
        ) from error
    return len(rows)
