"""Candidates that are not simulated meet the CFU's own Verilog on the host."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from contracts.faults import WrongResult
from contracts.parameter import Value
from hw_templates.cfu.on_host import CFU_OBJECT
from runners.job import Job, Limits, Workload
from runners.pipeline import Cache, Pipeline, default_root
from runners.stages.all import pipeline_of
from runners.stages.cfu import SOURCE
from runners.stages.cfu_check import CFU_CYCLES, HardwareOnHost, link_with_cfu
from runners.stages.cfu_on_host import build_cfu_object
from runners.stages.golden import read_candidates, read_golden, read_lone
from runners.workload import workload_model
from sw_templates.model import Model
from sw_templates.oracle.lone_layers import lone_inputs
from sw_templates.oracle.variety import VALUES, values_seen
from sw_templates.reference import reference_inferences
from tests.stages.own_family import own_family, own_job
from tests.stages.test_own_source import asking

REGISTERS: dict[str, Value] = {
    "cfu": "simd",
    "simd_width": 4,
    "buffer_depth": 0,
    "hardware_requantisation": False,
    "channelwise": False,
}
WRONG_FAMILY = """
import dataclasses
from pathlib import Path
from hw_templates.cfu.simd import FAMILY as SIMD
TEXT = Path(__file__).with_name("wrong.v")
FAMILY = dataclasses.replace(
    SIMD, name="wrong", verilog=lambda _: TEXT.read_text(), sources=(*SIMD.sources, TEXT)
)
"""


def job_for(folder: Path, design: dict[str, Value], families: tuple[str, ...] = ()) -> Job:
    job = own_job(folder, "")
    shared = {name: value for name, value in job.design.items() if name not in ("cfu", "mode")}
    return dataclasses.replace(job, design=shared | design, families=families)


def pipeline_for(job: Job) -> Pipeline:
    return pipeline_of(job, cache=Cache(default_root()), report=lambda _: None)


def linked(pipeline: Pipeline, model: Model, source: str, folder: Path) -> HardwareOnHost:
    """Return the host firmware of a pipeline with other Verilog."""
    (folder / "cfu.v").write_text(source)
    runtime = pipeline.get("simulator-runtime").folder
    build_cfu_object(cfu=folder / "cfu.v", runtime=runtime, out=folder, timeout_s=600)
    program = folder / "program"
    link_with_cfu(
        host_firmware=pipeline.get("host-firmware").folder,
        cfu=folder / CFU_OBJECT,
        runtime=runtime,
        out=program,
        limits=Limits(),
    )
    return HardwareOnHost(model, program=program, folder=folder, limits=Limits())


def checked(pipeline: Pipeline) -> int:
    text = (pipeline.get("cfu-check").folder / "checked.json").read_text()
    return int(json.loads(text)["inputs"])


def value_beside(workload: Workload, golden: Path) -> int:
    """Return a value that no tensor of the golden inference has, but some candidate's input."""
    model = workload_model(workload)
    (content,) = (bytes.fromhex(one["input"]) for one in read_golden(golden))
    (inference,) = reference_inferences(workload.model, model, [content])
    has = values_seen(model, content, inference).reshape(-1, VALUES).any(axis=0)
    others = read_candidates(golden)[1:]
    found = np.zeros(VALUES, dtype=np.bool_)
    found[np.frombuffer(b"".join(each for each, _ in others), dtype=np.uint8)] = True
    return int(np.flatnonzero(found & ~has)[0])


