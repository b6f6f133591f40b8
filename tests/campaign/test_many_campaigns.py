"""Many processes on one study: every design once, and together exactly the budget."""

import multiprocessing
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from dse.campaign import Campaign, Timing
from dse.campaign.asking import Asker
from dse.config import load_config
from dse.store import Store
from dse.suggest import make_suggester
from runners.pipeline import default_root
from tests.campaign.fake_rooms import fake_space
from tests.campaign.test_campaign import InstantExecutor

CONFIG = """
[study]
name = "night"
trials = {trials}
[suggest]
algorithm = "{algorithm}"
[workload]
model = "net.tflite"
"""


def wait_for_all(folder: Path, processes: int) -> None:
    """Return in all processes at the same moment, so that they ask for designs at the same time."""
    (folder / f"{os.getpid()}.ready").touch()
    deadline_s = time.monotonic() + 120
    while len(list(folder.glob("*.ready"))) < processes:
        assert time.monotonic() < deadline_s, "a process did not start"
        time.sleep(0.001)


def run_campaign(folder: Path, processes: int) -> str:
    """Run one campaign of the study to its end, as `resume` does, with trials that take no time."""
    config = load_config(folder / "night.toml")[1]
    with Store(folder / "results.db") as store:
        study = store.create_study(
            name="night", config_toml="", config_json=config.to_json(), source_hash="", now_s=0
        )
        cache = default_root() / "suggest"  # the user's, as for `start`: compiled once
        asker = Asker(make_suggester(config.suggest.algorithm, compilation_cache=cache))
        wait_for_all(folder, processes)
        try:
            return Campaign(
                store=store,
                study=study,
                config=config,
                context="context",
                space=fake_space(config),
                asker=asker,
                executor=InstantExecutor(),
                timing=Timing(poll_s=0.01),
            ).run()
        finally:
            asker.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "processes", "trials"), [("random", 8, 40), ("grid", 8, 48), ("vizier", 8, 16)]
)
def test_campaigns_on_one_study_measure_every_design_once(
    tmp_path: Path, algorithm: str, processes: int, trials: int
) -> None:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(CONFIG.format(algorithm=algorithm, trials=trials))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        endings = pool.starmap(run_campaign, [(tmp_path, processes)] * processes, chunksize=1)
        pool.close()
        pool.join()
    with Store(tmp_path / "results.db") as store:
        results = store.results(store.study("night").id)
    assert len(results) == trials
    assert len({r.trial.design_id for r in results}) == trials
    assert {r.trial.state.value for r in results} <= {"completed", "infeasible"}
    assert Counter(endings)["budget"] >= 1
    assert set(endings) <= ({"budget"} if trials < 48 else {"budget", "exhausted"})
