"""``adopt``: from a folder to a family that a person can edit, checked, and a study of it."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import DoesNotBuild
from contracts.measurement import Completed
from dse.config import load_config
from dse.config.assembly import assemble_space
from hw_templates.cfu import load_families
from runners.measuring.measure import measure
from runners.measuring.samples import run_samples
from runners.pipeline import Cache, default_root
from runners.samples.files import read_samples
from runners.stages.all import pipeline_of
from runners.workload import workload_model
from tests.adopt.kernel_project import HEADERS, PROJECT
from tests.firmware.firmware_bench import small_network
from tests.stages.own_family import own_job

ROOT = Path(__file__).parents[2]


def adopt(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dse.study", "adopt", str(project), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """The test's project as a family, checked with a network of every operator."""
    folder = tmp_path_factory.mktemp("adopted")
    project = shutil.copytree(PROJECT, folder / "four_lanes")
    (project / "small.tflite").write_bytes(small_network())
    done = adopt(project, "--out", str(folder / "out"), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out", json.loads(done.stdout)


@pytest.mark.slow
def test_a_project_becomes_a_family_without_a_line_written(
    adopted: tuple[Path, dict[str, object]],
) -> None:
    folder, said = adopted
    assert said["name"] == "four_lanes"
    assert said["is_right"]
    family = load_families([str(folder / "family.py")]).named("four_lanes")
    assert family.model is None
    assert family.kernels is None
    assert family.kernel_headers is not None
    assert family.kernel_headers.headers == HEADERS
    for header in HEADERS.values():
        assert (folder / "kernels" / header).read_bytes() == (PROJECT / "src" / header).read_bytes()
    for name in ("cfu.v", "rtl/dot_product.v", "rtl/opcodes.vh"):
        assert (folder / "hardware" / name).read_bytes() == (PROJECT / name).read_bytes()
    assert not list(folder.rglob("proj_menu.cc"))
    missing = " ".join(map(str, said["missing"]))  # type: ignore[call-overload]
    assert "the Verilog, compiled by Verilator, is the model" in missing
    assert "LANES = 2 is left out: wrong-result" in missing
    assert "SHIFT_IN_CFU = 0 is left out: wrong-result" in missing


@pytest.mark.slow
def test_the_study_beside_it_compares_it_with_the_cpu_and_our_own(
    adopted: tuple[Path, dict[str, object]],
) -> None:
    folder, _ = adopted
    _, config = load_config(folder / "study.toml", with_workload=False)
    space = assemble_space(config)
    families = next(parameter for parameter in space.parameters if parameter.name == "cfu")
    assert families.values == ("none", "simd", "four_lanes")


@pytest.mark.slow
def test_its_kernels_run_on_the_simulated_board_bit_exact(
    adopted: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    folder, _ = adopted
    job = own_job(tmp_path, str(folder / "family.py"))
    design = {name: value for name, value in job.design.items() if name != "mode"}
    job = replace(job, design={**design, "cfu": "four_lanes"})
    outcome = measure(job, report=lambda _: None)
    assert isinstance(outcome, Completed), outcome
    checks = pipeline_of(job, cache=Cache(default_root()), report=lambda _: None)
    by_stage = {
        stage: json.loads((checks.get(stage).folder / "checked.json").read_text())
        for stage in ("kernel-check", "cfu-check")
    }
    assert by_stage["kernel-check"] == {"inputs": 0, "model": "verilog"}
    assert by_stage["cfu-check"]["model"] == "verilog"
    assert by_stage["cfu-check"]["inputs"] >= 1


@pytest.mark.slow
def test_samples_run_on_the_host_with_the_verilog_where_nothing_emulates_it(
    adopted: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    folder, _ = adopted
    job = own_job(tmp_path, str(folder / "family.py"))
    model = workload_model(job.workload)
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "a.bin").write_bytes(bytes(model.input_bytes))
    (samples / "y_labels.csv").write_text(f"a.bin,{model.outputs[0].elements},0\n")
    job = replace(
        job,
        design={"cfu": "four_lanes"},
        workload=replace(job.workload, samples=samples),
    )
    answers = run_samples(
        job,
        read_samples(job.workload, model, count=1),
        on="host",
        cache=Cache(default_root()),
        report=lambda _: None,
        progress=lambda _: None,
    )
    assert answers.firmware == answers.reference


@pytest.mark.slow
def test_what_the_shim_lacks_ends_a_trial_as_does_not_build(
    adopted: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    folder = shutil.copytree(adopted[0], tmp_path / "family")
    header = folder / "kernels" / HEADERS["conv2d"]
    header.write_text(header.read_text().replace("perf_get_mcycle()", "TfLiteTicks()"))
    job = replace(own_job(tmp_path, str(folder / "family.py")), design={"cfu": "four_lanes"})
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=lambda _: None)
    with pytest.raises(
        DoesNotBuild, match=r"conv\.h:\d+: TfLiteTicks is neither[\s\S]*fix: define"
    ):
        pipeline.get("host-firmware")


@pytest.mark.slow
def test_a_folder_without_a_cfu_and_one_that_was_edited_are_refused(tmp_path: Path) -> None:
    done = adopt(tmp_path, "--out", str(tmp_path / "out"))
    assert done.returncode == 3
    assert "has a module Cfu" in done.stderr
    done = adopt(PROJECT, "--out", str(tmp_path / "out"), "--model", str(tmp_path / "no.tflite"))
    assert done.returncode == 3
    assert "no.tflite" in done.stderr
    assert not (tmp_path / "out").exists()
    (tmp_path / "bad.tflite").write_bytes(b"not a model")
    done = adopt(PROJECT, "--out", str(tmp_path / "out"), "--model", str(tmp_path / "bad.tflite"))
    assert done.returncode == 3
    assert "bad.tflite" in done.stderr
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "family.py").write_text("mine")
    done = adopt(PROJECT, "--out", str(tmp_path / "out"))
    assert done.returncode == 3
    assert "is there already" in done.stderr
    assert (tmp_path / "out" / "family.py").read_text() == "mine"
