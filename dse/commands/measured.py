"""From a stored trial back to the job that it was measured with."""

from contracts.measurement import Fidelity
from dse.config import StudyConfig
from dse.store import TrialDetail
from runners.job import Job


def measured_job(config: StudyConfig, detail: TrialDetail) -> Job:
    """Return the job of a trial as it ended: for the clock and the seed that it settled on.

    Whoever builds a trial's firmware, simulator or bitstream again takes this job. Whoever measures
    the trial again takes ``config.job``, which has the requested clock, and settles anew.

    Args:
        config: Of the trial's study.
        detail: The trial; one that was never placed, or that met no clock, has the requested one.
    """
    trial = detail.result.trial
    job = config.job(trial.design, trial.fidelity)
    placements = detail.measurement.placements
    is_placed = trial.fidelity in (Fidelity.PLACED, Fidelity.BOARD)
    if not is_placed or not placements or not placements[-1].is_met:
        return job
    return job.at(clock_hz=placements[-1].clock_hz, place_seed=placements[-1].seed)
