"""A study spends hours in the place of a number of trials, and knows what its trials cost."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from contracts.faults import ConfigError, ConfigMistakes
from contracts.measurement import Completed, Measurement, Outcome, StageTime
from dse.campaign.events import Ending
from dse.config import StudyConfig, config_from_json, differences, load_config, with_hours
from dse.output.report import status_data, status_text
from dse.results.study_results import study_columns
from dse.store import Store
from dse.suggest import Suggestion, SuggestRequest, make_suggester
from runners.job import Job
from tests.campaign.test_campaign import CONFIG, InstantExecutor, by_formula, campaign

HOURS = CONFIG.replace("trials = 6", "trials = 40\nworkers = 1").replace(
    "[suggest]", '[suggest]\nbudget = "hours"\nhours = 0.005'
)


@dataclass
class Listening:
    """Draws at random and remembers what it was asked."""

    name: str = "random"
    asked: list[SuggestRequest] = field(default_factory=list)

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        self.asked.append(request)
        return make_suggester("random").suggest(request)

    def close(self) -> None: ...


def with_stages(job: Job) -> Outcome:
    """Measure by formula; a core is built for each cache, and all is simulated."""
    outcome = by_formula(job)
    if not isinstance(outcome, Completed):
        return outcome
    times = (
        StageTime(stage="core", wall_s=5.0, cpu_s=6.0, cached=False),
        StageTime(stage="simulate", wall_s=9.0, cpu_s=10.0, cached=False),
    )
    keys = {"core": str(job.design["icache_bytes"]), "simulate": repr(sorted(job.design.items()))}
    measured: Measurement = replace(outcome.measurement, stage_times=times, artefacts=keys)
    return replace(outcome, measurement=measured)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.db") as opened:
        yield opened


def read(folder: Path, text: str) -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "night.toml").write_text(text)
    return load_config(folder / "night.toml")[1]


def test_a_study_ends_when_its_hours_are_spent_and_more_of_them_go_on(
    store: Store, tmp_path: Path
) -> None:
    config = read(tmp_path, HOURS)
    listening = Listening()
    assert campaign(store, config, suggester=listening).run() is Ending.BUDGET
    done = len(store.results(1))
    assert 1 < done < 40
    assert all(request.per_cost for request in listening.asked)
    spent_s = store.worked_s(1, now_s=1e9)
    assert spent_s >= 18.0  # of 0.005 hours
    longest_s = max(
        a.ended_s - a.started_s
        for number in range(1, done + 1)
        for a in store.detail(store.study("night"), number).attempts
        if a.ended_s is not None
    )
    assert spent_s < 18.0 + longest_s
    assert campaign(store, config, suggester=Listening()).run() is Ending.BUDGET
    assert len(store.results(1)) == done  # they stay spent
    more = with_hours(config, 0.01)
    store.update_config(1, config_toml="", config_json=more.to_json())
    assert campaign(store, more, suggester=Listening()).run() is Ending.BUDGET
    assert done < len(store.results(1)) < 40
    columns = study_columns(store, "night")
    status = status_text(status_data(columns, worked_s=store.worked_s(1, now_s=1e9)))
    assert "of 0.01 spent" in status
    assert "hours" not in status_text(status_data(columns))


def test_two_workers_spend_twice_the_time_in_an_hour(tmp_path: Path) -> None:
    config = read(tmp_path, HOURS.replace("workers = 1", "workers = 2"))
    assert config.budget_s == pytest.approx(36.0)
    assert read(tmp_path, CONFIG).budget_s is None


def test_the_search_is_told_what_trials_took_and_a_prediction_is_kept(
    store: Store, tmp_path: Path
) -> None:
    config = read(tmp_path, CONFIG.replace("trials = 6", "trials = 12\nworkers = 1"))
    listening = Listening()
    campaign(store, config, suggester=listening, executor=InstantExecutor(answer=with_stages)).run()
    told = listening.asked[-1].costs
    measured = store.results(1)[:11]
    assert len(told) == sum(r.trial.state.value == "completed" for r in measured) > 5
    assert not listening.asked[-1].per_cost
    for one in told:
        assert one.is_whole
        assert one.stages["core"].key == str(one.design["icache_bytes"])
        assert one.stages["simulate"].cpu_s == 10.0
    last = store.detail(store.study("night"), 12)
    built = {one.design["icache_bytes"] for one in told}
    is_built = last.result.trial.design["icache_bytes"] in built
    assert last.belief is not None
    assert last.belief.cost_s == pytest.approx(10.0 if is_built else 16.0)
    first = store.detail(store.study("night"), 1).belief
    assert first is not None
    assert first.cost_s is None


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="budget is 'hours', and hours does not say how many"):
        read(tmp_path, HOURS.replace("hours = 0.005", ""))
    with pytest.raises(ConfigError, match=r"hours is 0\.005, but budget is 'trials'"):
        read(tmp_path, HOURS.replace('budget = "hours"', ""))
    with pytest.raises((ConfigError, ConfigMistakes), match="hours"):
        read(tmp_path, HOURS.replace("hours = 0.005", "hours = 0"))
    config = read(tmp_path, HOURS)
    assert config_from_json(with_hours(config, 3).to_json()).suggest.hours == 3
    assert differences(config, read(tmp_path, CONFIG.replace("trials = 6", "trials = 4"))) == ()
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="is no time to spend"):
            with_hours(config, wrong)
