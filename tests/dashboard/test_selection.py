"""A choice of what to see, by itself: read from an address, written to one, applied to trials."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest

from contracts.faults import ConfigError
from dse.config import StudyConfig, load_config
from dse.dashboard.data.selection import (
    Selection,
    bound_text,
    is_log,
    metric_names,
    parse_selection,
    verdict_words,
)
from dse.results.columns import ABSENT, STATES, Parameter, StudyColumns
from dse.results.front import Verdict
from dse.store import TrialState
from dse.store.records import Remark
from runners.fpga import PARTS, capacity_of
from tests.results.test_constraints import columns_of, trial

CONFIG = """
[study]
name = "night"
trials = 6
[workload]
model = "net.tflite"
[objectives]
minimise = ["latency_us", "lut4"]
"""
INF = float("inf")
NAN = float("nan")
ROWS = (
    # latency_us, lut4, cycles, state, cfu, width
    (400.0, 5000.0, 9.0, TrialState.COMPLETED, 0, ABSENT),
    (200.0, 6000.0, 8.0, TrialState.COMPLETED, 1, 0),
    (100.0, 9000.0, 7.0, TrialState.COMPLETED, 1, 1),
    (300.0, 9500.0, 6.0, TrialState.COMPLETED, 1, 1),
    (NAN, 7000.0, NAN, TrialState.INFEASIBLE, 1, 0),
    (NAN, NAN, NAN, TrialState.FAILED, 0, ABSENT),
    (NAN, NAN, NAN, TrialState.RUNNING, 0, ABSENT),
    (NAN, NAN, NAN, TrialState.WAITING, 1, 1),
    (250.0, NAN, 5.0, TrialState.COMPLETED, 0, ABSENT),
)


def load(folder: Path, text: str = CONFIG) -> StudyConfig:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "night.toml").write_text(text)
    return load_config(folder / "night.toml")[1]


def columns_with(config: StudyConfig) -> StudyColumns:
    names = ("latency_us", "lut4", "cycles")
    found = columns_of(
        [
            trial(at, {n: v for n, v in zip(names, row, strict=False) if v == v})
            for at, row in enumerate(ROWS, 1)
        ],
        config,
    )
    return replace(
        found,
        state=np.array([STATES.index(row[3]) for row in ROWS], dtype=np.int8),
        parameters={
            "cfu": Parameter(
                name="cfu",
                values=("none", "simd"),
                codes=np.array([row[4] for row in ROWS], dtype=np.int16),
            ),
            "width": Parameter(
                name="width",
                values=(4, 8),
                codes=np.array([row[5] for row in ROWS], dtype=np.int16),
            ),
        },
        remarks={2: Remark(tags=("odd",)), 3: Remark(tags=("good", "odd")), 4: Remark(note="odd")},
    )


@pytest.fixture
def columns(tmp_path: Path) -> StudyColumns:
    return columns_with(load(tmp_path))


def chosen(columns: StudyColumns, *pairs: tuple[str, str]) -> list[int]:
    """Return the numbers of the trials that an address chooses."""
    mask = parse_selection(pairs, columns).mask(columns)
    return [int(number) for number in columns.numbers[mask]]


ALL = list(range(1, len(ROWS) + 1))
DEFAULT = Selection(
    x="latency_us",
    y="lut4",
    size="",
    x_scale="auto",
    y_scale="auto",
    box={},
    only={},
    show="all",
)


@pytest.mark.parametrize(
    ("pairs", "numbers"),
    [
        ((), ALL),
        ((("show", "all"),), ALL),
        ((("show", "front"),), [1, 2, 3]),
        ((("show", "feasible"),), [1, 2, 3, 4]),
        ((("show", "completed"),), [1, 2, 3, 4, 9]),
        ((("show", "infeasible"),), [5]),
        ((("show", "failed"),), [6]),
        ((("show", "open"),), [7, 8]),
        # both bounds belong to a range, and what has no value is in none
        ((("box", "lut4:5000:6000"),), [1, 2]),
        ((("box", "lut4:5001:"),), [2, 3, 4, 5]),
        ((("box", "lut4::6999"),), [1, 2]),
        ((("box", "lut4::"),), [1, 2, 3, 4, 5]),
        ((("box", "lut4:6000:"), ("box", "cycles::8")), [2, 3, 4]),
        ((("low-lut4", "6000"), ("high-lut4", "9000")), [2, 3, 5]),
        ((("high-lut4", "9000"), ("low-lut4", "6000"), ("low-cycles", "")), [2, 3, 5]),
        ((("box", "lut4:6000:9500"), ("high-lut4", "9000")), [2, 3, 5]),
        ((("only", "cfu:none"),), [1, 6, 7, 9]),
        ((("only", "width:4"),), [2, 5]),
        ((("only", "width:4|-"),), [1, 2, 5, 6, 7, 9]),
        ((("only-width", "8"), ("only-cfu", "")), [3, 4, 8]),
        ((("only", "width:4"), ("only-width", "8")), [3, 4, 8]),
        ((("tag", "odd"),), [2, 3]),
        ((("tag", "good"),), [3]),
        ((("tag", "none"),), []),
        # the front is that of what the filters leave
        ((("box", "lut4:6000:"), ("box", "latency_us:150:"), ("show", "front")), [2]),
        ((("only", "width:8"), ("tag", ""), ("show", "feasible")), [3, 4]),
        ((("only", "cfu:simd"), ("show", "infeasible")), [5]),
    ],
)
def test_an_address_chooses_trials(
    columns: StudyColumns, pairs: Sequence[tuple[str, str]], numbers: list[int]
) -> None:
    assert chosen(columns, *pairs) == numbers


def test_the_front_of_a_part_of_the_trials_is_not_that_of_all(columns: StudyColumns) -> None:
    all_of_them = parse_selection([], columns)
    assert all_of_them.standing(columns) is columns.standing
    assert not all_of_them.is_filtering
    narrow = parse_selection([("low-latency_us", "250"), ("high-lut4", "9500")], columns)
    standing = narrow.standing(columns)
    assert sorted(columns.numbers[standing.front]) == [1, 4]
    assert columns.numbers[standing.kept].tolist() == [1, 4]
    assert standing.verdicts[1] == columns.standing.verdicts[1]
    assert standing is narrow.standing(columns), "judged once"


def test_what_fits_a_part_leaves_as_much_free_as_is_asked_for(tmp_path: Path) -> None:
    config = load(tmp_path)
    own = config.target.part
    lut4 = capacity_of(own)["lut4"]
    columns = columns_with(config)
    values = np.array([0.5, 0.8, 0.81, 1.0, 1.01, NAN, NAN, NAN, NAN]) * lut4
    column = replace(columns.metrics["lut4"], values=values)
    columns = replace(columns, metrics={**columns.metrics, "lut4": column})
    assert chosen(columns, ("fits", own)) == [1, 2, 3, 4]
    assert chosen(columns, ("fits", own), ("spare", "20")) == [1, 2]
    assert chosen(columns, ("spare", "20%")) == [1, 2], "of the study's own part"
    assert chosen(columns, ("spare", "0")) == ALL, "nothing is asked for"
    smaller = "LFE5U-12F"
    assert capacity_of(smaller)["lut4"] < lut4 / 2
    assert chosen(columns, ("fits", smaller), ("spare", "1")) == []


FULL = (
    ("x", "cycles"), ("y", "width"), ("size", "lut4"), ("colour", "cfu"), ("xs", "log"),
    ("ys", "linear"), ("box", "lut4:5000:"), ("box", "cycles::1234567"),
    ("box", "latency_us:0.5:1e6"), ("only", "cfu:simd|none"), ("only", "width:-|4"),
    ("show", "feasible"), ("fits", next(iter(PARTS))), ("spare", "12.5"), ("tag", "odd"),
    ("derive", "lut4 * 2"), ("derive", "cycles / 2"), ("weight", "lut4:2.5"),
    ("weight", "latency_us:0"), ("tick", "3"), ("tick", "1"),
)  # fmt: skip


def test_a_choice_is_what_its_address_says_and_comes_back_from_it(columns: StudyColumns) -> None:
    found = parse_selection(FULL, columns)
    assert found == Selection(
        x="cycles",
        y="width",
        size="lut4",
        colour="cfu",
        x_scale="log",
        y_scale="linear",
        box={
            "lut4": (5000.0, INF),
            "cycles": (-INF, 1234567.0),
            "latency_us": (0.5, 1e6),
        },
        only={"cfu": ("simd", "none"), "width": ("-", "4")},
        show="feasible",
        fits=next(iter(PARTS)),
        spare=12.5,
        tag="odd",
        derive=("lut4 * 2", "cycles / 2"),
        weights={"lut4": 2.5, "latency_us": 0.0},
        ticks=(3, 1),
    )
    assert parse_selection(parse_qsl(found.query()), columns) == found
    assert ":" in found.query()
    assert "|" in found.query(), "as people read it"


@pytest.mark.parametrize("left_out", range(len(FULL)))
def test_what_an_address_does_not_say_is_not_in_the_one_that_is_made_of_it(
    columns: StudyColumns, left_out: int
) -> None:
    pairs = [*FULL[:left_out], *FULL[left_out + 1 :]]
    found = parse_selection(pairs, columns)
    written = parse_qsl(found.query())
    assert parse_selection(written, columns) == found
    axes = {"x": "latency_us", "y": "lut4"}  # these are always said
    name = FULL[left_out][0]
    assert sorted(n for n, _ in written) == sorted([n for n, _ in pairs] + [name] * (name in axes))
    if name in axes:
        assert (name, axes[name]) in written


def test_nothing_chosen_is_a_short_address(columns: StudyColumns) -> None:
    found = parse_selection([], columns)
    assert found == DEFAULT
    assert found.query() == "x=latency_us&y=lut4"
    assert found.query(show="front", ticks=(2,)) == "x=latency_us&y=lut4&show=front&tick=2"
    assert found == DEFAULT, "what leads elsewhere changes nothing here"


def test_of_several_answers_to_one_question_the_first_that_says_something_counts(
    columns: StudyColumns,
) -> None:
    pairs = [("x", ""), ("x", "cycles"), ("x", "lut4"), ("tick", "2"), ("tick", "2")]
    found = parse_selection([*pairs, ("derive", "lut4"), ("derive", "lut4")], columns)
    assert (found.x, found.ticks, found.derive) == ("cycles", (2,), ("lut4",))
    blank = [("box", ""), ("only", ""), ("weight", ""), ("tick", ""), ("derive", "")]
    assert parse_selection([*blank, ("weight-lut4", "")], columns) == DEFAULT


def test_weights_come_from_the_address_and_the_form(columns: StudyColumns) -> None:
    found = parse_selection([("weight", "lut4:2"), ("weight-latency_us", "3")], columns)
    assert found.weights == {"lut4": 2.0, "latency_us": 3.0}
    found = parse_selection([("weight", "lut4:2"), ("weight-lut4", "0")], columns)
    assert found.weights == {"lut4": 0.0}, "the other objective counts once"
    with pytest.raises(ConfigError, match="every weight is 0"):
        parse_selection([("weight", "lut4:0"), ("weight", "latency_us:0")], columns)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("nonsense", "1"), "something unknown, 'nonsense'"),
        (("x", "none"), "axis 'none'"),
        (("size", "cfu"), "metric 'cfu'"),
        (("colour", "lut4"), "a colour for 'lut4'"),
        (("ys", "wide"), "an axis that is 'wide'"),
        (("box", "cfu:1:2"), "metric 'cfu'"),
        (("low-cfu", "1"), "metric 'cfu'"),
        (("only-lut4", "1"), "parameter 'lut4'"),
        (("show", "some"), "show 'some'"),
        (("fits", "part"), "part 'part'"),
        (("spare", "100"), "'100' to spare"),
        (("spare", "-1"), "'-1' to spare"),
        (("spare", "much"), "'much' to spare"),
        (("weight", "cycles:1"), "the weight of 'cycles'"),
        (("weight", "lut4:-1"), "is no weight"),
        (("tick", "-1"), "ticks '-1'"),
    ],
)
def test_what_an_address_cannot_mean_is_refused(
    columns: StudyColumns, pair: tuple[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_selection([pair], columns)


@pytest.mark.parametrize("name", ["sort", "page", "effect", "over", "course", "by", "limit"])
def test_what_a_page_is_asked_for_beside_the_choice_is_left_to_it(
    columns: StudyColumns, name: str
) -> None:
    assert parse_selection([(name, "anything")], columns) == DEFAULT


def test_most_of_a_part_may_be_spared(columns: StudyColumns) -> None:
    assert parse_selection([("spare", "99.5")], columns).spare == 99.5
    assert parse_selection([("spare", "0.5%")], columns).spare == 0.5
    assert parse_selection([("spare", "%")], columns).spare == 0.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"box": {"lut4": (5000.0, INF)}}, ["lut4 ≥ 5,000"]),
        ({"box": {"lut4": (-INF, 6000.0)}}, ["lut4 ≤ 6,000"]),
        ({"box": {"lut4": (5000.0, 6000.0)}}, ["lut4 ≥ 5,000 and ≤ 6,000"]),
        ({"only": {"cfu": ("none", "simd")}}, ["cfu is none or simd"]),
        ({"fits": "ECP5"}, ["fits ECP5"]),
        ({"spare": 12.5}, ["12.5 % to spare"]),
        ({"tag": "odd"}, ["tagged odd"]),
        ({"show": "front"}, ["only front"]),
        (
            {"only": {"cfu": ("none",)}, "tag": "odd", "show": "open"},
            ["cfu is none", "tagged odd", "only open"],
        ),
    ],
)
def test_filters_are_said_in_words(changes: dict[str, object], words: list[str]) -> None:
    selection = replace(DEFAULT, **changes)  # type: ignore[arg-type]
    assert [" ".join(text.split()) for text in selection.in_words()] == words
    assert selection.is_filtering == bool(words)


@pytest.mark.parametrize(
    ("values", "scale", "is_so"),
    [
        ([1.0, 20.0], "auto", True),  # the ratio from which on
        ([1.0, 19.9], "auto", False),
        ([1.0, 19.9], "log", True),
        ([1.0, 2000.0], "linear", False),
        ([0.0, 2000.0], "auto", False),
        ([0.0, 2000.0], "log", False),
        ([-1.0, 2000.0], "log", False),
        ([NAN, 5.0, 100.0, INF], "auto", True),
        ([NAN, NAN], "log", False),
        ([], "log", False),
    ],
)
def test_an_axis_is_logarithmic_where_it_is_wide_and_can_be(
    values: list[float], scale: str, is_so: bool
) -> None:
    assert is_log(np.array(values), scale) is is_so  # type: ignore[arg-type]


def test_a_bound_is_written_as_the_number_it_is() -> None:
    assert bound_text("lut4", 6500.0) == "6,500"
    assert bound_text("latency_us", 100_000.0) == "100 ms"
    assert bound_text("latency_us", 123_456.789) == "123456.789", "not rounded to something else"
    assert bound_text("lut4", INF) == bound_text("lut4", -INF) == ""


def test_objectives_are_the_first_metrics_and_one_alone_is_both_axes(tmp_path: Path) -> None:
    columns = columns_with(load(tmp_path))
    assert metric_names(columns) == ("latency_us", "lut4", "cycles")
    alone = load(tmp_path, CONFIG.replace('"latency_us", "lut4"', '"lut4"'))
    one = replace(columns, config=alone)
    assert (parse_selection([], one).x, parse_selection([], one).y) == ("lut4", "cycles")
    two = replace(columns, metrics={name: columns.metrics[name] for name in ("latency_us", "lut4")})
    assert (parse_selection([], two).x, parse_selection([], two).y) == ("latency_us", "lut4")
    only = replace(one, metrics={"lut4": columns.metrics["lut4"]})
    assert (parse_selection([], only).x, parse_selection([], only).y) == ("lut4", "lut4")


def test_every_verdict_has_words() -> None:
    assert len({verdict_words(str(verdict)) for verdict in Verdict}) == len(Verdict)
