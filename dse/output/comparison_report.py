"""``compare``: two trials of a study as text, and the same values as JSON-ready data."""

from collections.abc import Sequence
from typing import Any

from dse.output.report import table_text, wrapped
from dse.results.comparing import NOISE_OF_ALL, NOISE_OF_LAYER, Compared, Comparison
from dse.words import design_text, latency_text, metric_text, metric_title, plural, value_text


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison; times in microseconds."""
    return {
        "study": comparison.study,
        "trials": [
            {
                "trial": opened.trial.number,
                "state": opened.trial.state.value,
                "fidelity": opened.trial.fidelity.value,
                "fault": opened.detail.result.kind,
            }
            for opened in comparison.trials
        ],
        "design": [
            {"parameter": name, "values": list(values)}
            for name, values in comparison.parameters.items()
        ],
        "common": dict(comparison.common),
        "metrics": [
            {"metric": each.name, **_values(each), "estimate": each.is_estimate}
            for each in comparison.metrics
        ],
        "layers": [
            {
                "layer": each.name,
                **_values(each),
                "unit": "us",
                "cycles": list(each.cycles or ()),
                "is_noise": each.is_noise,
            }
            for each in comparison.layers
        ],
    }


def comparison_text(comparison: Comparison) -> str:
    """Lay out a comparison: what differs above, what is equal or noise in a line below."""
    first, second = comparison.trials
    titles = [f"trial {first.trial.number}", f"trial {second.trial.number}"]
    lines = []
    for opened in comparison.trials:
        said = f"trial {opened.trial.number}: {opened.trial.state} ({opened.trial.fidelity})"
        kind = opened.detail.result.kind
        lines.append(said if kind is None else f"{said}, {kind}: {opened.detail.result.what}")
    if first.trial.fidelity is not second.trial.fidelity:
        lines.append("they were measured at different fidelities: not every figure is of both")
    if comparison.parameters:
        rows = [
            [name, *("-" if value is None else value_text(value) for value in values)]
            for name, values in comparison.parameters.items()
        ]
        lines += ["", table_text(["parameter", *titles], rows)]
    else:
        lines += ["", "their designs are equal"]
    if comparison.common:
        lines += ["", wrapped(f"in both: {design_text(comparison.common)}")]
    lines += _metric_lines(comparison, titles)
    lines += _layer_lines(comparison.layers, titles)
    return "\n".join(lines)


def _values(each: Compared) -> dict[str, Any]:
    return {
        "values": [each.before, each.after],
        "difference": each.difference,
        "factor": each.factor,
    }


def _metric_lines(comparison: Comparison, titles: Sequence[str]) -> list[str]:
    different = [each for each in comparison.metrics if each.before != each.after]
    equal = [each for each in comparison.metrics if each.before == each.after]
    lines = []
    if different:
        rows = [
            [
                metric_title(each.name),
                _text(each, each.before),
                _text(each, each.after),
                factor_text(each.factor),
                _verdict(each, comparison),
            ]
            for each in different
        ]
        lines += ["", table_text(["metric", *titles, "factor", ""], rows)]
        if any(each.is_estimate for each in different):
            lines.append("~ an estimate: at least one of the two is not placed")
    if equal:
        told = ", ".join(f"{metric_title(x.name)} {_text(x, x.before)}" for x in equal)
        lines += ["", wrapped(f"equal: {told}")]
    return lines


def _text(each: Compared, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{'~' if each.is_estimate else ''}{metric_text(each.name, value)}"


def _verdict(each: Compared, comparison: Comparison) -> str:
    """Say which trial is better in an objective; nothing of what has no direction."""
    config = comparison.trials[1].config
    if each.name not in config.objectives or each.before is None or each.after is None:
        return ""
    is_better = (each.after > each.before) == (each.name in comparison.maximise)
    return "better" if is_better else "worse"


def _layer_lines(layers: Sequence[Compared], titles: Sequence[str]) -> list[str]:
    if not layers:
        return []
    shown = [layer for layer in layers if not layer.is_noise]
    noise = [layer for layer in layers if layer.is_noise]
    lines = [""]
    if shown:
        rows = [
            [
                layer.name,
                *("-" if x is None else latency_text(x) for x in (layer.before, layer.after)),
                f"{'+' if layer.difference > 0 else ''}{latency_text(layer.difference)}",
                factor_text(layer.factor),
            ]
            for layer in shown
        ]
        lines.append(table_text(["layer", *titles, "difference", "factor"], rows))
    if noise:
        off = sum(layer.difference for layer in noise)
        lines.append(
            f"{plural(len(noise), 'layer')} the same, to {NOISE_OF_LAYER:.0%} of its time or"
            f" {NOISE_OF_ALL:.1%} of all: {'+' if off > 0 else ''}{latency_text(off)} together"
        )
    return lines


def factor_text(factor: float | None) -> str:
    """Write a factor with three digits, or a dash: ``×0.482``."""
    return "-" if factor is None else f"×{factor:#.3g}".rstrip(".")
