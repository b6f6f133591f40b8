"""With ``suggest.reproducible`` the designs do not depend on which trial ends first."""

import hashlib
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contracts.faults import ConfigError, ToolCrashed
from contracts.measurement import Measurement, Outcome, outcome_of
from dse.campaign.events import Ending
from dse.config import StudyConfig, load_config, with_budget
from dse.store import Store
from dse.suggest import Suggestion, SuggestRequest
from runners.executors import Event
from runners.job import Job
from tests.campaign.test_campaign import CONFIG, InstantExecutor, by_formula, campaign

WORKERS, TRIALS = 3, 14


@dataclass
class UnorderedExecutor(InstantExecutor):
    """Ends one of the running jobs at each second poll, drawn by a seed."""

    seed: int = 0
    _polls: int = 0

    def poll(self, timeout_s: float) -> tuple[Event, ...]:
        self._polls += 1
        if self._polls % 2:
            return ()
        self.jobs.rotate(random.Random(f"{self.seed} {self._polls}").randrange(WORKERS))
        return InstantExecutor.poll(self, timeout_s)


@dataclass
class Attentive:
    """Suggests another design for everything else that it is told."""

    name: str = "attentive"
    told: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        self.told.append(len(request.history))
        self.counts.append(request.count)
        known = repr((request.history.finished(), [d.canonical for d in request.active]))
        drawn = random.Random(hashlib.sha256(known.encode()).hexdigest())
        while request.is_taken(design := request.space.sample(drawn)):
            pass
        return (Suggestion(design=design, suggested_by=self.name),)

    def close(self) -> None:
        pass


def tried(folder: Path, seed: int, config: StudyConfig, suggester: Attentive) -> list[str]:
    """Return the designs of a study in their order."""
    with Store(folder / f"{seed}.db") as store:
        executor = UnorderedExecutor(seed=seed)
        ended = campaign(store, config, executor=executor, suggester=suggester).run()
        assert ended is Ending.BUDGET
        found = store.results(store.study("night").id)
    assert len(found) == TRIALS
    return [result.trial.design_id for result in found]


def config_of(folder: Path, line: str) -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    text = CONFIG.replace("trials = 6", f"trials = {TRIALS}\nworkers = {WORKERS}")
    (folder / "night.toml").write_text(text.replace('"random"\n', f'"random"\n{line}\n'))
    return load_config(folder / "night.toml")[1]


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_the_order_in_which_trials_end_does_not_matter(tmp_path: Path, is_asked_for: bool) -> None:
    config = config_of(tmp_path, "reproducible = true" if is_asked_for else "")
    runs = []
    for seed in range(4):
        suggester = Attentive()
        runs.append(tried(tmp_path, seed, config, suggester))
        if is_asked_for:
            assert suggester.told == [max(n - (WORKERS - 1), 0) for n in range(TRIALS)]
            assert set(suggester.counts) == {1}
    assert all(run == runs[0] for run in runs) == is_asked_for


def test_a_trial_that_fails_by_the_machine_is_not_waited_for(tmp_path: Path) -> None:
    config = config_of(tmp_path, "reproducible = true")

    def crash_first(job: Job) -> Outcome:
        if job is executor.submitted[0] or dict(job.design) == dict(executor.submitted[0].design):
            return outcome_of(ToolCrashed("yosys failed", fix="-"), Measurement(metrics=()))
        return by_formula(job)

    executor = InstantExecutor(answer=crash_first)
    with Store(tmp_path / "results.db") as store:
        ended = campaign(store, config, executor=executor, suggester=Attentive()).run()
        states = [r.trial.state.value for r in store.results(store.study("night").id)]
    assert ended is Ending.BUDGET
    assert states[0] == "failed"
    assert len(states) == TRIALS


def test_a_study_goes_on_as_if_it_had_not_been_interrupted(tmp_path: Path) -> None:
    config = config_of(tmp_path, "reproducible = true")
    whole = tried(tmp_path, 0, config, Attentive())
    with Store(tmp_path / "parts.db") as store:
        for trials in (5, 6, TRIALS):
            executor = UnorderedExecutor(seed=trials)
            part = with_budget(config, trials=trials)
            campaign(store, part, executor=executor, suggester=Attentive()).run()
        found = store.results(store.study("night").id)
    assert [result.trial.design_id for result in found] == whole


def test_hours_are_never_the_same_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"reproducible is true, but budget is 'hours'"):
        config_of(tmp_path, 'reproducible = true\nbudget = "hours"\nhours = 1')