@pytest.mark.slow
def test_hardware_that_is_wrong_for_one_value_of_an_activation_is_found(tmp_path: Path) -> None:
    """The golden input does not have the value: the simulation alone took such hardware."""
    job = job_for(tmp_path, REGISTERS)
    right = pipeline_for(job)
    value = value_beside(job.workload, right.get("golden").folder)
    text, count = re.subn(
        r"\$signed\(a\[7:0\]\) \* \$signed\(b\[7:0\]\)",
        rf"\g<0> + $signed({{1'b0, a[7:0] == 8'd{value}}})",
        (right.get("cfu").folder / SOURCE).read_text(),
    )
    assert count == 1
    (tmp_path / "wrong.v").write_text(text)
    (tmp_path / "wrong.py").write_text(WRONG_FAMILY)
    families = (str(tmp_path / "wrong.py"),)
    wrong = pipeline_for(job_for(tmp_path, REGISTERS | {"cfu": "wrong"}, families))
    wrong.get("kernel-check")
    wrong.get("simulate")
    with pytest.raises(WrongResult, match=r"with the CFU's Verilog, candidate .* conv2d_0"):
        wrong.get("cfu-check")


@pytest.mark.slow
@pytest.mark.parametrize("width", [4, 16])
def test_a_small_network_meets_the_hardware_with_every_candidate(
    width: int, tmp_path: Path
) -> None:
    design = REGISTERS | {"simd_width": width, "buffer_depth": 0 if width == 4 else 256}
    pipeline = pipeline_for(job_for(tmp_path, design))
    golden = pipeline.get("golden").folder
    assert checked(pipeline) == len(read_candidates(golden)) - len(read_golden(golden)) > 50


@pytest.mark.slow
def test_hardware_that_is_wrong_for_one_pair_of_values_is_found_by_a_layer_alone(
    tmp_path: Path,
) -> None:
    """No candidate is needed: each layer meets the hardware with inputs of its own."""
    job = job_for(tmp_path, REGISTERS)
    right = pipeline_for(job)
    model = workload_model(job.workload)
    weight = int(np.frombuffer(model.layers[0].constants[0].data or b"", dtype=np.uint8)[0])
    text, count = re.subn(
        r"\$signed\(a\[7:0\]\) \* \$signed\(b\[7:0\]\)",
        rf"\g<0> + (a[7:0] == 8'd77 && b[7:0] == 8'd{weight} ? 16'sd4096 : 16'sd0)",
        (right.get("cfu").folder / SOURCE).read_text(),
    )
    assert count == 1
    lone = lone_inputs(model, seed=job.workload.seed)
    answers = read_lone(right.get("golden").folder)
    for source, is_right in (((right.get("cfu").folder / SOURCE).read_text(), True), (text, False)):
        hardware = linked(right, model, source, tmp_path)
        if is_right:
            compared = hardware.checked_alone(lone, answers, cfu_cycles=CFU_CYCLES)
            assert 1_000 < compared < len(lone)
            continue
        with pytest.raises(WrongResult, match=r"with the CFU's Verilog, .* by itself differs"):
            hardware.checked_alone(lone, answers, cfu_cycles=CFU_CYCLES)


@pytest.mark.slow
def test_without_a_cfu_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert checked(pipeline_for(job_for(tmp_path, {"cfu": "none"}))) == 0


@pytest.mark.slow
def test_a_cfu_that_takes_long_meets_one_candidate_at_least(tmp_path: Path) -> None:
    body = (
        "reg [22:0] left = 0; reg busy = 0; assign cmd_ready = !busy; assign rsp_valid = busy &&"
        " left == 0; assign rsp_payload_outputs_0 = cmd_payload_inputs_0; always @(posedge clk)"
        " if (cmd_valid && !busy) begin busy <= 1; left <= 900000; end"
        " else if (left != 0) left <= left - 1; else if (rsp_ready) busy <= 0;"
    )
    family = own_family(tmp_path, body=body, templates=asking(9))
    assert checked(pipeline_for(own_job(tmp_path, family))) == 1


@pytest.mark.slow
def test_kernels_that_do_not_use_the_cfu_are_not_checked_with_it(tmp_path: Path) -> None:
    assert checked(pipeline_for(own_job(tmp_path, own_family(tmp_path)))) == 0
