"""A design's own source that does not build is a result; what the machine did is not."""

import dataclasses
import errno
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import ConfigError, DoesNotBuild, DseError, FaultKind, Then, ToolCrashed
from contracts.measurement import Completed, Infeasible
from hw_templates.cfu import BUILT_IN, load_families
from runners.measuring.measure import measure
from runners.pipeline import ROOT, Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.own_source import calling, giving
from runners.tools import first_error_line
from tests.firmware.added_operator import network_with_square, write_operator
from tests.stages.own_family import ANSWER, HANDSHAKE, PORTS, own_family, own_job


def fault_of(folder: Path, stage: str, family: str, *, mode: int = 1) -> DseError:
    """Build a stage of the family's design and return the fault in which it ends."""
    job = own_job(folder, family, mode=mode)
    with pytest.raises(DseError) as raised:
        pipeline_of(job, cache=Cache(folder / "cache"), report=lambda _: None).get(stage)
    assert raised.value.stage == stage
    return raised.value


# What yosys and Python say of the hardware

AMARANTH = """
from amaranth.hdl import Module
from hw_templates.cfu.component import CfuComponent, to_verilog
class Unit(CfuComponent):
    def __init__(self, mode):
        self.mode = mode
        super().__init__()
    def elaborate(self, platform):
        {first}
        m = Module()
        m.d.comb += self.cmd_ready.eq(self.rsp_ready)
        m.d.comb += self.rsp_valid.eq(self.cmd_valid)
        {rest}
        return m
"""
WITH_MODE = "lambda values: with_parameters(HERE / 'unit.v', {'MODE': values['mode']})"
BY_MODE = "parameter MODE = 0; generate if (MODE == 1) begin not_there u (); end endgenerate"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"body": f"{HANDSHAKE} {ANSWER}\nassign oops"}, "syntax error"),
        ({"body": f"{BY_MODE} {HANDSHAKE} {ANSWER}", "verilog": WITH_MODE}, "not_there"),
        ({"verilog": "lambda values: {0: 'x'}[values['mode']]"}, "KeyError: 1"),
        ({"verilog": "lambda values: 1 // (1 - values['mode'])"}, "ZeroDivisionError"),
        ({"verilog": "lambda values: None"}, "TypeError"),
        ({"verilog": "lambda values: exit(1)"}, "SystemExit: 1"),
        ({"verilog": "lambda values: (HERE / 'gone.v').read_text()"}, "FileNotFoundError"),
        ({"verilog": "lambda values: 'module Other; endmodule'"}, "Cfu"),
        (
            {
                "head": AMARANTH.format(first="self.no_such", rest=""),
                "verilog": "lambda values: to_verilog(Unit(values['mode']))",
            },
            "no_such",
        ),
    ],
    ids=["syntax", "value", "key", "any", "none", "exit", "gone", "no Cfu", "amaranth"],
)
def test_hardware_that_does_not_elaborate_is_a_result_with_the_first_error(
    tmp_path: Path, broken: dict[str, str], words: str
) -> None:
    fault = fault_of(tmp_path, "cfu", own_family(tmp_path, **broken))  # type: ignore[arg-type]
    assert (fault.kind, fault.then) == (FaultKind.DOES_NOT_BUILD, Then.INFEASIBLE)
    assert words in fault.what
    assert "\n" not in fault.what


