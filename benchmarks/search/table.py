"""A table of measured designs as a space and an oracle, so that searches can be replayed."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.synthetic import small_space, synthetic_metrics
from contracts.faults import ConfigError
from contracts.parameter import Condition, Parameter, Rule, Value
from dse.space import Design, Space
from runners.measuring.metrics import METRICS

_NOT_PARAMETERS = {
    "study",
    "trial",
    "state",
    "outcome",
    "fault",
    "on_front",
    "reused_from",
    "suggested_by",
    "fidelity",
    "estimates",
    "design_id",
    "tags",
    "note",
    *METRICS,
}
_COMPLETED, _INFEASIBLE = "completed", "infeasible"

Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Every design of a space with what it came to.

    Attributes:
        name: For the report.
        space: Holds exactly the designs of the table.
        results: Metrics of a design, None where it is infeasible.
    """

    name: str
    space: Space
    results: Mapping[Design, Mapping[str, float] | None]


def synthetic_table() -> Table:
    """Return the made-up table; its results say nothing about hardware."""
    space = small_space()
    results = {design: synthetic_metrics(design) for design in space.enumerate()}
    return Table(name="SYNTHETIC (made up)", space=space, results=results)


def read_table(path: Path, metrics: Sequence[str]) -> Table:
    """Read a CSV file with one row for each design, such as ``dse.study export`` writes.

    Columns are parameters unless they are metrics or the columns of an export. ``state`` (or
    ``outcome``) is ``completed`` or ``infeasible``; rows with another state are left out. An empty
    cell is an inactive parameter; its condition is found in the other columns.

    Raises:
        ConfigError: A metric is missing, or the cells cannot come from a conditional space.
    """
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    state = "state" if lines and "state" in lines[0] else "outcome"
    lines = [line for line in lines if line.get(state) in (_COMPLETED, _INFEASIBLE)]
    if not lines:
        raise ConfigError(
            f"{path} has no row whose column `state` or `outcome` is completed or infeasible",
            "write it with: python -m dse.study export STUDY FILE.csv",
        )
    names = [name for name in lines[0] if name not in _NOT_PARAMETERS.union(metrics)]
    rows = [{n: _value(line[n]) for n in names if line[n] != ""} for line in lines]
    results: dict[Design, Mapping[str, float] | None] = {}
    for line, row in zip(lines, rows, strict=True):
        if line[state] == _INFEASIBLE:
            results[Design(row)] = None
            continue
        missing = [metric for metric in metrics if not line.get(metric)]
        if missing:
            raise ConfigError(f"{path}: {missing} of {row} is empty", "measure it, or leave it out")
        results[Design(row)] = {metric: float(line[metric]) for metric in metrics}
    return Table(name=path.name, space=_space_of(names, rows, results), results=results)


def _value(cell: str) -> Value:
    if cell in ("True", "False", "true", "false"):
        return cell.lower() == "true"
    try:
        return int(cell)
    except ValueError:
        return cell


def _space_of(names: Sequence[str], rows: Sequence[Row], results: Mapping[Design, object]) -> Space:
    always = [name for name in names if all(name in row for row in rows)]
    conditions = {name: _condition(name, always, rows) for name in names if name not in always}
    parameters = [_parameter(name, rows, ()) for name in always]
    parameters += [_parameter(name, rows, (condition,)) for name, condition in conditions.items()]
    space = Space(parameters)
    if space.count() == len(results):
        return space
    measured = Rule(
        name="measured",
        reason="only these designs are in the table",
        parameters=tuple(names),
        holds=lambda values: Design(values) in results,
    )
    return Space(parameters, (measured,))


def _parameter(name: str, rows: Sequence[Row], when: tuple[Condition, ...]) -> Parameter:
    values = {row[name] for row in rows if name in row}
    numbers = [value for value in values if type(value) is int]
    is_ordered = len(numbers) == len(values)
    ordered: list[Value] = [*sorted(numbers)] if is_ordered else sorted(values, key=str)
    return Parameter(
        name=name,
        values=tuple(ordered),
        default=ordered[len(ordered) // 2],
        description="a column of the table",
        ordered=is_ordered,
        when=when,
    )


def _condition(name: str, always: Sequence[str], rows: Sequence[Row]) -> Condition:
    """Return the condition under which a parameter is there, from a column that decides it."""
    for other in always:
        there = {row[other] for row in rows if name in row}
        absent = {row[other] for row in rows if name not in row}
        if not there & absent:
            return Condition(parameter=other, values=tuple(sorted(there, key=str)))
    raise ConfigError(
        f"no column decides when {name} is empty", "a parameter may depend on one other column"
    )
