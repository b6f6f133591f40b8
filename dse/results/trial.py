"""A trial and what it was run with: what every command about one trial begins with."""

from dataclasses import dataclass

from contracts.measurement import Fidelity
from dse.config import StudyConfig, config_from_json
from dse.store import Reader, StudyRecord, TrialDetail, TrialRecord, as_unreadable
from runners.job import Job
from runners.measuring.clock import as_routed_before


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedTrial:
    """One trial, read from the store.

    Attributes:
        study: Its study.
        config: The study's config.
        detail: Everything that is known about the trial.
    """

    study: StudyRecord
    config: StudyConfig
    detail: TrialDetail

    @property
    def trial(self) -> TrialRecord:
        """The trial without its results."""
        return self.detail.result.trial

    @property
    def job(self) -> Job:
        """What the trial was asked to measure: for the requested clock, as far as it goes.

        Whoever measures the trial again takes this one, and settles on a clock anew: of the same
        routes on the same one.
        """
        job = self.config.job(self.trial.design, self.trial.fidelity)
        return as_routed_before(job, self.detail.measurement.placements)

    @property
    def settled_job(self) -> Job:
        """The same for the clock and the seed that the trial settled on.

        Whoever builds a trial's firmware, simulator or bitstream again takes this one. A trial
        that was never placed, or that met no clock, has the requested clock.
        """
        placements = self.detail.measurement.placements
        is_placed = self.trial.fidelity in (Fidelity.PLACED, Fidelity.BOARD)
        if not is_placed or not placements or not placements[-1].is_met:
            return self.job
        return self.job.at(clock_hz=placements[-1].clock_hz, place_seed=placements[-1].seed)


def open_trial(store: Reader, study: str, number: int) -> OpenedTrial:
    """Read a trial.

    Args:
        store: Has the study.
        study: Name of the study.
        number: Number of the trial in it.

    Raises:
        NotFound: There is no such study or trial.
        StoreError: The database cannot be used.
    """
    record = store.study(study)
    with as_unreadable(store.place, study):
        config = config_from_json(record.config_json)
    return OpenedTrial(study=record, config=config, detail=store.detail(record, number))
