"""What was measured for each target, and what the pages say of it."""

import dataclasses
import hashlib
import re
from pathlib import Path

import pytest

from benchmarks.targets import design_for, job_for, read_results, read_target, target_names
from benchmarks.targets_page import cells, with_results
from contracts.faults import ConfigError
from contracts.measurement import Completed, Fidelity
from runners.fpga import PARTS, family_of_part
from runners.job import Limits
from runners.measuring.measure import measure
from runners.pipeline import Cache, default_root
from runners.stages.socs import asked_clock_hz
from runners.workload import model_memory, require_model_fits, workload_model
from sw_templates.tflite_import import load_model
from tests.docs.pages import ROOT, rows, section
from tests.stages.place.small_design import small_job

PAGE = "docs/reference/targets.md"
RESULTS = read_results()
MODELS = {
    "imgc": ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite",
    "kws": ROOT.parent / "shared" / "data" / "mlperf_tiny" / "kws_ref_model.tflite",
    "ad": ROOT.parent / "shared" / "data" / "mlperf_tiny" / "ad01_int8.tflite",
    "vww": ROOT.parent / "shared" / "data" / "mlperf_tiny" / "vww_96_int8.tflite",
}


def documented(heading: str) -> dict[str, list[str]]:
    found = {cells[0]: cells[1:] for cells in rows(section(PAGE, heading))}
    del found["target"]
    return found


PLACED = {name for name in RESULTS if family_of_part(read_target(name).part).is_placed}


def fractions(row: dict[str, str]) -> dict[str, tuple[int, int]]:
    """Return how many of each resource a row's design takes, and how many there are."""
    return {
        name: (int(used), int(held))
        for used, held, name in re.findall(r"(\d+)/(\d+) (\w+)", row["cells"])
    }


def test_every_target_but_one_has_a_row() -> None:
    assert set(target_names()) - RESULTS.keys() == {"on_chip_85f"}, "ulx3s_85f with other memory"


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_every_target_holds_its_design_with_its_cfu(name: str) -> None:
    row, held = RESULTS[name], PARTS[read_target(name).part]
    assert row["cfu"] == design_for(name).cfu != "none"
    cells = fractions(row)
    assert len(cells) >= 4
    assert all(used <= of == held[resource] for resource, (used, of) in cells.items())


@pytest.mark.parametrize("name", sorted(RESULTS.keys() - PLACED))
def test_a_target_that_nothing_places_has_cells_of_every_kind_and_no_clock(name: str) -> None:
    row, target = RESULTS[name], read_target(name)
    assert fractions(row).keys() == PARTS[target.part].keys()
    assert float(row["requested_mhz"]) == target.clock_hz / 1e6
    assert {row[key] for key in ("clock_mhz", "fmax_mhz", "bitstream_bytes", "sha256")} == {""}


@pytest.mark.parametrize("name", sorted(PLACED))
def test_every_target_reached_a_bitstream_that_strictly_meets_its_clock(
    name: str,
) -> None:
    row = RESULTS[name]
    assert float(row["clock_mhz"]) < float(row["fmax_mhz"])
    target = read_target(name)
    asked_mhz = {target.clock_hz / 1e6, float(f"{asked_clock_hz(target) / 1e6:.6g}")}
    assert float(row["clock_mhz"]) <= float(row["requested_mhz"])
    assert float(row["requested_mhz"]) in asked_mhz, "before there were ranges, and since"
    assert int(row["bitstream_bytes"]) > 10_000
    assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"])


def test_the_page_shows_what_was_measured() -> None:
    page = (ROOT / PAGE).read_text()
    assert with_results(page, RESULTS) == page
    shown = documented("## What each target reached")
    assert shown == {name: cells(row) for name, row in RESULTS.items()}


def test_the_page_says_which_models_fit() -> None:
    if missing := [name for name, path in MODELS.items() if not path.exists()]:
        pytest.skip(f"the models {', '.join(missing)} are not there")
    needs = {name: model_memory(load_model(path)) for name, path in MODELS.items()}
    assert documented("## Which models fit") == {
        name: [
            f"{read_target(name).memory.size_bytes // 1024} KiB",
            *("yes" if need.fits(read_target(name).memory) else "no" for need in needs.values()),
        ]
        for name in target_names()
    }


def test_a_model_too_large_for_its_target_is_refused_before_the_first_trial() -> None:
    job = job_for(read_target("icebreaker"))
    model = workload_model(job.workload)
    with pytest.raises(ConfigError) as caught:
        require_model_fits(model, job.target)
    assert "needs at least 152060 bytes" in caught.value.what
    assert "the target icebreaker has 131072" in caught.value.what
    require_model_fits(model, read_target("ulx3s_85f"))


@pytest.mark.slow
def test_a_board_of_another_vendor_goes_through_the_same_stages(tmp_path: Path) -> None:
    small = small_job(tmp_path)
    nexus = read_target("crosslink_nx_evn")
    target = dataclasses.replace(
        nexus, clock_hz=48_000_000, clock_range_hz=(24_000_000, 48_000_000)
    )
    job = dataclasses.replace(small, target=target, fidelity=Fidelity.PLACED, limits=Limits())
    outcome = measure(job, report=lambda _: None, cache=Cache(default_root()))
    assert isinstance(outcome, Completed), outcome
    found = {metric.name: metric for metric in outcome.measurement.metrics}
    assert found["clock_mhz"].value < found["fmax_mhz"].value
    assert found["latency_us"].fidelity is Fidelity.PLACED
    assert {"lut4", "ff", "ebr", "lram", "mult18"} <= found.keys()
    key = outcome.measurement.artefacts["bitstream"]
    bitstream = default_root() / "bitstream" / key / "soc.bit"
    assert len(hashlib.sha256(bitstream.read_bytes()).hexdigest()) == 64


@pytest.mark.slow
def test_a_board_that_nothing_places_has_cells_and_an_estimate_of_its_latency(
    tmp_path: Path,
) -> None:
    arty = read_target("arty_a7_35t")
    memory = dataclasses.replace(arty.memory, size_bytes=9 * 4096)  # no power of two
    target = dataclasses.replace(arty, memory=memory)
    job = dataclasses.replace(small_job(tmp_path), target=target, fidelity=Fidelity.SYNTHESISED)
    outcome = measure(job, report=lambda _: None, cache=Cache(default_root()))
    assert isinstance(outcome, Completed), outcome
    found = {metric.name: metric for metric in outcome.measurement.metrics}
    assert found["latency_us"].value == found["cycles"].value / 75
    assert found["latency_us"].estimate
    assert "clock_mhz" not in found
    assert found["dsp48"].value == 4, "as many as the CFU has products; the core has none"
    assert found["ramb18"].value == 2 * 9 + 2 * 2 + 2 + 2, "main memory, stack, ROM, registers"
    assert 1000 < found["lut6"].value < found["ff"].value + 3000
