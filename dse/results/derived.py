"""Metrics that a person makes of others while looking: ``lut4 * latency_us``."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from contracts.faults import ConfigError
from dse.results.columns import MetricColumn, StudyColumns

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_MOST_LETTERS = 200


def with_derived(columns: StudyColumns, formulas: tuple[str, ...]) -> StudyColumns:
    """Return the columns with one more metric for each formula, which is its name.

    Args:
        columns: Of the study.
        formulas: Sums, differences, products and quotients of metrics and numbers.

    Raises:
        ConfigError: A formula is none, or names a metric that no trial has.
    """
    return _with_derived(columns, formulas) if formulas else columns


@lru_cache(maxsize=4)
def _with_derived(columns: StudyColumns, formulas: tuple[str, ...]) -> StudyColumns:
    more = [_derived(columns, formula) for formula in formulas]
    metrics = {**columns.metrics, **{metric.name: metric for metric in more}}
    found = replace(columns, metrics=metrics)
    found.__dict__["standing"] = columns.standing  # of the objectives, which are the same
    return found


def _derived(columns: StudyColumns, formula: str) -> MetricColumn:
    try:
        tree = ast.parse(formula[: _MOST_LETTERS + 1].strip(), mode="eval").body
        if len(formula) > _MOST_LETTERS:
            raise ValueError(f"it has more than {_MOST_LETTERS} letters")
        used: list[str] = []
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = np.array(_value(tree, columns, used), dtype=np.float64)
        if not used:
            raise ValueError("it names no metric")
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ConfigError(
            f"{formula[:80]!r} is no metric: {reason}",
            fix="combine metrics with + - * / and brackets, such as lut4 * latency_us; there are "
            + ", ".join(columns.metrics),
        ) from error
    parts = [columns.metrics[name] for name in used]
    return MetricColumn(
        name=ast.unparse(tree),
        unit="",
        values=np.where(np.isfinite(values), values, np.nan),
        fidelity=np.min([part.fidelity for part in parts], axis=0),
        estimate=np.any([part.estimate for part in parts], axis=0),
    )


def _value(node: ast.expr, columns: StudyColumns, used: list[str]) -> Any:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _value(node.left, columns, used), _value(node.right, columns, used)
        if isinstance(right, float) and right == 0 and isinstance(node.op, ast.Div):
            raise ValueError("it divides by 0")
        return _OPERATORS[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, columns, used)
    if isinstance(node, ast.Name):
        if node.id not in columns.metrics:
            raise ValueError(f"no trial has {node.id[:40]}")
        used.append(node.id)
        return columns.metrics[node.id].values
    is_number = isinstance(node, ast.Constant) and not isinstance(node.value, bool)
    if isinstance(node, ast.Constant) and is_number and isinstance(node.value, int | float):
        return float(node.value)
    raise ValueError(f"{ast.unparse(node)[:40]} is neither a metric nor a number")
