"""From which clock on a design would be on the front of what is placed, against the definition."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dse.campaign.promotion import wanted_clock_hz
from dse.config import StudyConfig, load_config
from dse.results.columns import STATES, StudyColumns
from dse.store import TrialState
from tests.results.test_constraints import columns_of, trial

CONFIG = """
[study]
name = "night"
trials = 6
fidelity = "place"
promote = "front"
[workload]
model = "net.tflite"
[objectives]
minimise = ["latency_us", "lut4", "ff"]
"""
NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trial; ``latency_us`` is an estimate unless it is placed."""

    design: str
    lut4: float = 1000.0
    ff: float = 500.0
    cycles: float = 6000.0
    latency_us: float = 100.0
    is_placed: bool = True
    state: TrialState = TrialState.COMPLETED


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    return load(tmp_path, CONFIG)


def load(folder: Path, text: str) -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "night.toml").write_text(text)
    return load_config(folder / "night.toml")[1]


def columns_with(rows: Sequence[Row], config: StudyConfig) -> StudyColumns:
    names = ("lut4", "ff", "cycles", "latency_us")
    metrics = [
        {name: getattr(row, name) for name in names if not math.isnan(getattr(row, name))}
        for row in rows
    ]
    columns = columns_of([trial(at, each) for at, each in enumerate(metrics, 1)], config)
    guessed = np.array([not row.is_placed for row in rows])
    latency = replace(columns.metrics["latency_us"], estimate=guessed)
    return replace(
        columns,
        metrics={**columns.metrics, "latency_us": latency},
        state=np.array([STATES.index(row.state) for row in rows], dtype=np.int8),
        design_ids=[row.design for row in rows],
    )


def wanted_by_definition(rows: Sequence[Row], design: str) -> int:
    own = [row for row in rows if row.design == design and not math.isnan(row.cycles)]
    if not own:
        return 0
    rivals = [
        row.latency_us
        for row in rows
        if row.design != design
        and row.is_placed
        and row.state is TrialState.COMPLETED
        and not any(math.isnan(value) for value in (row.lut4, row.ff, row.latency_us))
        and row.lut4 <= own[-1].lut4
        and row.ff <= own[-1].ff
    ]
    return math.ceil(1e6 * own[-1].cycles / min(rivals)) if rivals else 0


def some_rows(seed: int) -> list[Row]:
    draw = random.Random(seed)
    return [
        Row(
            design=draw.choice("abcd"),
            lut4=draw.choice((900.0, 1000.0, 1100.0)),
            ff=draw.choice((400.0, 500.0, NAN)) if draw.random() < 0.2 else 450.0,
            cycles=draw.choice((5000.0, 7000.0, 6001.0, NAN)),
            latency_us=draw.choice((70.0, 90.0, 110.0)),
            is_placed=draw.random() < 0.6,
            state=draw.choice((TrialState.COMPLETED, TrialState.COMPLETED, TrialState.FAILED)),
        )
        for _ in range(draw.randrange(1, 9))
    ]


def test_a_clock_must_beat_every_placed_design_that_is_not_worse_elsewhere(
    config: StudyConfig,
) -> None:
    wanted = set()
    for seed in range(300):
        rows = some_rows(seed)
        columns = columns_with(rows, config)
        for design in "abcd":
            found = wanted_clock_hz(columns, design)
            assert found == wanted_by_definition(rows, design), f"seed {seed}, {design}"
            assert type(found) is int
            wanted.add(found)
    assert len(wanted) > 6, "else the studies are too plain"


def test_a_rival_is_not_worse_in_each_other_objective_which_may_be_equal(
    config: StudyConfig,
) -> None:
    own = Row(design="own", cycles=9000.0, is_placed=False, latency_us=180.0)
    for rival, is_one in (
        (Row(design="rival"), True),  # as large
        (Row(design="rival", lut4=1001.0), False),
        (Row(design="rival", ff=501.0, lut4=1.0), False),
        (Row(design="rival", is_placed=False), False),
        (Row(design="rival", state=TrialState.INFEASIBLE), False),
        (Row(design="own"), False),  # a design is no rival of itself
    ):
        for rows in ([rival, own], [own, rival]):
            wanted = wanted_clock_hz(columns_with(rows, config), "own")
            assert wanted == (90_000_000 if is_one else 0)


def test_a_design_is_as_large_as_its_last_trial_with_cycles_says(config: StudyConfig) -> None:
    rows = [
        Row(design="own", lut4=500.0, cycles=1.0, is_placed=False),
        Row(design="own", lut4=1000.0, cycles=9000.0, is_placed=False),
        Row(design="own", lut4=10.0, cycles=NAN, latency_us=NAN),  # it failed when it was placed
        Row(design="rival"),
    ]
    assert wanted_clock_hz(columns_with(rows, config), "own") == 90_000_000


def test_a_rival_that_takes_less_than_a_microsecond_is_one(config: StudyConfig) -> None:
    rows = [Row(design="rival", latency_us=0.5), Row(design="own", cycles=100.0, is_placed=False)]
    assert wanted_clock_hz(columns_with(rows, config), "own") == 200_000_000


def test_a_clock_is_rounded_up_to_what_is_as_fast(config: StudyConfig) -> None:
    rows = [Row(design="rival", latency_us=3e6), Row(design="own", cycles=10.0, is_placed=False)]
    assert wanted_clock_hz(columns_with(rows, config), "own") == 4


def test_nothing_is_wanted_where_no_clock_helps_or_none_counts(
    config: StudyConfig, tmp_path: Path
) -> None:
    rows = [Row(design="rival"), Row(design="own", is_placed=False)]
    columns = columns_with(rows, config)
    assert wanted_clock_hz(columns, "own") > 0
    assert wanted_clock_hz(columns, "unknown") == 0
    at_once = columns_with([replace(rows[0], latency_us=0.0), rows[1]], config)
    assert wanted_clock_hz(at_once, "own") == 0
    for missing in ("latency_us", "cycles"):
        without = {name: each for name, each in columns.metrics.items() if name != missing}
        assert wanted_clock_hz(replace(columns, metrics=without), "own") == 0
    small = load(tmp_path, CONFIG.replace('"latency_us", ', ""))
    assert wanted_clock_hz(replace(columns, config=small), "own") == 0
