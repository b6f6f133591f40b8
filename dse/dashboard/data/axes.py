"""What stands along an axis of the front's chart: a metric, or a parameter of the designs."""

from dataclasses import dataclass

import numpy as np

from dse.dashboard.data.selection import metric_names
from dse.results.columns import ABSENT, Floats, Parameter, StudyColumns
from dse.words import value_text


@dataclass(frozen=True, slots=True)
class Along:
    """Where each trial stands along an axis.

    Attributes:
        values: One a trial; NaN for what has none.
        categories: What 0, 1, ... stand for; empty where the values are numbers.
        stops: Of a parameter whose values are numbers, all that there are, in ascending order.
    """

    values: Floats
    categories: tuple[str, ...] = ()
    stops: tuple[float, ...] = ()


def along(columns: StudyColumns, name: str) -> Along:
    """Return where each trial stands along a metric or a parameter.

    Where a parameter's values are whole numbers, they are its place; of any other they are
    categories, in their order, and ``-`` is the last one for designs that do not have it.
    """
    if name in metric_names(columns) or name not in columns.parameters:
        return Along(columns.column(name))
    parameter = columns.parameters[name]
    if is_number(parameter):
        numbers = np.array([*map(float, parameter.values), np.nan])
        stops = tuple(sorted(map(float, parameter.values)))
        return Along(numbers[parameter.codes], stops=stops)  # ABSENT is the last one
    has_absent = bool((parameter.codes == ABSENT).any())
    texts = tuple(value_text(value) for value in parameter.values)
    places = np.where(parameter.codes == ABSENT, len(texts), parameter.codes)
    return Along(places.astype(np.float64), (*texts, "-") if has_absent else texts)


def is_number(parameter: Parameter) -> bool:
    """Tell whether a parameter's values are whole numbers, and neither texts nor true and false."""
    return all(isinstance(v, int) and not isinstance(v, bool) for v in parameter.values)


def axis_parameters(columns: StudyColumns) -> tuple[str, ...]:
    """Return the parameters that differ between trials and are no metrics by their name."""
    metrics = metric_names(columns)
    return tuple(n for n in columns.varying if n in columns.parameters and n not in metrics)
