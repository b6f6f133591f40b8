"""Fronts, tables, pictures and exports from one set of stored trials."""

import io
import itertools
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
import resvg_py
from PIL import Image

from contracts.faults import ConfigError, ToolCrashed
from contracts.measurement import Completed, Measurement, outcome_of
from contracts.parameter import Value
from dse.campaign.events import AttemptEnded, StageChanged, TrialReused, TrialStarted
from dse.config import StudyConfig, load_config, with_budget
from dse.dashboard.web.serve import example_database
from dse.output.drawing.scale import make_axis
from dse.output.drawing.scatter import Mark, Scatter, draw_scatter
from dse.output.drawing.svg import Drawing
from dse.output.export import export
from dse.output.front_columns import View, cfu_words
from dse.output.plot import front_drawing, plot_front
from dse.output.progress import PlainDisplay, Tally, event_text
from dse.output.report import front_text, status_data, status_text
from dse.output.trial_report import show_text
from dse.results.columns import StudyColumns
from dse.results.front import pareto_front
from dse.results.study_results import study_columns, study_front
from dse.space import Design
from dse.store import NewTrial, Reader, RetryPolicy, Store, TrialRecord, TrialState
from dse.words import duration_text, latency_text, number_text, stage_text
from runners.job import SimulatedCycles, StageEvent, StageState
from runners.stages.golden import Missed, OracleReport
from tests.campaign.fake_rooms import fake_space, measure

CONFIG = """
[study]
name = "night"
trials = 10
[workload]
model = "net.tflite"
[constraints]
mult18x18d = 8
"""
DESIGNS: tuple[dict[str, Value], ...] = (
    {"icache_bytes": 0, "bypass": True, "cfu": "none"},
    {"icache_bytes": 1024, "bypass": True, "cfu": "simd", "simd_width": 4},
    {"icache_bytes": 4096, "bypass": True, "cfu": "simd", "simd_width": 4},
    {"icache_bytes": 1024, "bypass": True, "cfu": "simd", "simd_width": 8},
)


@pytest.fixture
def config(tmp_path: Path) -> StudyConfig:
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(CONFIG)
    return load_config(tmp_path / "night.toml")[1]


def queue_again(store: Store, design: Design) -> None:
    """Queue a design that the study has, as older versions of this software did."""
    with store._write() as db:
        db.exec_driver_sql(
            "INSERT INTO trials (study_id, number, design_id, design_json, context, suggested_by,"
            " state, created_s, failures, not_before_s, revision)"
            " SELECT study_id, 5, design_id, design_json, context, 'r', 'waiting', 0, 0, 0, 99"
            " FROM trials WHERE design_id = ?",
            (design.id,),
        )


@pytest.fixture
def store(tmp_path: Path, config: StudyConfig) -> Iterator[Store]:
    """Four measured trials, one that failed and one that reuses the second."""
    with Store(tmp_path / "results.db") as opened:
        study = opened.create_study(
            name="night", config_toml="", config_json=config.to_json(), source_hash="", now_s=0
        )
        designs = [fake_space().design(values) for values in DESIGNS]
        opened.add_trials(
            study.id,
            [NewTrial(design_id=d.id, design_json=d.canonical, suggested_by="r") for d in designs],
            context="c",
            budget=10,
            now_s=0,
        )
        for design in designs[:4]:
            claim = opened.claim(study.id, worker="w", now_s=1, lease_s=60)
            assert claim is not None
            outcome = measure(config.job(design.values), report=lambda _: None)
            opened.finish(claim.attempt_id, outcome, now_s=31, retry=RetryPolicy())
        queue_again(opened, designs[1])
        opened.reuse_results(study.id, now_s=32)
        crashed = Design({"icache_bytes": 2048, "bypass": False, "cfu": "none"})
        opened.add_trials(
            study.id,
            [NewTrial(design_id=crashed.id, design_json=crashed.canonical, suggested_by="r")],
            context="c",
            budget=10,
            now_s=0,
        )
        claim = opened.claim(study.id, worker="w", now_s=40, lease_s=60)
        assert claim is not None
        fault = ToolCrashed("yosys failed", fix="read its log", detail="ERROR: line 3")
        opened.finish(
            claim.attempt_id,
            outcome_of(fault, Measurement(metrics=())),
            now_s=50,
            retry=RetryPolicy(attempts=1),
        )
        yield opened


