"""Fronts, tables, pictures and exports from one set of stored trials."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from contracts.faults import ConfigError, ToolCrashed
from contracts.measurement import Completed, Measurement, outcome_of
from contracts.parameter import Value
from dse.campaign.events import AttemptEnded, TrialReused, TrialStarted
from dse.config import StudyConfig, load_config
from dse.output.export import export
from dse.output.plot import plot_front
from dse.output.progress import Tally
from dse.output.report import front_text, status_data, status_text
from dse.output.trial_report import show_text
from dse.results.columns import StudyColumns
from dse.results.front import pareto_front
from dse.results.study_results import study_columns
from dse.space import Design
from dse.store import NewTrial, RetryPolicy, Store, TrialRecord, TrialState
from dse.words import duration_text, number_text
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
    assert f"they break a constraint of the study: trials {listed}" in front_text(found, tighter)


def test_a_front_is_printed_with_what_differs_and_what_is_common(
    columns: StudyColumns, config: StudyConfig
) -> None:
    text = front_text(pareto_front(columns), config)

    header = text.splitlines()[0].split()
    assert header[:4] == ["trial", "fidelity", "latency_us", "lut4"]
    assert header[-3:] == ["cfu", "icache_bytes", "simd_width"]
    assert "in all of them: bypass=true" in text
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


def test_show_prints_a_reused_trial_with_the_origin_of_its_numbers(store: Store) -> None:
    text = show_text(store.detail(store.study("night"), 5), clock_mhz=50.0)

    assert "reused: measured as trial 2 of study night" in text
    assert re.search(r"latency_us +32,000 +us +simulated, estimate", text)
    assert re.search(r"conv2d_0 +1x32x32x16 +442,368 +1,600,000 +32,000 +13.82", text)


def test_show_prints_the_evidence_of_a_failure(store: Store) -> None:
    text = show_text(store.detail(store.study("night"), 6), clock_mhz=50.0)

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


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_front_is_drawn(
    columns: StudyColumns, config: StudyConfig, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"front.{suffix}"
    plot_front(pareto_front(columns), config, path)

    assert path.stat().st_size > 5000


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
    assert tally.summary().startswith("8/10 trials, 1 failed, ETA 40 s, best latency_us ")


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
