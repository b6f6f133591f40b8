"""The command `submission`: a trial handed in, whole, on the simulated board; and its pieces."""

import csv
import dataclasses
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from dse.commands import submission
from dse.commands.submission import Told
from dse.commands.submission_files import check_results, require_name, require_new
from dse.results.study_results import study_columns
from dse.results.trial import open_trial
from dse.store import Store
from runners.job import Job
from runners.pipeline import Artefact, Pipeline
from runners.stages.all import pipeline_of
from tests.boards.job_board import board_of, describe, forget
from tests.boards.meter_devices import steady
from tests.fast_design import CPU, FAST_CFU, FIRMWARE, space_toml
from tests.measuring.linear_network import network

ROOT = Path(__file__).parents[2]
SAMPLES, CLASSES, INPUTS = 7, 4, 16
WRONG = "s3.bin"


def study_config(folder: Path) -> str:
    """Write a small network and its samples, one of them labelled wrongly; return the config."""
    drawn = random.Random(1)
    (folder / "net.tflite").write_bytes(network(INPUTS, CLASSES))
    (folder / "samples").mkdir()
    rows = []
    for number in range(SAMPLES):
        label = number % CLASSES
        values = [drawn.randrange(20) for _ in range(INPUTS)]
        values[label] = 0 if f"s{number}.bin" == WRONG else 100
        (folder / "samples" / f"s{number}.bin").write_bytes(bytes(values))
        rows.append(f"s{number}.bin,{CLASSES},{label}\n")
    (folder / "samples" / "y_labels.csv").write_text("".join(rows))
    values_of = {**CPU, **FAST_CFU, **FIRMWARE, "cfu": ["none", "simd"]}
    return f"""
[study]
name = "one"
trials = 2
workers = 1
fidelity = "simulate"
[suggest]
algorithm = "grid"
[workload]
model = "net.tflite"
samples = "samples"
[target]
name = "on_chip_85f"
[objectives]
minimise = ["latency_us", "cycles"]
{space_toml(values_of)}"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handed-in")
    (folder / "one.toml").write_text(study_config(folder))
    run(folder, "start", "one.toml")
    return folder


def run(folder: Path, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "dse.study", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == status, done.stderr
    return done


def trial_with(folder: Path, cfu: str) -> int:
    for number in (1, 2):
        if json.loads(run(folder, "show", "one", str(number), "--json").stdout)["design"][
            "cfu"
        ] == (cfu):
            return number
    raise AssertionError(cfu)


@pytest.mark.slow
def test_a_trial_is_handed_in_by_one_command(study: Path) -> None:
    simd, alone = trial_with(study, "simd"), trial_with(study, "none")
    done = run(
        study, "submission", "one", str(simd), "--out", "in", "--reference-us", "1000", "--json"
    )
    found = json.loads(done.stdout)
    assert (found["correct"], found["samples"], found["exact"]) == (SAMPLES - 1, SAMPLES, SAMPLES)
    assert found["mistakes"] == [WRONG]
    assert (found["is_simulated"], found["is_estimate"]) == (True, True), "no FPGA, not placed"
    assert found["latency_us"] == pytest.approx(found["cycles"] / found["clock_mhz"])
    assert found["elapsed_us"] > found["latency_us"]
    baseline = found["baseline"]
    assert baseline["trial"] == alone
    assert baseline["factor"] == pytest.approx(baseline["latency_us"] / found["latency_us"])
    assert found["reference_factor"] == pytest.approx(1000 / found["latency_us"])
    assert found["energy_uj"] is None, "no meter, no energy"
    assert f"{SAMPLES} of {SAMPLES} inferences" in done.stderr
    page = (study / "in" / "index.html").read_text()
    assert page.count("<svg") == 2
    assert f"trial {simd}" in page
    assert "c-chosen" in (study / "in" / "front.svg").read_text()
    assert "![" in (study / "in" / "README.md").read_text()
    rows = list(csv.DictReader((study / "in" / "samples.csv").read_text().splitlines()))
    assert len(rows) == SAMPLES
    assert sum(int(row["cycles"]) for row in rows) / SAMPLES == pytest.approx(found["cycles"])
    again = run(study, "submission", "one", str(simd), "--out", "in", status=3)
    assert "is there already" in again.stderr


@pytest.mark.slow
def test_the_same_is_laid_out_for_mlperf_tiny(study: Path) -> None:
    simd = trial_with(study, "simd")
    done = run(
        *(study, "submission", "one", str(simd), "--out", "tiny", "--as", "mlperf-tiny"),
        *("--benchmark", "ic01", "--window-s", "0.01", "--samples", "5", "--submitter", "we"),
    )
    top = study / "tiny" / "open" / "we"
    (results,) = (top / "results").glob("*/ic")
    log = (results / "accuracy" / "log.txt").read_text()
    assert "Device model retrieved: ic01" in log, "the firmware is built with the benchmark's name"
    answers = json.loads((results / "accuracy" / "results.json").read_text())
    assert [answer["file"] for answer in answers] == [f"s{n}.bin" for n in range(5)]
    assert answers[0]["infer"]["results"][0] != int(answers[0]["infer"]["results"][0])
    rows = json.loads((results / "performance" / "results.json").read_text())
    assert [row["infer"]["elapsed_time"] >= 10_000 for row in rows] == [True] * 5
    assert (top / "code/image_classification/soft-soc-dse/firmware/firmware.bin").is_file()
    assert (top / "code/image_classification/soft-soc-dse/hardware/cfu.v").is_file()
    assert "lasts 0.01" in done.stderr
    assert "is a simulated board" in done.stderr
    whats = [finding.what for finding in check_results(study / "tiny")]
    assert len(whats) == 5 + 3, "rows; checklist, simulated board, samples"
    run(study, "check-submission", "tiny", status=7)


@pytest.mark.slow
def test_what_cannot_be_handed_in_is_named(study: Path) -> None:
    for words, told in (
        (("one", "9"), "no trial 9"),
        (("one", "1", "--baseline", "9"), "no trial 9"),
        (("one", "1", "--as", "mlperf-tiny", "--benchmark", "ic02"), "kws01"),
        (("one", "1", "--as", "mlperf-tiny"), "--benchmark"),
        (("one", "1", "--submitter", "../x"), "--submitter"),
    ):
        done = run(study, "submission", *words, "--samples", "1", status=3)
        assert told in done.stderr
        assert "fix:" in done.stderr
        assert not (study / "submission-one-1").exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)  # LiteX's boot program tests the simulated memory first
def test_on_a_board_the_same_session_follows_its_measurement(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but place and route; the board is simulated, with LiteX's boot program, on a port."""
    name, clock_hz = f"submission-{os.getpid()}", 40_000_000
    simd = trial_with(study, "simd")

    def settled(job: Job, _report: object) -> tuple[Job, float]:
        return job.at(clock_hz=clock_hz, place_seed=1), 0.0

    def with_a_bitstream(job: Job, **arguments: object) -> Pipeline:
        pipeline = pipeline_of(job, **arguments)  # type: ignore[arg-type]
        pipeline.artefacts["bitstream"] = Artefact(
            stage="bitstream", key="0" * 32, folder=tmp_path, cached=True, wall_s=0.0, cpu_s=0.0
        )
        return pipeline

    monkeypatch.chdir(study)
    monkeypatch.setattr(submission, "settled_job", settled)
    monkeypatch.setattr(submission, "pipeline_of", with_a_bitstream)
    monkeypatch.setattr(submission, "CLOCK_CHECK_S", 0.0)
    with Store(study / "results.db") as store:
        columns = study_columns(store, "one")
        job = columns.config.job(open_trial(store, "one", simd).trial.design)
        target = dataclasses.replace(job.target, clock_hz=clock_hz)
        board = board_of(dataclasses.replace(job, target=target), tmp_path)
        describe(board, name, target="on_chip_85f", folder=tmp_path, monkeypatch=monkeypatch)
        with (tmp_path / "boards.toml").open("a") as sink:
            command = json.dumps(steady(0.5, period_s=0.002))
            sink.write(
                f'[boards.{name}.power]\nmeter = "command"\ncommand = {command}\nwindow_s = 0.005\n'
            )
        try:
            handed_in = submission.submit_trial(
                store,
                columns,
                simd,
                submission.Wishes(board=name, samples=3),
                report=lambda _: None,
                tell=lambda _: None,
            )
        finally:
            board.close()
            forget(name)
    found = handed_in.submission
    assert (found.board, found.is_simulated, found.is_estimate) == (name, False, False)
    assert (found.exact, found.samples, found.all_samples) == (3, 3, SAMPLES)
    assert found.clock_mhz == 40
    assert found.latency_us == pytest.approx(found.cycles / 40)
    # half a watt; caches are warm in a row of inferences, and were not for single samples
    assert found.energy_uj == pytest.approx(0.5 * found.latency_us, rel=0.4)
    assert found.baseline is not None


def test_the_time_left_is_that_of_the_rate_so_far() -> None:
    now_s, told = [0.0], list[str]()
    progress = Told(told.append, now_s=lambda: now_s[0])
    for done in range(1, 41):
        now_s[0] += 1.0
        progress(done, 40)
    assert told[0] == "5 of 40 inferences, about 35 s left"
    assert told[-1] == "40 of 40 inferences"
    assert len(told) == 8
    for done in (1, 2):
        now_s[0] += 10.0
        progress(done, 2)
    assert told[-2:] == [
        "1 of 2 rows for throughput, about 10 s left",
        "2 of 2 rows for throughput",
    ]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    require_new(tmp_path)
    require_new(tmp_path / "new")
    (tmp_path / "a").touch()
    for there in (tmp_path, tmp_path / "a"):
        with pytest.raises(ConfigError, match=r"would be overwritten\n  fix: .*--out"):
            require_new(there)


@pytest.mark.parametrize("name", ["..", "a/b", "", "-x", "a b", "x" * 70])
def test_a_submitter_is_a_folders_name(name: str) -> None:
    with pytest.raises(ConfigError, match="--submitter"):
        require_name(name)
