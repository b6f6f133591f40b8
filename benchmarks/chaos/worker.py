"""One process that works on the study: ``python -m benchmarks.chaos.worker FOLDER [--retry]``.

The folder has the config, and the database unless its file ``place`` names another one.
"""

import sys
import time
from pathlib import Path

from benchmarks.chaos.rooms import PARAMETERS, clock_s
from dse.campaign import Campaign, Timing
from dse.campaign.asking import Asker
from dse.commands.interrupts import stop_on_interrupt
from dse.config import load_config
from dse.space import Space
from dse.store import Place, Store, parse_place
from dse.suggest import make_suggester
from runners.executors import make_executor

STUDY = "storm"
CONTEXT = "context"
TIMING = Timing(lease_s=3.0, heartbeat_s=1.0, poll_s=0.05, look_s=0.3)
"""Leases are short here, so that a stopped process is sure to outlive its own."""


def place_of(folder: Path) -> Place:
    """Return the database of a run."""
    try:
        return parse_place((folder / "place").read_text())
    except FileNotFoundError:
        return folder / "results.db"


def main() -> int:
    """Run the study to its end; 0 when it has ended."""
    folder = Path(sys.argv[1])
    text, config = load_config(folder / "storm.toml")

    def now_s() -> float:
        return clock_s(folder, time.time())

    asker = Asker(make_suggester(config.suggest.algorithm))
    executor = make_executor(
        config.executor, measure="benchmarks.chaos.rooms:measure", address=config.scheduler
    )
    with Store(place_of(folder)) as store, stop_on_interrupt() as should_stop:
        study = store.create_study(
            name=STUDY,
            config_toml=text,
            config_json=config.to_json(),
            source_hash="",
            now_s=now_s(),
        )
        if "--retry" in sys.argv:
            store.requeue(study.id, context=CONTEXT, now_s=now_s())
        try:
            ending = Campaign(
                store=store,
                study=study,
                config=config,
                context=CONTEXT,
                space=Space(PARAMETERS),
                asker=asker,
                executor=executor,
                should_stop=should_stop,
                timing=TIMING,
                now_s=now_s,
            ).run()
        finally:
            executor.close()
            asker.close()
    print(ending)
    return 0


if __name__ == "__main__":
    sys.exit(main())