@pytest.fixture
def columns(store: Store) -> StudyColumns:
    return study_columns(store, "night")


@pytest.fixture
def nothing(tmp_path: Path, config: StudyConfig) -> StudyColumns:
    """A study without trials."""
    with Store(tmp_path / "empty.db") as empty:
        empty.create_study(
            name="night", config_toml="", config_json=config.to_json(), source_hash="", now_s=0
        )
        return study_columns(empty, "night")


def test_a_front_has_each_design_once_and_no_dominated_one(columns: StudyColumns) -> None:
    found = pareto_front(columns)

    assert [r.trial.number for r in found.points] == [4, 2, 1]
    assert found.dominated == (3,)


def test_a_front_keeps_the_constraints(columns: StudyColumns, tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text(CONFIG.replace("= 8", "= 4"))
    tighter = load_config(tmp_path / "night.toml")[1]

    found = pareto_front(replace(columns, config=tighter))
    assert [r.trial.number for r in found.points] == [2, 1]
    excluded = found.excluded
    assert 4 in excluded
    listed = ", ".join(map(str, excluded))
    assert f"they break a constraint or a limit: trials {listed}" in front_text(found, tighter)


def test_a_front_is_printed_with_what_differs_and_what_is_common(
    columns: StudyColumns, config: StudyConfig
) -> None:
    text = front_text(pareto_front(columns), config)

    header = text.splitlines()[0].split()
    assert header == ["trial", "latency", "lut4", "CFU"]
    assert "all of them synthesised; they also differ in icache_bytes; --wide" in text
    wide = front_text(pareto_front(columns), config, view=View(is_wide=True))
    header = wide.splitlines()[0].split()
    assert header[:4] == ["trial", "fidelity", "latency", "lut4"]
    assert header[-3:] == ["cfu", "icache_bytes", "simd_width"]
    assert "in all of them: bypass=true" in wide
    assert "~ an estimate at 50 MHz: the design is not placed" in text


def test_an_empty_front_says_so(nothing: StudyColumns, config: StudyConfig) -> None:
    assert "no trial has completed" in front_text(pareto_front(nothing), config)


def test_status_names_faults_and_reuse(columns: StudyColumns) -> None:
    data = status_data(columns)

    assert data["reused"] == 1
    assert data["faults"] == [
        {"trial": 6, "state": "failed", "kind": "tool-crashed", "what": "yosys failed"}
    ]
    assert "6 of 10 done: 5 completed, 1 failed" in status_text(data)
    assert json.dumps(data)


def test_status_says_what_the_golden_inputs_would_show(store: Store) -> None:
    study = store.study("night")
    before = status_data(study_columns(store, "night"))
    assert before["oracle"] is None, "a study of an older version"
    assert "golden" not in status_text(before)

    missed = Missed(layer="add_3", what="one too large", another_input=True)
    report = OracleReport(
        golden_inputs=2, candidates=73, faults=10, caught=9, inputs_for_all=3, missed=(missed,)
    )
    store.describe_oracle(study.id, report.to_json())
    data = status_data(study_columns(store, "night"))
    assert data["oracle"]["caught"] == 9
    assert data["oracle"]["missed"][0]["layer"] == "add_3"
    assert json.loads(json.dumps(data))["oracle"]["text"] in status_text(data)
    assert "oracle     2 golden inputs, chosen from 73, would show 9 of 10" in status_text(data)


@pytest.mark.parametrize("stored", ["", "[]", "{}", '{"missed": [{"layer": 3}]}', "null"])
def test_a_report_of_another_version_is_no_reason_to_say_nothing(store: Store, stored: str) -> None:
    store.describe_oracle(store.study("night").id, stored)
    data = status_data(study_columns(store, "night"))
    assert data["oracle"] is None
    assert "6 of 10 done" in status_text(data)


def test_show_prints_a_reused_trial_with_the_origin_of_its_numbers(
    store: Store, config: StudyConfig
) -> None:
    text = show_text(store.detail(store.study("night"), 5), config.target)

    assert "reused: measured as trial 2 of study night" in text
    assert re.search(r"latency +32.0 ms +simulated, estimate", text)
    assert "latency is an estimate, at 50 MHz" in text
    assert re.search(r"conv2d_0 +1x32x32x16 +442,368 +1,600,000 +32.0 ms +13.82", text)


def test_show_prints_the_evidence_of_a_failure(store: Store, config: StudyConfig) -> None:
    text = show_text(store.detail(store.study("night"), 6), config.target)

    assert "tool-crashed: yosys failed\n  fix: read its log\n  | ERROR: line 3" in text


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_export_has_a_row_per_trial_and_whole_numbers_stay_whole(
    columns: StudyColumns, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"trials.{suffix}"

    assert export(columns, path) == 6
    table = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    assert list(table["trial"]) == [1, 2, 3, 4, 5, 6]
    assert table.loc[4, "reused_from"] == "night/2"
    assert table.loc[3, "simd_width"] == 8
    assert pd.isna(table.loc[0, "simd_width"])
    if suffix == "csv":
        assert "8.0" not in path.read_text().splitlines()[4]


def shapes(path: Path, name: str, kind: str) -> list[dict[str, str]]:
    found = ElementTree.parse(path).iter(f"{{http://www.w3.org/2000/svg}}{name}")
    return [dict(shape.attrib) for shape in found if shape.get("class") == kind]


def test_a_front_is_drawn_with_its_steps_its_numbers_and_its_designs(
    columns: StudyColumns, config: StudyConfig, tmp_path: Path
) -> None:
    front = pareto_front(columns)
    assert [r.trial.number for r in front.points] == [4, 2, 1]
    plot_front(front, config, tmp_path / "front.svg")

    rings = shapes(tmp_path / "front.svg", "circle", "c-hollow")[1:]  # the first is the key's
    assert len(rings) == 3, "none of them is placed, so all are estimates"
    across = [float(ring["cx"]) for ring in rings]
    down = [float(ring["cy"]) for ring in rings]
    assert across == sorted(across), "faster is further left"
    assert down == sorted(down), "fewer look-up tables are further down"
    (steps,) = shapes(tmp_path / "front.svg", "path", "c-line")
    corners = "".join(f"H{x}V{y}" for x, y in zip(across[1:], down[1:], strict=True))
    assert steps["d"] == f"M{across[0]} {down[0]}{corners}"
    (dots,) = shapes(tmp_path / "front.svg", "path", "c-dot")
    assert dots["d"].count("M") == len(front.dominated) == 1
    text = (tmp_path / "front.svg").read_text()
    for point in front.points:
        assert f">{point.trial.number}</text>" in text
        assert f">~{latency_text(point.metrics['latency_us'])}</text>" in text
    for word in ("night: net.tflite on ulx3s_85f", "dominated (1)", "simd_width", "not placed"):
        assert word in text


def test_measured_points_are_discs_and_estimates_are_rings(
    columns: StudyColumns, config: StudyConfig, tmp_path: Path
) -> None:
    front = pareto_front(columns)
    points = tuple(
        replace(result, estimates=frozenset()) if result.trial.number == 2 else result
        for result in front.points
    )
    plot_front(replace(front, points=points), config, tmp_path / "front.svg")

    discs = shapes(tmp_path / "front.svg", "circle", "c-mark")
    assert len(discs) == 2, "the trial and the key"
    text = (tmp_path / "front.svg").read_text()
    assert "front (1)" in text
    assert "front, an estimate: not placed (2)" in text
    assert re.search(
        r"latency \(ms, minimise, (logarithmic, )?hollow: an estimate: not placed\)", text
    )


def test_a_png_is_the_same_picture_at_twice_the_size(
    columns: StudyColumns, config: StudyConfig, tmp_path: Path
) -> None:
    front = pareto_front(columns)
    plot_front(front, config, tmp_path / "front.png")

    drawing = front_drawing(front, config)
    with Image.open(tmp_path / "front.png") as picture:
        assert picture.format == "PNG"
        wanted = (2 * drawing.width, 2 * drawing.height)
        assert picture.size == pytest.approx(wanted, abs=2)
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24) or []}
    assert {(255, 255, 255), (10, 95, 168), (28, 32, 36)} <= colours, "paper, front, text"


