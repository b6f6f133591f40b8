"""How telling a workload's golden inputs are: what is said before a study, and by `workload`."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from runners.job import Job, StageEvent, StageState
from runners.pipeline import Cache, default_root
from runners.reference import require_reference
from runners.stages.all import pipeline_of
from runners.stages.golden import OracleReport, read_oracle


def measure_oracle(job: Job, *, say: Callable[[str], None]) -> OracleReport:
    """Choose the golden inputs of a job's workload, unless that was done, and return their worth.

    TFLite's reference interpreter is asked first whether it runs the model: what it refuses leaves
    nothing behind. Where golden inputs are there, it has answered.

    Args:
        job: Its workload and limits count; it need not have a design.
        say: Told that it begins, which takes seconds to a minute once for each model.

    Raises:
        ConfigError: The reference interpreter refuses the model, crashes on it, or does not end.
        DseError: The host's compiler is missing or failed.
    """

    def report(event: StageEvent) -> None:
        if event.state is StageState.STARTED and not event.is_progress:
            say(f"choosing golden inputs for {job.workload.model.name}: once for each model")

    if not _is_chosen(job):
        require_reference(job.workload.model)
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=report)
    return read_oracle(pipeline.get("golden").folder)


def oracle_of_all(reports: Mapping[str, OracleReport]) -> OracleReport:
    """Return one report of several variants of a network: what is missed in any of them.

    Args:
        reports: By the variants' names, which stand before the layers that miss something.
    """
    all_of = tuple(reports.values())
    enough = [report.inputs_for_all for report in all_of if report.inputs_for_all is not None]
    return OracleReport(
        golden_inputs=max(report.golden_inputs for report in all_of),
        candidates=sum(report.candidates for report in all_of),
        faults=sum(report.faults for report in all_of),
        caught=sum(report.caught for report in all_of),
        inputs_for_all=max(enough) if len(enough) == len(all_of) else None,
        missed=tuple(
            replace(missed, layer=f"{missed.layer} of {name}")
            for name, report in reports.items()
            for missed in report.missed
        ),
    )


def _is_chosen(job: Job) -> bool:
    """Tell whether golden inputs are there; does not make the cache's folder."""
    root = default_root()
    if not root.exists():
        return False
    return pipeline_of(job, cache=Cache(root), report=lambda _: None).is_built("golden")