def test_hardware_that_never_ends_to_elaborate_is_at_its_time_limit(tmp_path: Path) -> None:
    """The second time it is `too-slow-to-build`; without a limit it kept its worker for ever."""
    family = own_family(tmp_path, verilog="lambda values: next(x for x in iter(int, 1) if x)")
    job = own_job(tmp_path, family)
    limits = dataclasses.replace(job.limits, stage_timeout_s=2.0)
    cache = Cache(tmp_path / "cache")
    pipeline = pipeline_of(
        dataclasses.replace(job, limits=limits), cache=cache, report=lambda _: None
    )
    with pytest.raises(DseError) as raised:
        pipeline.get("cfu")
    fault = raised.value
    assert (fault.kind, fault.stage) == (FaultKind.TOOL_TIMEOUT, "cfu")
    assert fault.is_own_limit
    assert "own.py" in fault.detail


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"body": f"assign cmd_ready = rsp_ready; {ANSWER}"}, "drives port rsp_valid of Cfu"),
        ({"body": f"assign rsp_valid = cmd_valid; {ANSWER}"}, "drives port cmd_ready of Cfu"),
        ({"body": HANDSHAKE}, "drives port rsp_payload_outputs_0 of Cfu"),
        (
            {"body": HANDSHAKE, "verilog": WITH_MODE.replace("'MODE': values['mode']", "")},
            "outputs_0",
        ),
        (
            {"body": f"{HANDSHAKE} assign rsp_payload_outputs_0[15:0] = 5;"},
            "drives port rsp_payload_outputs_0[31:16] of Cfu",
        ),
        (
            {
                "ports": PORTS.replace("output [31:0] rsp_payload_outputs_0", "input more"),
                "body": HANDSHAKE,
            },
            "no port rsp_payload_outputs_0; nothing drives port more of Cfu",
        ),
        (
            {"ports": PORTS.replace("input [9:0]", "input [2:0]")},
            "port cmd_payload_function_id of Cfu is an input of 3 bits, not an input of 10",
        ),
        (
            {
                "head": AMARANTH.format(first="", rest=""),
                "verilog": "lambda values: to_verilog(Unit(values['mode']))",
            },
            "nothing drives port rsp_payload_outputs_0 of Cfu",
        ),
    ],
    ids=["valid", "ready", "answer", "parameters", "half", "missing", "width", "amaranth"],
)
def test_a_port_that_nothing_drives_is_named(
    tmp_path: Path, broken: dict[str, str], words: str
) -> None:
    fault = fault_of(tmp_path, "cfu", own_family(tmp_path, **broken))  # type: ignore[arg-type]
    assert fault.kind is FaultKind.DOES_NOT_BUILD
    assert words in fault.what


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"body": f"{HANDSHAKE} assign rsp_payload_outputs_0 = 0;"},
        {"body": f"assign cmd_ready = 1; assign rsp_valid = 0; {ANSWER}"},
        {"body": f"{HANDSHAKE} Multiplier u (.p(rsp_payload_outputs_0));"},
        {
            "body": f"{HANDSHAKE} reg [31:0] words [0:3]; reg [31:0] read;"
            "always @(posedge clk) begin if (cmd_valid) words[0] <= cmd_payload_inputs_0;"
            "read <= words[cmd_payload_inputs_1[1:0]]; end assign rsp_payload_outputs_0 = read;"
        },
        {
            "head": AMARANTH.format(first="", rest="m.d.comb += self.rsp_payload_outputs_0.eq(0)"),
            "verilog": "lambda values: to_verilog(Unit(values['mode']))",
        },
    ],
    ids=["own", "constant", "hangs", "of the part", "memory", "amaranth"],
)
def test_a_port_that_something_drives_is_left_alone(tmp_path: Path, right: dict[str, str]) -> None:
    job = own_job(tmp_path, own_family(tmp_path, **right))  # type: ignore[arg-type]
    pipeline = pipeline_of(job, cache=Cache(tmp_path / "cache"), report=lambda _: None)
    assert [path.name for path in pipeline.get("cfu").folder.glob("*.v")] == ["cfu.v"]


