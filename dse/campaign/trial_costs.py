"""What the trials of a study took, kept so that a suggestion reads what is new alone."""

from dse.space import Design
from dse.store import Reader, TrialState
from dse.store.records import TrialStages
from dse.suggest import StageRun, TrialCost

MOST_COSTS = 300
"""Newest trials that the cost of the next ones is learned from: some 4,000 stages."""


class TrialCosts:
    """What the newest trials of a study took, for the cost of the next ones.

    Args:
        study_id: Key of the study.
        of_promotions: Whether of its promotions, and not of what they promote.
    """

    def __init__(self, study_id: int, *, of_promotions: bool = False) -> None:
        self._study_id = study_id
        self._of_promotions = of_promotions
        self._revision = -1
        self._known: dict[int, TrialCost] = {}

    def update(self, reader: Reader) -> tuple[TrialCost, ...]:
        """Read what ended since the last update; return all that is known, oldest first."""
        found = reader.newest_stages(
            self._study_id,
            most=MOST_COSTS,
            since=self._revision,
            of_promotions=self._of_promotions,
        )
        for trial in found:
            self._known.pop(trial.trial_id, None)  # what is read again is the newest
            self._known[trial.trial_id] = _cost_of(trial)
            self._revision = max(self._revision, trial.revision)
        for trial_id in list(self._known)[:-MOST_COSTS]:
            del self._known[trial_id]
        return tuple(self._known.values())


def _cost_of(trial: TrialStages) -> TrialCost:
    return TrialCost(
        design=Design.from_canonical(trial.design_json),
        stages={
            each.stage: StageRun(key=each.key, cpu_s=each.cpu_s, was_cached=each.was_cached)
            for each in trial.stages
        },
        is_whole=trial.state is TrialState.COMPLETED,
    )
