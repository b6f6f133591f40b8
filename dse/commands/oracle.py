"""How telling a workload's golden inputs are: what is said before a study, and by `workload`."""

from collections import Counter
from collections.abc import Callable

from dse.words import plural
from runners.job import Job, StageEvent, StageState
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.golden import OracleReport, read_oracle

_NAMED_LAYERS = 8


def measure_oracle(job: Job, *, say: Callable[[str], None]) -> OracleReport:
    """Choose the golden inputs of a job's workload, unless that was done, and return their worth.

    Args:
        job: Its workload and limits count; it need not have a design.
        say: Told that it begins, which takes seconds to a minute once for each model.

    Raises:
        ConfigError: The reference kernels refuse the model.
        DseError: The host's compiler is missing or failed.
    """

    def report(event: StageEvent) -> None:
        if event.state is StageState.STARTED and event.fraction is None:
            say(f"choosing golden inputs for {job.workload.model.name}: once for each model")

    pipeline = pipeline_of(job, cache=Cache(default_root()), report=report)
    return read_oracle(pipeline.get("golden").folder)


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