# What the compiler and Jinja say of the kernels


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (
            {"templates": {"once.c.j2": "\n\nint once(void) { return mul32(1); }"}},
            "once.c:3:",
        ),
        ({"templates": {"once.c.j2": "int main(void) { return 0; }"}}, "multiple definition"),
        ({"templates": {"once.c.j2": "#include <no_such.h>"}}, "no_such.h"),
        ({"templates": {"once.c.j2": "{{ lanes }}"}}, "'lanes' is undefined"),
        ({"templates": {"once.c.j2": "{% if %}"}}, "once.c.j2"),
        ({"templates": {"once.c.j2": "{{ 1 // 0 }}"}}, "ZeroDivisionError"),
        (
            {"kernels": "KernelFolder(folder=HERE / 'kernels', variables=lambda v: {}[v['mode']])"},
            "KeyError: 1",
        ),
        (
            {"kernels": "KernelFolder(folder=HERE / 'kernels', variables=lambda v: {'a': {1}})"},
            "not JSON serializable",
        ),
        (
            {"kernels": "KernelFolder(folder=HERE / 'kernels', scratch_rows=lambda v: 0)"},
            "scratch_rows is 0",
        ),
        (
            {"kernels": "KernelFolder(folder=HERE/'kernels', weight_row_align_bytes=lambda v: 3)"},
            "weight_row_align_bytes is 3",
        ),
    ],
    ids=[
        *("compile", "link", "include", "undefined", "template", "render"),
        *("variables", "set", "rows", "align"),
    ],
)
def test_a_kernel_that_does_not_build_is_a_result_with_the_first_error(
    tmp_path: Path, broken: dict[str, Any], words: str
) -> None:
    fault = fault_of(tmp_path, "host-firmware", own_family(tmp_path, **broken))
    assert (fault.kind, fault.then) == (FaultKind.DOES_NOT_BUILD, Then.INFEASIBLE)
    assert "kernels of the CFU family own" in fault.what
    assert words in fault.what


def test_a_family_that_builds_builds(tmp_path: Path) -> None:
    job = own_job(tmp_path, own_family(tmp_path))
    pipeline = pipeline_of(job, cache=Cache(tmp_path / "cache"), report=lambda _: None)
    assert (pipeline.get("host-firmware").folder / "firmware_host").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("int32_t square(void) { return 0 }", "square.c:1:"),
        ("{{ no_such }}", "'no_such' is undefined"),
    ],
    ids=["compile", "template"],
)
def test_an_operator_of_ones_own_that_does_not_build_is_a_result(
    tmp_path: Path, text: str, words: str
) -> None:
    folder = write_operator(tmp_path / "mine")
    (folder / "square.c.j2").write_text(text)
    model = tmp_path / "square.tflite"
    model.write_bytes(network_with_square())
    job = own_job(tmp_path, own_family(tmp_path))
    workload = dataclasses.replace(
        job.workload,
        model=model,
        model_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        operator_folders=(folder,),
    )
    job = dataclasses.replace(
        job, workload=workload, design={**job.design, "cfu": "none"}, families=()
    )
    with pytest.raises(DoesNotBuild, match="operators in mine") as raised:
        pipeline_of(job, cache=Cache(tmp_path / "cache"), report=lambda _: None).get(
            "host-firmware"
        )
    assert words in raised.value.what


# What is whose


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), FaultKind.OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "No space left on device"), FaultKind.DISK_FULL),
        (OSError(errno.EMFILE, "Too many open files"), FaultKind.TOOL_CRASHED),
        (subprocess.TimeoutExpired(["sbt"], 5), FaultKind.TOOL_TIMEOUT),
        (subprocess.CalledProcessError(-9, ["sbt"]), FaultKind.TOOL_CRASHED),
        (
            subprocess.CalledProcessError(1, ["sbt"], stderr="java.lang: Cannot allocate memory"),
            FaultKind.OUT_OF_MEMORY,
        ),
        (
            subprocess.CalledProcessError(1, ["sbt"], stderr="[info] x\n[error]: y\n[error]: z"),
            FaultKind.DOES_NOT_BUILD,
        ),
        (ToolCrashed("yosys ended without a word", fix="again"), FaultKind.TOOL_CRASHED),
        (ConfigError("no such parameter", fix="correct"), FaultKind.DOES_NOT_BUILD),
        (RecursionError("too deep"), FaultKind.DOES_NOT_BUILD),
    ],
    ids=repr,
)
def test_what_the_machine_did_to_a_familys_python_is_not_the_design(
    error: Exception, kind: FaultKind
) -> None:
    with pytest.raises(DseError) as raised, calling("the CFU family own"):
        raise error
    assert raised.value.kind is kind


def test_a_program_that_does_not_take_our_own_sources_crashed() -> None:
    error = ToolCrashed("yosys failed (exit status 1)", fix="read its log")
    error.complaint = "ERROR: syntax error"
    with pytest.raises(ToolCrashed), giving(None):
        raise error
    said = pytest.raises(DoesNotBuild, match="unit does not build: ERROR: syntax error")
    with said, giving("the unit"):
        raise error


