"""What a suggestion reads does not grow with the age of its study."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from benchmarks.dashboard_study import NAME, make_study
from dse.campaign.knowledge import Knowledge
from dse.campaign.trial_costs import TrialCosts
from dse.config.assembly import assemble_space
from dse.store import Reader

_STEPS = 20


@pytest.fixture
def steps() -> Iterator[list[None]]:
    """Get an item for every twenty steps of SQLite's machine, on connections made from now on."""
    taken: list[None] = []

    def count(connection: object, _record: object) -> None:
        connection.set_progress_handler(lambda: taken.append(None), _STEPS)  # type: ignore[attr-defined]

    event.listen(Engine, "connect", count)
    yield taken
    event.remove(Engine, "connect", count)


def steps_of_an_update(place: Path, trials: int, steps: list[None]) -> int:
    """Return what is done to learn that there is nothing new, in a study of so many trials."""
    config = make_study(place, trials=trials)
    with Reader(place) as reader:
        study = reader.study(NAME)
        knowledge, costs = Knowledge(NAME, config, assemble_space(config)), TrialCosts(study.id)
        knowledge.update(reader)
        costs.update(reader)
        before = len(steps)
        knowledge.update(reader)
        costs.update(reader)
        return len(steps) - before


def test_ten_times_the_trials_take_no_more_steps_of_the_database(
    tmp_path: Path, steps: list[None]
) -> None:
    young = steps_of_an_update(tmp_path / "young.db", 300, steps)
    old = steps_of_an_update(tmp_path / "old.db", 3000, steps)
    assert young > 0
    assert old <= young + 5
