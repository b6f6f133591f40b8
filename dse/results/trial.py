"""A trial and what it was run with: what every command about one trial begins with."""

from dataclasses import dataclass

from dse.config import StudyConfig, config_from_json
from dse.store import Store, StudyRecord, TrialDetail, TrialRecord
from runners.job import Job


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
        """What the trial was asked to measure: at the wished clock, as far as it goes."""
        return self.config.job(self.trial.design, self.trial.fidelity)


def open_trial(store: Store, study: str, number: int) -> OpenedTrial:
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
    return OpenedTrial(
        study=record,
        config=config_from_json(record.config_json),
        detail=store.detail(record, number),
    )
