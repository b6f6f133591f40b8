"""How far a study's search can be trusted, as text and as JSON-ready data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from contracts.belief import COVERED, Belief, Importance
from dse.output.report import table_text
from dse.results.calibration import Calibration, Feasibility
from dse.results.effects import Effect
from dse.words import duration_text, metric_text, plural

_SHOWN = 20
"""Newest trials in the table of each objective."""


def belief_data(belief: Belief | None) -> dict[str, Any] | None:
    """Return what was believed of a design."""
    return None if belief is None else asdict(belief)


def belief_lines(belief: Belief, metrics: Mapping[str, float]) -> list[str]:
    """Lay out what was believed of a design beside what was measured.

    Args:
        belief: When it was suggested.
        metrics: Measured since; may be empty.
    """
    said = [f"reason: {belief.reason}"]
    if belief.gain is not None:
        said.append(f"expected to enlarge the front's hypervolume by {belief.gain:.2%}")
    if belief.feasible is not None:
        said.append(f"feasible with a probability of {belief.feasible:.0%}")
    if belief.cost_s is not None:
        said.append(f"to cost {duration_text(belief.cost_s)} of CPU time, by prediction")
    lines = ["; ".join(said)]
    if belief.predictions:
        rows = []
        for each in belief.predictions:
            measured = metrics.get(each.metric)
            verdict = (
                "-"
                if measured is None
                else "inside"
                if each.low <= measured <= each.high
                else "outside"
            )
            rows.append(
                [
                    each.metric,
                    metric_text(each.metric, each.middle),
                    metric_text(each.metric, each.low),
                    metric_text(each.metric, each.high),
                    "-" if measured is None else metric_text(each.metric, measured),
                    verdict,
                ]
            )
        header = ["objective", "predicted", "5 %", "95 %", "measured", "interval"]
        lines.append(table_text(header, rows))
    return lines


def calibration_data(
    found: Sequence[Calibration],
    feasibility: Feasibility,
    importance: Importance,
    effects: Mapping[str, Sequence[Effect]],
) -> dict[str, Any]:
    """Return how predictions came out, and what parameters explain to the model and by counting."""
    return {
        "objectives": [
            {
                "metric": each.metric,
                "trials": len(each.pairs),
                "covered": each.covered,
                "wanted": COVERED,
                "median_error": each.error if each.pairs else None,
                "pairs": [asdict(pair) for pair in each.pairs],
            }
            for each in found
        ],
        "feasibility": asdict(feasibility),
        "importance": {
            metric: [
                {
                    "parameter": name,
                    "model": model,
                    "plain": plain,
                }
                for name, model, plain in importance_rows(importance[metric], effects[metric])
            ]
            for metric in importance
            if metric in effects
        },
    }


def importance_rows(
    shares: Mapping[str, float], effects: Sequence[Effect]
) -> list[tuple[str, float | None, float | None]]:
    """Return (parameter, share to the model, share by counting trials), the most telling first."""
    plain = {effect.parameter: effect.share for effect in effects}
    names = sorted({*shares, *plain}, key=lambda n: (-shares.get(n, 0.0), -plain.get(n, 0.0), n))
    return [(name, shares.get(name), plain.get(name)) for name in names]


def calibration_text(data: Mapping[str, Any]) -> str:
    """Lay out ``calibration_data``."""
    lines = []
    for each in data["objectives"]:
        if not each["trials"]:
            continue
        share = each["covered"] / each["trials"]
        error = "" if each["median_error"] is None else f"; median error {each['median_error']:.1%}"
        lines.append(
            f"{each['metric']}: {each['covered']} of {plural(each['trials'], 'measured value')} in"
            f" the 90 % interval ({share:.0%}){error}"
        )
        rows = [
            [
                str(pair["trial"]),
                *(
                    metric_text(each["metric"], pair[name])
                    for name in ("middle", "low", "high", "measured")
                ),
                "inside" if pair["low"] <= pair["measured"] <= pair["high"] else "outside",
            ]
            for pair in each["pairs"][-_SHOWN:]
        ]
        header = ["trial", "predicted", "5 %", "95 %", "measured", "interval"]
        lines += [table_text(header, rows, left=0), ""]
    if not lines:
        lines = ["no model has predicted a trial that was measured since", ""]
    feasibility = data["feasibility"]
    if feasibility["trials"]:
        lines.append(
            f"feasible: {feasibility['feasible']} of {plural(feasibility['trials'], 'design')},"
            f" expected {feasibility['expected']:.1f}"
        )
    for metric, rows in data["importance"].items():
        table = [[row["parameter"], _share(row["model"]), _share(row["plain"])] for row in rows]
        lines += ["", f"share of the variance of {metric} that a parameter explains"]
        lines += ["(model: by itself; trials: beyond chance and beyond stronger parameters):"]
        lines.append(table_text(["parameter", "model", "trials"], table))
    return "\n".join(lines).rstrip()


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
