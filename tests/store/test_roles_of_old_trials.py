"""Trials of databases from before there were roles get them, from the cells of their part."""

import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from contracts.measurement import Fidelity
from dse.store import Store
from runners.fpga import PARTS, family_of_part
from runners.fpga.cells import ROLES

OLD = Path(__file__).parent / "assets" / "schema_0002.sqlite3"


def with_cells(path: Path, part: str, counts: dict[str, int]) -> None:
    """Write a database of schema 0002 whose first trial has cells of a part."""
    shutil.copy(OLD, path)
    with closing(sqlite3.connect(path)) as database, database:
        config = json.dumps({"target": {"part": part}})
        database.execute("UPDATE studies SET config_json = ?", (config,))
        database.executemany(
            "INSERT INTO metrics (trial_id, name, value, unit, fidelity, estimate)"
            " VALUES (1, ?, ?, 'cells', 'placed', 0)",
            counts.items(),
        )
    database.close()


@pytest.mark.parametrize("part", ["LFE5U-25F", "LIFCL-40", "GW1NR-9C", "GW2AR-18C", "iCE40UP5K"])
def test_old_trials_get_the_roles_that_new_ones_are_stored_with(tmp_path: Path, part: str) -> None:
    numbers = random.Random(part)
    counts = {name: numbers.randint(0, held) for name, held in PARTS[part].items()}
    with_cells(tmp_path / "old.db", part, counts)

    with Store(tmp_path / "old.db") as store:
        found = store.detail(store.study("old"), 1).measurement.metrics
    expected = family_of_part(part).measured(counts, Fidelity.PLACED)
    assert [m for m in found if m.name in ROLES] == sorted(
        (m for m in expected if m.name in ROLES), key=lambda metric: metric.name
    )


def test_a_half_multiplier_counts_as_a_whole_one(tmp_path: Path) -> None:
    with_cells(tmp_path / "old.db", "GW1NR-9C", {"mult18x18": 4, "mult9x9": 3})

    with Store(tmp_path / "old.db") as store:
        assert store.detail(store.study("old"), 1).measurement.value("multipliers") == 6
