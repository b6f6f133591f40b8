"""The best design and the front within limits, and what a limit may look like."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contracts.faults import ConfigError
from dse.commands.best import best_design, best_text, front_within
from dse.dashboard.example import unpack
from dse.results.choosing import Limit, choose, parse_limit
from dse.results.columns import StudyColumns
from dse.results.study_results import study_columns
from dse.store import Reader, Remark, Store
from dse.words import value_text
from tests.commands.here import call_here

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("best") / "recorded.db")


@pytest.fixture(scope="module")
def columns(database: Path) -> Iterator[StudyColumns]:
    with Reader(database) as reader:
        yield study_columns(reader, "imgc")


@pytest.mark.parametrize(
    ("text", "metric", "most", "value"),
    [
        ("latency_us=150000", "latency_us", True, 150_000),
        ("latency_us = 150 ms", "latency_us", True, 150_000),
        ("latency_us <= 100ms", "latency_us", True, 100_000),
        ("latency_us<1.5s", "latency_us", True, 1_500_000),
        ("lut4 <= 6,500", "lut4", True, 6_500),
        ("lut4=6_500", "lut4", True, 6_500),
        ("lut4 < 100k", "lut4", True, 100_000),
        ("cycles = 2.5M", "cycles", True, 2_500_000),
        ("cycles<=1e6", "cycles", True, 1_000_000),
        ("fmax_mhz = 60", "fmax_mhz", False, 60),
        ("accuracy_percent >= 87.5", "accuracy_percent", False, 87.5),
    ],
)
def test_a_limit_is_read_as_a_person_writes_it(
    text: str, metric: str, most: bool, value: float
) -> None:
    assert parse_limit(text) == Limit(metric=metric, most=most, value=value)


@pytest.mark.parametrize("text", ["", "lut4", "lut4 <=", "lut4 ~ 3", "lut4 <= 6,50", "lut4 <= k"])
def test_what_is_no_limit_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no (limit|value of lut4)\n  fix: (write|use)"):
        parse_limit(text)


def test_the_best_is_the_least_that_keeps_the_limit(columns: StudyColumns) -> None:
    latency, lut4 = columns.column("latency_us"), columns.column("lut4")
    within = columns.standing.kept & (latency <= 150_000)

    best = best_design(columns, [parse_limit("latency_us=150ms")], by="lut4")

    assert best.metrics["lut4"] == lut4[within].min()
    assert best.metrics["latency_us"] <= 150_000
    assert (best.counted, best.kept) == (columns.standing.kept.sum(), within.sum())
    assert lut4[columns.standing.kept].min() < best.metrics["lut4"], "the limit decides"
    told = best_text(best, columns, db="a b.db")
    assert f"python -m dse.study show imgc {best.trial} --db 'a b.db'" in told


def test_without_a_limit_it_is_the_best_of_the_first_objective(columns: StudyColumns) -> None:
    best = best_design(columns, [], by=None)
    assert (best.by, best.trial) == (
        "latency_us",
        columns.numbers[columns.standing.front[0]],
    )


def test_the_front_within_limits_is_the_selections_own(columns: StudyColumns) -> None:
    limits = [parse_limit("dp16kd <= 56")]
    whole, limited = front_within(columns, [], sort=None), front_within(columns, limits, sort=None)

    assert all(point.metrics["dp16kd"] <= 56 for point in limited.points)
    known = {point.trial.number for point in whole.points}
    assert {point.trial.number for point in limited.points} - known, "dominated by what is out"
    chosen = {candidate.number for candidate in choose(columns, limits=limits).candidates}
    assert chosen == {point.trial.number for point in limited.points}


@pytest.mark.parametrize("by", ["lut4", "buffer_depth", "latency_us"])
def test_a_front_is_sorted_by_a_metric_or_a_parameter(columns: StudyColumns, by: str) -> None:
    points = front_within(columns, [], sort=by).points
    values = [point.metrics.get(by, point.trial.design.get(by)) for point in points]
    there = [value for value in values if value is not None]
    assert there == sorted(there)  # type: ignore[type-var]
    assert values[: len(there)] == there, "those without come last"


def test_what_nothing_keeps_or_nobody_knows_is_named(columns: StudyColumns) -> None:
    with pytest.raises(ConfigError, match=r"keeps all limits: 0 keep latency_us <= 1\n"):
        front_within(columns, [parse_limit("latency_us=1")], sort=None)
    with pytest.raises(ConfigError, match=r"has the metric lutt\n  fix: did you mean 'luts'\?"):
        best_design(columns, [], by="lutt")
    with pytest.raises(ConfigError, match=r"the metric icache\n  fix: did you mean 'icache_w"):
        front_within(columns, [], sort="icache")
    assert np.isfinite(columns.column("lut4")).any()


def test_the_command_prints_json(database: Path) -> None:
    words = ["best", "imgc", "--limit", "latency_us=150000", "--by", "lut4", "--json"]
    ended = call_here(*words, "--db", database)
    assert json.loads(ended.stdout)["by"] == "lut4"


@pytest.fixture
def tagged(database: Path, tmp_path: Path) -> Path:
    """A database with the tag ``paper`` on a trial of the front, two behind it and a failed one."""
    copied = tmp_path / "tagged.db"
    shutil.copy(database, copied)
    with Store(copied) as store:
        study = store.study("imgc")
        for number in (38, 11, 12, 5):
            tags = ("paper", f"t{number}")
            store.remark(study.id, number, lambda _, tags=tags: Remark(tags=tags))  # type: ignore[misc]
    return copied


def test_a_tag_leaves_its_own_front(tagged: Path) -> None:
    with Reader(tagged) as reader:
        columns = study_columns(reader, "imgc")
    has = {number for number, remark in columns.remarks.items() if "paper" in remark.tags}
    assert has == {38, 11, 12, 5}
    front = front_within(columns, [], sort=None, tags=["paper"])
    found = {point.trial.number for point in front.points} | {*front.dominated, *front.excluded}
    assert found <= has
    assert [point.trial.number for point in front.points] == [38]
    without = front_within(columns, [], sort=None, tags=["t11"])
    assert [point.trial.number for point in without.points] == [11], "dominated in the study"
    assert 11 not in {point.trial.number for point in front_within(columns, [], sort=None).points}
    assert (best_design(columns, [], by="lut4", tags=["t11"]).trial) == 11
    assert [c.number for c in choose(columns, tags=["paper", "t11"]).candidates] == [11]
    with pytest.raises(ConfigError, match=r"is tagged papr\n  fix: did you mean 'paper'\?"):
        front_within(columns, [], sort=None, tags=["papr"])
    with pytest.raises(ConfigError, match="1 keep the tag t11"):
        best_design(columns, [parse_limit("latency_us=1ms")], by=None, tags=["paper", "t11"])


def test_the_commands_take_a_tag(tagged: Path) -> None:
    for command in ("front", "best", "choose"):
        told = call_here(command, "imgc", "--tag", "t11", "--json", "--db", tagged)
        assert told.returncode == 0, told.stderr
        data = json.loads(told.stdout)
        rows = data.get("front") or data.get("candidates") or [data]
        assert [row.get("trial", row.get("number")) for row in rows] == [11]
        wrong = call_here(command, "imgc", "--tag", "none", "--db", tagged)
        assert wrong.returncode == 3


def test_the_best_fits_80_columns_and_is_told_whole_when_asked(columns: StudyColumns) -> None:
    best = best_design(columns, [], by="cycles")
    short, whole = best_text(best, columns), best_text(best, columns, is_wide=True)
    for text in (short, whole):
        before, _, _ = text.partition("look at it")
        assert max(map(len, before.splitlines())) <= 80
    assert "cycles 3,000,185" in short
    assert "CFU simd: width 16, buffer depth 4096, requantisation" in short
    assert "--wide" in short
    assert "dcache_ways" not in short
    said = " ".join(whole.split())
    for name, value in best.design.items():
        assert f"{name}={value_text(value)}" in said
    for name in columns.config.shown_metrics(sorted(best.metrics)):
        assert name in said or name == "latency_us"
