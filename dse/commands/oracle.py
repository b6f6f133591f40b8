"""How telling a workload's golden inputs are: what is said before a study, and by `workload`."""

from collections.abc import Callable

from runners.job import Job, StageEvent, StageState
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.golden import OracleReport, read_oracle


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
