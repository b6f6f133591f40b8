"""What trials took is read once each, however often the search is asked."""

from pathlib import Path

import pytest

from dse.campaign import trial_costs
from dse.campaign.trial_costs import TrialCosts
from dse.store import Reader, Store
from dse.store.records import TrialStages
from dse.suggest import TrialCost
from tests.campaign.test_campaign import CONFIG, InstantExecutor, campaign
from tests.campaign.test_hours import Listening, read, with_stages


class CountingStore(Store):
    """Counts the trials whose stages are read."""

    trials_read = 0

    def newest_stages(
        self, study_id: int, *, most: int, since: int = -1, of_promotions: bool = False
    ) -> tuple[TrialStages, ...]:
        found = super().newest_stages(study_id, most=most, since=since, of_promotions=of_promotions)
        self.trials_read += len(found)
        return found


def measured_study(folder: Path, *, trials: int) -> list[tuple[TrialCost, ...]]:
    """Measure a study into ``results.db`` and return what the search was told each time."""
    config = read(folder, CONFIG.replace("trials = 6", f"trials = {trials}\nworkers = 1"))
    listening = Listening()
    executor = InstantExecutor(answer=with_stages)
    with CountingStore(folder / "results.db") as store:
        campaign(store, config, suggester=listening, executor=executor).run()
        told = listening.asked[-1].costs
        assert store.trials_read == len(told) > trials // 2
    return [request.costs for request in listening.asked]


def test_a_campaign_reads_the_stages_of_each_trial_once(tmp_path: Path) -> None:
    told = measured_study(tmp_path, trials=12)
    with Reader(tmp_path / "results.db") as reader:
        anew = TrialCosts(1).update(reader)
    assert told[-1] == anew[: len(told[-1])]
    assert [len(costs) for costs in told] == sorted(len(costs) for costs in told)


def test_results_that_a_study_inherits_are_learned_from_then(tmp_path: Path) -> None:
    told = measured_study(tmp_path, trials=12)
    config = read(tmp_path, CONFIG.replace("trials = 6", "trials = 12\nworkers = 1"))
    with Store(tmp_path / "results.db") as store:
        campaign(store, config, executor=InstantExecutor(answer=with_stages), name="again").run()
        known = TrialCosts(store.study("again").id)
        assert known.update(store) == ()  # all of them reused
        store.delete_study("night", now_s=1e9, client="me")
        inherited = known.update(store)
        assert known.update(store) == inherited
    assert {cost.design for cost in inherited} >= {cost.design for cost in told[-1]}


def test_the_newest_trials_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = measured_study(tmp_path, trials=12)
    monkeypatch.setattr(trial_costs, "MOST_COSTS", 6)
    with Reader(tmp_path / "results.db") as reader:
        everything = reader.newest_stages(1, most=100)
        newest = reader.newest_stages(1, most=6)
        assert 3 < len(newest) <= 6 < len(everything)
        assert newest == everything[-len(newest) :]
        known = TrialCosts(1)
        assert len(known.update(reader)) == len(newest)
        assert known.update(reader) == known.update(reader)
        (last,) = reader.newest_stages(1, most=100, since=newest[-2].revision)
        assert last == newest[-1]
    assert len(told[-1]) > 6
