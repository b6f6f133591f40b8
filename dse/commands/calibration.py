"""How the predictions of a study's search came out."""

from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from dse.output.calibration_report import calibration_data
from dse.output.drawing.calibration import calibration_chart
from dse.output.picture import require_picture, write_picture
from dse.results.calibration import MOST_TRIALS, calibrations, has_pairs
from dse.results.effects import effects
from dse.results.going_on import going_on
from dse.results.importance import stored_importance
from dse.results.study_results import study_columns
from dse.store import Reader, TrialState


def calibration_of_study(reader: Reader, name: str, *, plot: Path | None) -> dict[str, Any]:
    """Return how the predictions of a study came out, and draw them where ``plot`` is given.

    Raises:
        NotFound: There is no such study.
        ConfigError: There is nothing to draw, or the picture cannot be written.
    """
    if plot is not None:
        require_picture(plot)
    columns = study_columns(reader, name)
    found, feasibility = calibrations(columns, reader.beliefs(columns.id, most=MOST_TRIALS))
    if plot is not None:
        if not has_pairs(found):
            raise ConfigError(
                f"study {name} has no trial that a model predicted and that was measured since",
                fix=f"let a search that learns suggest more trials: {going_on(reader, name)}",
            )
        drawn = [each for each in found if each.pairs]
        write_picture(calibration_chart(drawn, title=f"{name}: predicted and measured"), plot)
    completed = columns.is_state(TrialState.COMPLETED)
    plain = {
        metric: effects(columns, metric, completed).told for metric in columns.config.objectives
    }
    importance = stored_importance(reader.study(name).importance_json)
    return calibration_data(found, feasibility, importance, plain)
