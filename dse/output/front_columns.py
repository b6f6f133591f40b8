"""Which columns a printed front has, and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.faults import ConfigError
from contracts.parameter import Value
from dse.store import TrialResult
from dse.words import metric_text, metric_title, suggestion, value_text, varying

if TYPE_CHECKING:  # pydantic and NumPy take a while to import
    from dse.config import StudyConfig
    from dse.results.front import Front

_CFU = "cfu"
"""What chooses the family; a column of it says its parameters, too, unless these are asked for."""
_FIDELITY = "fidelity"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a person wants to see of a front.

    Attributes:
        is_wide: Every metric, and every parameter that is not the same in all designs.
        columns: Names of metrics and parameters, in this order; empty for the usual ones.
    """

    is_wide: bool = False
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the table.

    Attributes:
        name: Of the metric or parameter.
        title: Above it.
        cells: One for each point of the front.
        is_text: Whether it is words, to the left.
    """

    name: str
    title: str
    cells: tuple[str, ...]
    is_text: bool = False


def front_columns(front: "Front", config: "StudyConfig", view: View) -> list[Column]:
    """Return the columns of a front that has a point, without the trials' numbers.

    The usual ones are the objectives and the CFU in words: they fit 80 characters.

    Raises:
        ConfigError: A column is asked for that no design on the front has.
    """
    designs = [result.trial.design for result in front.points]
    measured = sorted({name for result in front.points for name in result.metrics})
    metrics = config.shown_metrics(measured)
    parameters = varying(designs)
    if view.columns:
        known = {_FIDELITY, *measured, *(name for design in designs for name in design)}
        names: Sequence[str] = view.columns
        _require_known(names, known)
    elif view.is_wide:
        names = (_FIDELITY, *metrics, *parameters)
    else:
        is_mixed = len({result.trial.fidelity for result in front.points}) > 1
        names = (*([_FIDELITY] if is_mixed else []), *config.objectives)
    found = [_column(name, front) for name in names]
    if not view.columns and not view.is_wide and any(_CFU in design for design in designs):
        found.append(
            Column(
                name=_CFU,
                title="CFU",
                cells=tuple(map(cfu_words, designs)),
                is_text=True,
            )
        )
    return found


def cfu_parameters(design: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the names of the CFU's parameters in a design, in the order of its family.

    They are those that are neither the core's nor the firmware's, so this knows families of a
    study's own without running their code.
    """
    from dse.config.variants import PARAMETER as MODEL
    from hw_templates import cpu
    from hw_templates.cfu import BUILT_IN
    from sw_templates import options as firmware

    others = {_CFU, MODEL, *(p.name for p in (*cpu.PARAMETERS, *firmware.PARAMETERS))}
    family = BUILT_IN.get(str(design.get(_CFU)))
    declared = [] if family is None else [parameter.name for parameter in family.parameters]
    own = (name for name in design if name not in others)
    return tuple(
        sorted(
            own,
            key=lambda name: (declared.index(name) if name in declared else len(declared), name),
        )
    )


def cfu_words(design: Mapping[str, Value]) -> str:
    """Write the CFU of a design in words: ``simd: width 16, buffer depth 4096``."""
    family = str(design.get(_CFU, "none"))
    if family == "none":
        return "none"
    told = []
    for name in cfu_parameters(design):
        # a CFU is all hardware
        words = name.removeprefix(f"{family}_").removeprefix("hardware_").replace("_", " ")
        value = design[name]
        if isinstance(value, bool):
            told += [words] if value else []
        else:
            told.append(f"{words} {value_text(value)}")
    return f"{family}: {', '.join(told)}" if told else family


def _require_known(names: Sequence[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(
                f"no design on the front has {name[:80]!r}",
                fix=suggestion(name, sorted(known)),
            )


def _column(name: str, front: "Front") -> Column:
    if name == _FIDELITY:
        cells = tuple(result.trial.fidelity.value for result in front.points)
        return Column(name=name, title=name, cells=cells)
    if any(name in result.metrics for result in front.points):
        return Column(
            name=name,
            title=metric_title(name),
            cells=tuple(_metric_text(result, name) for result in front.points),
        )
    designs = [result.trial.design for result in front.points]
    return Column(
        name=name,
        title=name,
        cells=tuple(value_text(d[name]) if name in d else "-" for d in designs),
    )


def _metric_text(result: TrialResult, name: str) -> str:
    if name not in result.metrics:
        return "-"
    return f"{'~' if name in result.estimates else ''}{metric_text(name, result.metrics[name])}"
