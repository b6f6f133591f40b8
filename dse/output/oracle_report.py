"""How telling a workload's golden inputs are, in words: for `workload`, `status` and pages."""

from collections import Counter

from dse.words import plural
from runners.stages.golden import OracleReport, oracle_from_json

_NAMED_LAYERS = 8


def stored_oracle(oracle_json: str | None) -> OracleReport | None:
    """Return the report that a study keeps; None where it has none that this version reads."""
    if oracle_json is None:
        return None
    try:
        return oracle_from_json(oracle_json)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def oracle_text(report: OracleReport) -> str:
    """Return in a sentence what the golden inputs would show, and what they would not."""
    start = (
        f"{plural(report.golden_inputs, 'golden input')}, chosen from {report.candidates:,}, would"
        f" show {'all' if report.caught == report.faults else f'{report.caught:,} of'}"
        f" {report.faults:,} faults of a design"
    )
    more = sum(fault.another_input for fault in report.missed)
    hidden = len(report.missed) - more
    parts = [start]
    if more:
        enough = report.inputs_for_all
        how = f"golden_inputs = {enough}" if enough else "a larger golden_inputs"
        parts.append(f"{more:,} more with {how} in [workload]")
    if hidden:
        parts.append(f"{hidden:,} by no candidate, such as channels that are always clamped")
    return "; ".join(parts)


def missed_lines(report: OracleReport) -> list[str]:
    """Return a line for each layer with faults that no golden input shows, most of them first."""
    counts = Counter(fault.layer for fault in report.missed)
    lines = []
    for layer, count in counts.most_common(_NAMED_LAYERS):
        example = next(fault.what for fault in report.missed if fault.layer == layer)
        lines.append(f"{layer}: {count:,}, such as {example}")
    if len(counts) > _NAMED_LAYERS:
        lines.append(f"and {plural(len(counts) - _NAMED_LAYERS, 'more layer')}")
    return lines
