"""A study ends by itself when the search expects too little, and goes on when it is told to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from contracts.belief import Belief
from contracts.faults import ConfigError
from dse.campaign.events import Ending
from dse.config import StudyConfig, config_from_json, differences, load_config, with_stop_gain
from dse.output.report import status_data, status_text
from dse.results.study_results import study_columns
from dse.store import Store
from dse.suggest import Suggestion, SuggestRequest, make_suggester
from dse.suggest.stopping import AGREEING, has_converged
from tests.campaign.test_campaign import CONFIG, campaign


@dataclass
class Fading:
    """Expects less of each further design: 1, 1/2, 1/4 ..."""

    name: str = "fading"

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        found = make_suggester("random").suggest(request)
        done = len(request.observations) + len(request.active)
        return tuple(
            replace(each, belief=Belief(reason="expected gain", gain=0.5 ** (done + place)))
            for place, each in enumerate(found)
        )

    def close(self) -> None: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.db") as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    text = CONFIG.replace("trials = 6", "trials = 20\nworkers = 1")
    (tmp_path / "night.toml").write_text(text.replace("[suggest]", "[suggest]\nstop_gain = 0.2"))
    return load_config(tmp_path / "night.toml")[1]


def status(store: Store) -> str:
    columns = study_columns(store, "night")
    return status_text(status_data(columns, store.gains(columns.id, most=AGREEING)))


@pytest.mark.parametrize(
    ("gains", "stop_gain", "is_reached"),
    [
        ((0.1, 0.1, 0.1), 0.2, True),
        ((0.1, 0.1, 0.1, 0.9), 0.2, True),  # what was expected before does not count
        ((0.1, 0.1, 0.2), 0.2, False),  # below it, not at it
        ((0.1, 0.1), 0.2, False),
        ((), 0.2, False),
        ((0.0, 0.0, 0.0), 0.0, False),  # "0 is never reached"
    ],
)
def test_all_of_the_newest_gains_must_be_below_the_share(
    gains: tuple[float, ...], stop_gain: float, is_reached: bool
) -> None:
    assert has_converged(gains, stop_gain) is is_reached


def test_a_study_stops_when_the_gain_stays_below_its_share(
    store: Store, config: StudyConfig
) -> None:
    assert campaign(store, config, suggester=Fading()).run() is Ending.CONVERGED
    gains = store.gains(1, most=100)
    assert gains == tuple(0.5**n for n in reversed(range(6)))  # 1/8, 1/16, 1/32 agree
    assert "expected to enlarge the front's hypervolume by 12.50% at most" in status(store)
    assert "resume night --stop-gain 0" in status(store)


@pytest.mark.parametrize(("trials", "ending"), [(6, Ending.BUDGET), (7, Ending.CONVERGED)])
def test_a_spent_budget_is_said_before_a_small_gain_and_the_last_trial_is_not_run_for_it(
    store: Store, config: StudyConfig, trials: int, ending: Ending
) -> None:
    assert campaign(store, replace(config, trials=trials), suggester=Fading()).run() is ending
    assert len(store.results(1)) == 6


def test_another_value_goes_on_and_none_never_stops(store: Store, config: StudyConfig) -> None:
    campaign(store, config, suggester=Fading()).run()
    assert campaign(store, config, suggester=Fading()).run() is Ending.CONVERGED
    assert len(store.results(1)) == 6  # nothing has changed since, so nothing is asked
    smaller = with_stop_gain(config, 0.01)
    store.update_config(1, config_toml="", config_json=smaller.to_json())
    assert campaign(store, smaller, suggester=Fading()).run() is Ending.CONVERGED
    assert len(store.results(1)) == 10
    never = with_stop_gain(config, 0.0)
    store.update_config(1, config_toml="", config_json=never.to_json())
    assert campaign(store, never, suggester=Fading()).run() is Ending.BUDGET
    assert len(store.results(1)) == 20
    assert "stopped" not in status(store)


def test_a_study_goes_on_with_another_share_and_one_that_is_none_is_refused(
    config: StudyConfig,
) -> None:
    other = with_stop_gain(config, 0.01)
    assert config_from_json(other.to_json()).suggest.stop_gain == 0.01
    assert differences(config, other) == ()
    assert with_stop_gain(config, None) is config
    for wrong in (-0.1, 1.0, float("nan")):
        with pytest.raises(ConfigError, match="is no share of a front\n  fix: give 0 to"):
            with_stop_gain(config, wrong)


def test_designs_that_no_model_chose_do_not_stop_a_study(store: Store, config: StudyConfig) -> None:
    assert campaign(store, config).run() is Ending.BUDGET  # random: it expects nothing
    assert len(store.results(1)) == 20