def test_a_program_that_a_signal_ended_crashed_whatever_it_was_given() -> None:
    with pytest.raises(ToolCrashed), giving("the unit"):
        raise ToolCrashed("yosys failed (killed by SIGSEGV)", fix="read its log")


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("a\nERROR: first\nERROR: second", "ERROR: first"),
        ("%Warning-WIDTH: error: no\n%Error: Cfu.v:3: bad\n%Error: x", "%Error: Cfu.v:3: bad"),
        ("a.c: In function 'f':\na.c:3:1: error: b\ncc1: all warnings", "a.c:3:1: error: b"),
        ("s.s: Assembler messages:\ns.s:12: Error: unrecognized", "s.s:12: Error: unrecognized"),
        ("a.o: in `f':\na.c: undefined reference to `g'\nx", "a.c: undefined reference to `g'"),
        ("Traceback\n  File\nValueError: no", "ValueError: no"),
        ("nothing\nlast\n\n", "last"),
        ("", ""),
    ],
)
def test_the_first_error_of_a_log_is_found(log: str, line: str) -> None:
    assert first_error_line(log) == line


# Families that are refused when they are registered


def test_kernels_without_hardware_are_refused(tmp_path: Path) -> None:
    module = own_family(tmp_path)
    text = Path(module).read_text()
    head, _, _ = text.partition("FAMILY = ")
    Path(module).write_text(
        head + "FAMILY = Family(name='own', summary='s',"
        " kernels=KernelFolder(folder=HERE / 'kernels'))\n"
    )
    with pytest.raises(ConfigError, match=r"'own' has kernels, but no hardware[\s\S]*fix: "):
        load_families([module])


def test_a_folder_of_kernels_that_is_not_there_is_refused(tmp_path: Path) -> None:
    module = own_family(tmp_path, kernels="KernelFolder(folder=HERE / 'kernel')")
    with pytest.raises(ConfigError, match=r"folder of kernels .*/kernel, and there is none"):
        load_families([module])


# In a whole trial


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "stage", "words"),
    [
        ({"body": f"not_there u (); {HANDSHAKE} {ANSWER}"}, "simulator", "not_there"),
        (
            {"templates": {"once.c.j2": "int once(void) { return mul32(1); }"}},
            "firmware",
            "once.c:1:",
        ),
    ],
    ids=["verilator", "riscv-gcc"],
)
def test_a_trial_of_a_source_that_does_not_build_is_infeasible(
    tmp_path: Path, broken: dict[str, Any], stage: str, words: str
) -> None:
    job = own_job(tmp_path, own_family(tmp_path, **broken))
    outcome = measure(job, report=lambda _: None, cache=Cache(default_root()))
    assert isinstance(outcome, Infeasible), outcome
    assert (outcome.fault.kind, outcome.fault.stage) == (FaultKind.DOES_NOT_BUILD, stage)
    assert words in outcome.fault.what


NEVER = f"assign rsp_valid = 0; {ANSWER}"


def asking(times: int) -> dict[str, str]:
    """Return a kernel for ADD that first asks the CFU so many times."""
    plain = (ROOT / "sw_templates" / "kernels" / "sum.inc").read_text()
    head, name, tail = plain.partition("    struct walk walk;\n")
    assert name
    loop = f"    for (uint32_t i = 0; i < {times}; i++)\n        cfu_op(1, 0, i, 0);\n"
    which = '{% set kernel = "add" %}{% set sign = "+" %}'
    return {"add.c.j2": f'{which}#include "cfu.h"\n{head}{name}{loop}{tail}'}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "words", "cycles"),
    [
        (f"{NEVER} assign cmd_ready = 0;", "does not take a command", 400_000_000),
        (f"{NEVER} assign cmd_ready = 1;", "does not answer a command", 400_000_000),
        (f"{NEVER} assign cmd_ready = 1;", "does not answer a command", 500_000),
        (
            f"reg [7:0] left = 200; assign cmd_ready = left != 0; assign rsp_valid = cmd_valid;"
            f"{ANSWER} always @(posedge clk) if (cmd_valid && left != 0) left <= left - 1;",
            "does not take a command",
            400_000_000,
        ),
    ],
    ids=["never ready", "never answers", "within a small limit", "after 200"],
)
def test_a_cfu_that_hangs_is_found_within_its_bound_of_cycles(
    tmp_path: Path, body: str, words: str, cycles: int
) -> None:
    family = own_family(tmp_path, body=body, templates=asking(300))
    job = own_job(tmp_path, family, cycles=cycles)
    outcome = measure(job, report=lambda _: None, cache=Cache(default_root()))
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.CFU_HANGS
    assert words in outcome.fault.what
    assert "for 1000000 cycles" in outcome.fault.what
    assert outcome.fault.stage == "cfu-check"
    (seconds,) = (t.wall_s for t in outcome.measurement.stage_times if t.stage == "cfu-check")
    assert seconds < 60


