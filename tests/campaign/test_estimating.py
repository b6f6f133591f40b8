"""How long a study will take that no other is like."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.measurement import Fidelity
from dse.campaign.estimating import estimate
from dse.campaign.planning import expected_time
from dse.config import StudyConfig, config_from_json, load_config, with_budget
from dse.dashboard.web.serve import example_database
from dse.shipped import OUR_MODEL
from dse.store import Reader, Store, TrialWork
from tests.store.store_fixtures import NO_WAIT, completed, new_study, new_trials

MACS = 12_501_632


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "s.toml").write_text(
        f'[study]\nname = "s"\ntrials = 40\nworkers = 2\nfidelity = "synthesise"\n'
        f'[workload]\nmodel = "{OUR_MODEL}"\n[target]\nname = "ulx3s_85f"\n'
    )
    return load_config(tmp_path / "s.toml")[1]


def works(study: str, count: int = 4, **changes: float | Fidelity) -> list[TrialWork]:
    work = TrialWork(
        study=study,
        fidelity=Fidelity.SYNTHESISED,
        macs=1_000_000,
        cycles=3_000_000.0,
        simulated_cpu_s=6.0,
        other_cpu_s=20.0,
    )
    return [replace(work, **changes)] * count  # type: ignore[arg-type]


def test_without_a_trial_the_figures_of_our_machine_stand_in(config: StudyConfig) -> None:
    found = estimate(config, macs=MACS, works=())
    assert found.cycles == 2.0 * MACS
    assert found.simulate_cpu_s == pytest.approx(2 * 2.0 * MACS / 1.9e6)
    assert found.wall_s == pytest.approx((20.0 + found.simulate_cpu_s) * 40 / 2)
    assert found.least_s < found.wall_s < found.most_s
    assert "an estimate" in found.basis
    assert "as on our machine: the database has too few trials" in found.basis
    assert "with 2 free cores" in found.brief


def test_trials_of_other_networks_tell_what_building_and_a_cycle_cost(config: StudyConfig) -> None:
    found = estimate(config, macs=MACS, works=works("a") + works("b", other_cpu_s=40.0))
    assert found.cycles == pytest.approx(3.0 * MACS)
    assert found.simulate_cpu_s == pytest.approx(3.0 * MACS * 2e-6)
    assert found.build_cpu_s == pytest.approx(30.0)
    assert found.basis.endswith("as 8 trials of a, b took")


@pytest.mark.parametrize(
    "told",
    [
        works("a", 3),
        works("a", simulated_cpu_s=0.0),
        works("a", macs=0),
        works("a", cycles=9_000.0, fidelity=Fidelity.SIMULATED),
    ],
    ids=["too few", "cached", "no network", "tiny, and not as far"],
)
def test_what_tells_nothing_is_not_gone_by(config: StudyConfig, told: list[TrialWork]) -> None:
    assert estimate(config, macs=MACS, works=told) == estimate(config, macs=MACS, works=())


def test_a_tiny_network_tells_what_building_costs_and_nothing_of_simulations(
    config: StudyConfig,
) -> None:
    plain = estimate(config, macs=MACS, works=())
    found = estimate(config, macs=MACS, works=works("tiny", cycles=9_000.0, other_cpu_s=31.0))
    assert found.build_cpu_s == pytest.approx(31.0)
    assert (found.cycles, found.simulate_cpu_s) == (plain.cycles, plain.simulate_cpu_s)
    assert found.studies == ("tiny",)


def test_what_only_simulated_tells_nothing_of_synthesis(config: StudyConfig) -> None:
    found = estimate(
        config, macs=MACS, works=works("a", fidelity=Fidelity.SIMULATED, other_cpu_s=9.0)
    )
    assert found.build_cpu_s == 20.0
    assert found.cycles == pytest.approx(3.0 * MACS)


def test_no_inference_is_expected_beyond_the_limit_and_budget_and_workers_count(
    config: StudyConfig,
) -> None:
    limited = replace(config, limits=replace(config.limits, cycles=1_000_000))
    assert estimate(limited, macs=MACS, works=()).cycles == 1_000_000
    plain = estimate(config, macs=MACS, works=())
    smaller = estimate(with_budget(config, trials=10, workers=1), macs=MACS, works=())
    assert smaller.wall_s == pytest.approx(plain.wall_s / 2)
    placing = replace(config, fidelity=Fidelity.PLACED, promotes=True)
    assert estimate(placing, macs=MACS, works=()).wall_s > 1.5 * plain.wall_s


def test_a_like_study_is_gone_by_where_there_is_one(config: StudyConfig) -> None:
    with example_database() as database, Reader(database) as reader:
        other = expected_time(config, reader, macs=MACS)
        assert "an estimate" in other.basis
        assert "trials of imgc" in other.basis
        like = expected_time(config_from_json(reader.study("imgc").config_json), reader, macs=MACS)
    assert "in the mean of 48 of imgc" in like.basis


def test_the_newest_trials_that_were_measured_themselves_tell(tmp_path: Path) -> None:
    with Store(tmp_path / "results.db") as store:
        study = new_study(store)
        new_trials(store, study, 3)
        for number in range(2):
            held = store.claim(study.id, worker="w", now_s=200 + number, lease_s=60)
            assert held is not None
            store.finish(held.attempt_id, completed(2e6), now_s=210, retry=NO_WAIT)
        found = store.trial_works(most=10)
        assert len(found) == 2
        assert {(work.study, work.cycles) for work in found} == {("one", 2e6)}
        assert found[0].macs > 0
        assert store.trial_works(most=1) == found[1:]