def test_a_png_without_text_is_refused_where_there_is_no_font(
    columns: StudyColumns,
    config: StudyConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_fonts = partial(resvg_py.svg_to_bytes, skip_system_fonts=True)
    monkeypatch.setattr(resvg_py, "svg_to_bytes", without_fonts)
    with pytest.raises(ConfigError, match=r"needs a font.*DejaVu Sans.*\n  fix: install one"):
        plot_front(pareto_front(columns), config, tmp_path / "front.png")
    assert not (tmp_path / "front.png").exists()


def test_names_on_a_crowded_front_never_cover_each_other() -> None:
    drawing = Drawing(400, 400, "")
    axes = {
        "across": make_axis([0.0, 100.0], start=40, end=390),
        "upward": make_axis([0.0, 100.0], start=360, end=20),
    }
    marks = [Mark(x=n / 4, y=100 - n / 4, name=str(1000 + n)) for n in range(400)]
    draw_scatter(drawing, Scatter(x_label="", y_label="", front=marks), **axes)
    written = re.findall(
        r'<text x="([\d.]+)" y="([\d.]+)" class="c-soft">1\d{3}<', drawing.markup()
    )

    boxes = sorted((float(x), float(y)) for x, y in written)
    assert 20 < len(boxes) < 400
    for (x, y), (other_x, other_y) in itertools.combinations(boxes, 2):
        assert abs(x - other_x) >= 4 * 7.6 or abs(y - other_y) >= 11


def test_an_unknown_ending_is_refused(
    columns: StudyColumns, config: StudyConfig, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"\n  fix: end its name in one of: .csv, .parquet"):
        export(columns, tmp_path / "trials.xls")
    with pytest.raises(ConfigError, match=r"\n  fix: end its name in one of: .svg, .png"):
        plot_front(pareto_front(columns), config, tmp_path / "front.bmp")


def test_a_file_that_cannot_be_written_is_named(
    columns: StudyColumns, config: StudyConfig, tmp_path: Path
) -> None:
    absent = tmp_path / "absent"
    with pytest.raises(ConfigError, match=r"absent/trials.csv cannot be written"):
        export(columns, absent / "trials.csv")
    with pytest.raises(ConfigError, match=r"absent/front.svg cannot be written"):
        plot_front(pareto_front(columns), config, absent / "front.svg")


def test_an_empty_front_cannot_be_drawn(
    nothing: StudyColumns, config: StudyConfig, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="has no completed trial to draw"):
        plot_front(pareto_front(nothing), config, tmp_path / "front.svg")


def test_the_estimated_time_follows_from_what_ended(
    columns: StudyColumns, config: StudyConfig
) -> None:
    now = [0.0]
    tally = Tally(config, now_s=lambda: now[0])
    tally.start_from(columns)
    assert (tally.ended, tally.failed, tally.eta_s()) == (6, 1, None)

    def trial(number: int) -> TrialRecord:
        return columns.trials[number - 1]

    tally.take(TrialStarted(trial=trial(1), attempt=1))
    now[0] = 40.0
    outcome = measure(config.job(trial(1).design), report=lambda _: None)
    assert isinstance(outcome, Completed)
    tally.take(
        AttemptEnded(trial=trial(1), outcome=outcome, state=TrialState.COMPLETED, wall_s=40.0)
    )
    assert tally.eta_s() == 3 * 40.0 / 2
    tally.take(TrialReused(trial=trial(5)))
    assert tally.eta_s() == 2 * 40.0 / 2
    assert tally.summary() == "8/10 trials, 1 failed, ETA 40 s"
    assert tally.best_text().startswith("best so far: latency ")


def test_while_something_runs_the_time_left_is_never_nothing(
    columns: StudyColumns, config: StudyConfig
) -> None:
    now = [0.0]
    tally = Tally(replace(config, trials=8), now_s=lambda: now[0])
    tally.start_from(columns)
    slow = columns.trials[0]
    outcome = measure(config.job(slow.design), report=lambda _: None)
    ended = AttemptEnded(trial=slow, outcome=outcome, state=TrialState.COMPLETED, wall_s=40.0)
    tally.take(ended)
    tally.take(TrialStarted(trial=slow, attempt=1))
    left = []
    for now[0] in (0.0, 39.9, 40.0, 400.0, 4000.0):
        left.append(tally.eta_s())
        assert "ETA 0 s" not in tally.summary()
    assert left == [40.0, pytest.approx(3.99), 4.0, 40.0, 400.0]  # overdue: a tenth again


def test_a_stage_that_tells_its_share_has_a_say_in_the_time_left(
    columns: StudyColumns, config: StudyConfig
) -> None:
    now = [0.0]
    tally = Tally(with_budget(config, trials=2, workers=1), now_s=lambda: now[0])
    ended = AttemptEnded(
        trial=columns.trials[0],
        outcome=outcome_of(ToolCrashed("-", fix="-"), Measurement(metrics=())),
        state=TrialState.FAILED,
        wall_s=40.0,
    )
    tally.take(ended)
    slow = columns.trials[1]
    tally.take(TrialStarted(trial=slow, attempt=1))
    now[0] = 10.0
    started = StageEvent(stage="simulate", state=StageState.STARTED)
    tally.take(StageChanged(number=slow.number, event=started))
    now[0] = 30.0
    assert tally.eta_s() == 10.0
    tally.take(StageChanged(number=slow.number, event=replace(started, fraction=0.1)))
    assert tally.eta_s() == pytest.approx(20.0 * 9), "a tenth took 20 seconds"
    tally.take(StageChanged(number=slow.number, event=replace(started, fraction=0.99)))
    assert tally.eta_s() == 10.0, "what comes behind it is not known"


def test_a_running_stage_is_told_beside_what_it_usually_takes(
    columns: StudyColumns, config: StudyConfig
) -> None:
    now = [0.0]
    tally = Tally(config, now_s=lambda: now[0])

    def stage(number: int, name: str, state: StageState, fraction: float | None = None) -> str:
        event = StageEvent(stage=name, state=state, fraction=fraction)
        tally.take(StageChanged(number=number, event=event))
        return tally.stage_text(tally.running[number])

    for number in (1, 2):
        tally.take(TrialStarted(trial=columns.trials[number - 1], attempt=1))
    stage(1, "cpu", StageState.CACHED)  # what was there says nothing of how long it takes
    assert stage(1, "simulate", StageState.STARTED) == "simulate"
    now[0] = 30.0
    stage(1, "simulate", StageState.DONE)
    assert stage(2, "cpu", StageState.STARTED) == "cpu"
    stage(2, "simulate", StageState.STARTED)
    now[0] = 42.0
    assert tally.stage_text(tally.running[2]) == "simulate, 12 s of about 30 s"
    assert stage(2, "simulate", StageState.STARTED, 0.5) == "simulate 50%"


def test_cycles_are_told_beside_the_expected_ones_and_no_share_is_rounded_up() -> None:
    assert stage_text("simulate", None, None) == "simulate"
    cycles = SimulatedCycles(done=12_340_000, expected=None)
    assert stage_text("simulate", None, cycles) == "simulate, 12.3 Mcycles"
    cycles = replace(cycles, expected=36_900_000)
    told = stage_text("simulate", 0.996, cycles)
    assert told == "simulate 99%, 12.3 of about 36.9 Mcycles"


def test_a_log_says_nothing_of_how_far_a_stage_is(config: StudyConfig) -> None:
    started = StageEvent(stage="simulate", state=StageState.STARTED)
    cycles = replace(started, cycles=SimulatedCycles(done=1, expected=None))
    lines = [
        event_text(StageChanged(number=1, event=event), config)
        for event in (started, cycles, replace(started, fraction=0.5))
    ]
    assert lines == ["trial 1: simulate started", None, None]


def test_the_best_so_far_stands_on_a_line_of_its_own(
    columns: StudyColumns, config: StudyConfig
) -> None:
    stream = io.StringIO()
    tally = Tally(config)
    with PlainDisplay(tally, stream) as display:
        trial = columns.trials[0]
        outcome = measure(config.job(trial.design), report=lambda _: None)
        for _ in range(2):
            display.listen(
                AttemptEnded(trial=trial, outcome=outcome, state=TrialState.COMPLETED, wall_s=4.0)
            )
    first, best, second = stream.getvalue().splitlines()
    assert "best" not in first + second
    assert re.fullmatch(r" +[\d.]+ s  best so far: latency [\d.]+ ms, lut4 [\d,]+", best)


@pytest.mark.parametrize("study", ["imgc", "table", "imgc-placed"])
def test_a_printed_front_fits_80_columns(study: str) -> None:
    with example_database() as database, Reader(database) as reader:
        columns, found = study_front(reader, study)
        config, models = columns.config, (columns.clock_model, columns.cell_models)
        text = front_text(found, config, *models)
        assert max(map(len, text.splitlines())) <= 80
        assert all(str(result.trial.number) in text for result in found.points)
        view = View(columns=("simd_width", "latency_us", "lut4"))
        chosen = front_text(found, config, *models, view=view)
        assert chosen.splitlines()[0].split() == ["trial", "simd_width", "latency", "lut4"]
        with pytest.raises(ConfigError, match=r"'latency'\n  fix: did you mean 'latency_us'"):
            front_text(found, config, *models, view=View(columns=("latency",)))


@pytest.mark.parametrize(
    ("design", "words"),
    [
        ({"cfu": "none", "multiplier": "none"}, "none"),
        (
            {"cfu": "simd", "hardware_requantisation": True, "channelwise": False,
             "buffer_depth": 0, "simd_width": 4, "unroll": 8, "icache_bytes": 1024},
            "simd: width 4, buffer depth 0, requantisation",
        ),
        ({"cfu": "mine", "lanes": 3, "mine_mode": "fast"}, "mine: lanes 3, mode fast"),
        ({"cfu": "bare"}, "bare"),
    ],
)  # fmt: skip
def test_a_cfu_is_told_in_words(design: dict[str, Value], words: str) -> None:
    assert cfu_words(design) == words


def test_numbers_are_written_for_people() -> None:
    assert [number_text(n) for n in (27761688, 555233.76, 0.8751, 12.5)] == [
        "27,761,688",
        "555,233.8",
        "0.8751",
        "12.5",
    ]
    assert [duration_text(s) for s in (4.4, 64, 7260)] == ["4 s", "1 min 04 s", "2 h 01 min"]


@pytest.mark.slow
def test_a_terminal_shows_stages_and_is_left_with_its_cursor(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "night.toml").write_text(
        CONFIG.replace("[work", '[suggest]\nalgorithm="grid"\n[work')
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.commands.command_line",
            "start",
            "night.toml",
            "--trials",
            "3",
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={
            **os.environ,
            "PYTHONPATH": str(root),
            "TERM": "xterm",
            "COLUMNS": "160",
            "FAKE_TRIAL_S": "1",
        },
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # the other end of a terminal closed
        pass
    os.close(ours)

    assert process.wait(30) == 0
    text = seen.decode()
    assert "simulate" in text
    assert "completed in 1 s" in text
    assert "3/3 trials" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