@pytest.mark.slow
@pytest.mark.parametrize("cycles", [400_000_000, 500_000])
def test_a_cfu_that_hangs_in_the_simulation_is_found_there(tmp_path: Path, cycles: int) -> None:
    """Kernels that cannot be built for the host leave it to the simulation."""
    kernels = {**asking(300), "cfu_emulation.c.j2": "#error none\n"}
    family = own_family(tmp_path, body=f"{NEVER} assign cmd_ready = 1;", templates=kernels)
    job = own_job(tmp_path, family, cycles=cycles)
    outcome = measure(job, report=lambda _: None, cache=Cache(default_root()))
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.CFU_HANGS
    assert "does not answer a command" in outcome.fault.what
    assert (cycles < 1_000_000) or "for 1000000 cycles" in outcome.fault.what
    (seconds,) = (t.wall_s for t in outcome.measurement.stage_times if t.stage == "simulate")
    assert seconds < 60


@pytest.mark.slow
def test_a_cfu_whose_signals_do_not_settle_is_an_invalid_design(tmp_path: Path) -> None:
    loop = "wire [31:0] x = cmd_valid ? ~x + cmd_payload_inputs_0 : 0;"
    body = f"{HANDSHAKE} {loop} assign rsp_payload_outputs_0 = x;"
    family = own_family(tmp_path, body=body, templates=asking(3))
    outcome = measure(own_job(tmp_path, family), report=lambda _: None, cache=Cache(default_root()))
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.INVALID_DESIGN
    assert "combinational loop" in outcome.fault.what


@pytest.mark.slow
def test_a_cfu_that_is_slow_does_not_hang(tmp_path: Path) -> None:
    body = (
        "reg [17:0] left = 0; reg busy = 0; assign cmd_ready = !busy;"
        f"assign rsp_valid = busy && left == 0; {ANSWER} always @(posedge clk)"
        " if (cmd_valid && !busy) begin busy <= 1; left <= 200000; end"
        " else if (left != 0) left <= left - 1; else if (rsp_ready) busy <= 0;"
    )
    family = own_family(tmp_path, body=body, templates=asking(9))
    outcome = measure(own_job(tmp_path, family), report=lambda _: None, cache=Cache(default_root()))
    assert isinstance(outcome, Completed), outcome
    assert outcome.measurement.value("cycles") > 1_800_000


def test_the_built_in_families_are_ours() -> None:
    assert [name for name, family in BUILT_IN.items() if family.kernels is not None] == [
        "simd",
        "stream",
        "engine",
    ]


# What yosys and Vivado take of Verilog, and Verilator does not


MIXED = """
    reg [31:0] total; reg [3:0] narrow;
    always @(posedge clk)
        if (reset) total = 0;
        else if (cmd_valid) begin
            total <= total + cmd_payload_inputs_0;
            narrow <= cmd_payload_inputs_0; // a warning
        end
    assign rsp_payload_outputs_0 = total + narrow;
"""


@pytest.mark.slow
def test_mixed_assignments_are_simulated_as_they_are_synthesised(tmp_path: Path) -> None:
    job = own_job(tmp_path, own_family(tmp_path, body=f"{HANDSHAKE} {MIXED}"))
    pipeline = pipeline_of(job, cache=Cache(tmp_path / "cache"), report=lambda _: None)
    folder = pipeline.get("cfu").folder
    said = (folder / "verilator.log").read_text()
    assert "BLKANDNBLK" in said
    assert "WIDTH" in said, "the warnings are kept"
    pipeline.get("cfu-on-host")
