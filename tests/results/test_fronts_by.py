"""One front for each CFU family, and a choice among designs, on recorded studies."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from contracts.faults import ConfigError
from dse.dashboard.web.serve import example_database
from dse.output.fronts_report import choice_text, fronts_text, plot_fronts
from dse.results.choosing import Limit, choose, parse_limit, parse_weight
from dse.results.columns import StudyColumns
from dse.results.front import goals_of, pareto_front
from dse.results.fronts_by import fronts_by
from dse.results.study_results import study_columns
from dse.store import Reader
from tests.commands.here import call_here
from tests.dominance import dominates


@pytest.fixture(scope="module")
def database() -> Iterator[Path]:
    with example_database() as path:
        yield path


@pytest.fixture(scope="module")
def imgc(database: Path) -> StudyColumns:
    with Reader(database) as reader:
        return study_columns(reader, "imgc")


@pytest.fixture(scope="module")
def placed(database: Path) -> StudyColumns:
    with Reader(database) as reader:
        return study_columns(reader, "imgc-placed")


# Fronts side by side


def test_each_family_has_its_own_front_and_together_they_are_the_studys(
    imgc: StudyColumns,
) -> None:
    fronts = fronts_by([imgc], "cfu")
    assert [group.name for group in fronts.groups] == ["CPU alone", "simd"]
    assert sum(group.trials for group in fronts.groups) == int(imgc.standing.kept.sum())
    goals = goals_of(imgc.config)
    for group in fronts.groups:
        values = [point.values for point in group.points]
        assert not any(dominates(a, b, goals) for a in values for b in values)
    joint = {p.number for group in fronts.groups for p in group.points if p.is_joint}
    assert joint == {point.trial.number for point in pareto_front(imgc).points}


def test_every_family_is_compared_with_the_cpu_alone_whatever_it_is_called(
    imgc: StudyColumns,
) -> None:
    names = {"none": "none", "simd": "accelerator"}
    cfu = imgc.parameters["cfu"]
    values = tuple(names[str(value)] for value in cfu.values)
    ascending = sorted(range(len(values)), key=lambda code: values[code])
    codes = np.array([ascending.index(code) if code >= 0 else code for code in cfu.codes])
    renamed = replace(cfu, values=tuple(sorted(values)), codes=codes.astype(cfu.codes.dtype))
    columns = replace(imgc, parameters={**imgc.parameters, "cfu": renamed})
    fronts = fronts_by([columns], "cfu")
    assert [group.name for group in fronts.groups] == ["CPU alone", "accelerator"]
    assert "against CPU alone" in fronts_text(fronts)
    before = fronts_by([imgc], "cfu").groups
    assert [group.adds for group in fronts.groups] == [group.adds for group in before]


def test_what_a_front_adds_is_what_is_lost_without_it(imgc: StudyColumns) -> None:
    alone, simd = fronts_by([imgc], "cfu").groups
    assert 0 < alone.adds < 1
    assert 0 < simd.adds < 1
    assert alone.adds + simd.adds < 1, "the rest both dominate"
    (whole,) = fronts_by([imgc], "study").groups
    assert whole.adds == 1.0


def test_a_front_behind_another_adds_nothing(imgc: StudyColumns, placed: StudyColumns) -> None:
    fronts = fronts_by([imgc, placed], "cfu")
    names = [group.name for group in fronts.groups]
    assert names == ["imgc: CPU alone", "imgc: simd", "imgc-placed: simd"]
    assert fronts.groups[-1].adds == 0.0
    assert not any(point.is_joint for point in fronts.groups[-1].points)
    assert not any(point.is_estimate for point in fronts.groups[-1].points)


def test_designs_without_the_parameter_are_a_group_of_their_own(imgc: StudyColumns) -> None:
    fronts = fronts_by([imgc], "simd_width")
    assert [group.name for group in fronts.groups] == ["1", "2", "4", "8", "16", "-"]


def test_the_picture_has_every_point_and_the_table(imgc: StudyColumns, tmp_path: Path) -> None:
    fronts = fronts_by([imgc], "cfu")
    plot_fronts(fronts, tmp_path / "fronts.svg")
    text = (tmp_path / "fronts.svg").read_text()
    root = ElementTree.fromstring(text)
    circles = [each for each in root.iter() if each.tag.endswith("circle")]
    assert len(circles) == sum(len(group.points) for group in fronts.groups) + len(fronts.groups)
    for word in ("CPU alone", "simd", "adds", f"{fronts.groups[1].adds:.1%}"):
        assert word in text
    assert "~: an estimate" in fronts_text(fronts)
    with pytest.raises(ConfigError, match="which picture"):
        plot_fronts(fronts, tmp_path / "fronts.gif")


def test_a_parameter_that_no_design_has_is_named(imgc: StudyColumns) -> None:
    with pytest.raises(ConfigError, match=r"parameter 'lanes'[\s\S]*fix: use one of .*cfu.* study"):
        fronts_by([imgc], "lanes")


# The choice


def test_limits_weights_and_the_knee_order_what_is_left(imgc: StudyColumns) -> None:
    plain = choose(imgc)
    assert {c.number for c in plain.candidates} == {
        point.trial.number for point in pareto_front(imgc).points
    }
    assert plain.candidates[0].is_knee
    fast = choose(imgc, weights={"latency_us": 1.0, "lut4": 0.0}).candidates[0]
    assert fast.best_in == ("latency_us",)
    small = choose(imgc, weights={"latency_us": 0.0}).candidates[0]
    assert small.best_in == ("lut4",)
    limited = choose(imgc, limits=[parse_limit("latency_us < 300 ms")])
    assert all(candidate.values[0] <= 300_000 for candidate in limited.candidates)
    assert limited.kept < limited.counted
    assert "knee" in choice_text(limited)


def test_a_part_with_room_to_spare_is_a_limit(imgc: StudyColumns) -> None:
    spare = choose(imgc, part="LFE5U-85F", spare=0.65)
    assert spare.kept < spare.counted
    assert all(c.spare is not None and c.spare >= 0.65 for c in spare.candidates)
    with pytest.raises(ConfigError, match=r"0 keep room on LFE5U-25F with 20% .*most .* free"):
        choose(imgc, part="LFE5U-25F", spare=0.2)
    with pytest.raises(ConfigError, match="whether a trial fits XC9 cannot be told"):
        choose(imgc, part="XC9")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("latency_us <= 100ms", Limit(metric="latency_us", most=True, value=100_000)),
        ("latency_us<0.1s", Limit(metric="latency_us", most=True, value=100_000)),
        ("lut4 < 8e3", Limit(metric="lut4", most=True, value=8000)),
        ("fmax_mhz >= 60", Limit(metric="fmax_mhz", most=False, value=60)),
    ],
)
def test_a_limit_is_read_with_its_unit(text: str, limit: Limit) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize("text", ["lut4", "lut4 == 3", "lut4 < e", "lut4 < 3 ms", "< 3"])
def test_what_is_no_limit_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no limit|is no value of"):
        parse_limit(text)


@pytest.mark.parametrize("text", ["lut4", "lut4=-1", "lut4=x", "lut4=nan"])
def test_what_is_no_weight_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="is no weight"):
        parse_weight(text)


def test_what_the_study_does_not_have_is_named(imgc: StudyColumns) -> None:
    with pytest.raises(ConfigError, match=r"metric watts[\s\S]*fix: use one of: .*lut4"):
        choose(imgc, limits=[parse_limit("watts < 3")])
    with pytest.raises(ConfigError, match=r"ff is no objective[\s\S]*fix: weigh latency_us, lut4"):
        choose(imgc, weights={"ff": 1.0})
    with pytest.raises(ConfigError, match="every weight is 0"):
        choose(imgc, weights={"lut4": 0.0, "latency_us": 0.0})


def test_the_commands_print_the_same(database: Path, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        done = call_here(*words, "--db", database, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    picture = tmp_path / "fronts.svg"
    fronts = run("figure", "cpu-vs-cfu", "imgc", "--plot", str(picture))
    assert [group["name"] for group in fronts["groups"]] == ["CPU alone", "simd"]
    assert picture.exists()
    choice = run("choose", "imgc", "--limit", "latency_us < 300ms", "--weight", "lut4=2")
    assert choice["candidates"][0]["score"] <= choice["candidates"][-1]["score"]
