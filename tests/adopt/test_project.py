# ruff: noqa: E501 - one row a fault
"""What is found in a stranger's folder; what is wrong in it is named, with a fix."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.faults import ConfigError, DoesNotBuild
from hw_templates.cfu.amaranth_file import amaranth_verilog, arguments_of
from hw_templates.cfu.inspect_verilog import inspect_cfu
from hw_templates.cfu.verilog_file import with_parameters
from sw_templates.tflm.find import find_kernels
from tests.adopt.kernel_project import HEADERS, PROJECT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT, tmp_path / "project"))


def test_several_files_an_include_and_mixed_assignments_are_one_design(project: Path) -> None:
    facts = inspect_cfu(project)
    assert dict(facts.parameters) == {"LANES": 4, "SHIFT_IN_CFU": 1}
    assert facts.source.read == ("rtl/dot_product.v", "cfu.v")
    assert set(facts.source.texts) == {"cfu.v", "rtl/opcodes.vh", "rtl/dot_product.v"}
    text = with_parameters(project / "cfu.v", {"LANES": 2}, folder=project)
    assert text.count("endmodule") == 1
    assert text != with_parameters(project / "cfu.v", {}, folder=project)


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        text = (project / name).read_text()
        assert old in text
        (project / name).write_text(text.replace(old, new, 1))

    return change


def outside_include(project: Path) -> None:
    (project.parent / "secret.vh").write_text("`define OP_RESET 3'd0\n")
    replaced("cfu.v", '"rtl/opcodes.vh"', '"../secret.vh"')(project)


def linked(name: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        elsewhere = project.parent / "elsewhere"
        shutil.move(project / name, elsewhere)
        (project / name).symlink_to(elsewhere)

    return change


PORT = "    input               clk\n"


def also_read(ports: str, body: str) -> Callable[[Path], None]:
    """Further ports that the module reads."""

    def change(project: Path) -> None:
        replaced("cfu.v", PORT, ports)(project)
        replaced(
            "cfu.v",
            "    function [31:0]",
            f"    (* keep *) reg [31:0] fast; {body}\n    function [31:0]",
        )(project)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replaced("cfu.v", "module Cfu", "module my_cfu"), r"cfu\.v:4: .*called my_cfu[\s\S]*fix: rename it to Cfu"),
        (replaced("cfu.v", "parameter LANES = 4", "parameter LANES"), r"cfu\.v:5: parameter LANES .*no default[\s\S]*fix: give it one"),
        (replaced("cfu.v", "SHIFT_IN_CFU = 1", "SHIFT_IN_CFU"), r"cfu\.v:6: parameter SHIFT_IN_CFU .*no default"),
        (also_read("    input clk,\n    input clk_fast\n", "always @(posedge clk_fast) fast <= dot;"), r"cfu\.v:18: a second clock, clk_fast[\s\S]*fix: clock what clk_fast"),
        (also_read("    input clk,\n    input [31:0] port0_din\n", "always @(posedge clk) fast <= port0_din;"), r"cfu\.v:18: an extra port, port0_din"),
        (replaced("cfu.v", "input      [9:0]    cmd", "input      [2:0]    cmd"), r"cfu\.v:10: port cmd_payload_function_id .*3 bits[\s\S]*fix: declare input \[9:0\]"),
        (lambda folder: (folder / "rtl" / "opcodes.vh").unlink(), r"cfu\.v:2: rtl/opcodes\.vh is not in project[\s\S]*fix: copy it"),
        (lambda folder: (folder / "rtl" / "dot_product.v").unlink(), r"dot_product"),
        (outside_include, r"cfu\.v:2: \.\./secret\.vh lies outside of project[\s\S]*fix: copy"),
        (linked("rtl/opcodes.vh"), r"cfu\.v:2: rtl/opcodes\.vh lies outside of project"),
        (linked("cfu.v"), r"cfu\.v is a link to outside of project"),
        (replaced("cfu.v", "assign cmd_ready = ~rsp_valid;", "assign cmd_ready = ~rsp_valid"), r"cfu\.v:\d+: expected ';'"),
        (replaced("rtl/dot_product.v", "endmodule", ""), r"rtl/dot_product\.v:\d+: "),
        (lambda folder: (folder / "cfu.v").unlink(), r"no Verilog file in project has a module Cfu"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_hardware_is_named(
    project: Path, change: Callable[[Path], None], message: str
) -> None:
    change(project)
    with pytest.raises((ConfigError, DoesNotBuild), match=message):
        inspect_cfu(project)


def test_a_clock_that_is_made_inside_is_told_of(project: Path) -> None:
    replaced(
        "cfu.v",
        "    function [31:0]",
        "    reg half; always @(posedge clk) half <= ~half;\n"
        "    reg [31:0] seen /* verilator public */; always @(posedge half) seen <= seen + dot;\n"
        "    always @(negedge clk) if (seen[0]) acc <= 1;\n    function [31:0]",
    )(project)
    notes = " ".join(inspect_cfu(project).notes)
    assert "clocked by half" in notes
    assert "fall of clk" in notes


def test_an_output_more_is_told_of_and_does_no_harm(project: Path) -> None:
    replaced("cfu.v", PORT, "    input clk,\n    output rsp_payload_response_ok\n")(project)
    assert any("rsp_payload_response_ok" in note for note in inspect_cfu(project).notes)
    with_parameters(project / "cfu.v", {}, folder=project)


def test_kernels_are_found_with_what_they_include_and_the_macros(project: Path) -> None:
    found = find_kernels(project)
    assert found.headers == HEADERS
    assert "dot.h" in found.files
    assert "cfu.h" not in found.files
    assert found.defines == {"USE_CFU_MAC": "1", "CONV_IM2COL": "1"}
    assert not found.sources


def test_a_function_in_a_file_of_its_own_is_found(project: Path) -> None:
    header = project / "src" / HEADERS["conv2d"]
    text = header.read_text()
    header.write_text(
        text.replace("namespace tflite {", "int32_t Finished(int32_t value);\nnamespace tflite {", 1)
        .replace("acc += params.output_offset;", "acc = Finished(acc + params.output_offset);")
    )  # fmt: skip
    (project / "src" / "finish.cc").write_text(
        '#include <cstdint>\n#include "dot.h"\nint32_t Finished(int32_t value)\n{ return value; }\n'
    )
    found = find_kernels(project)
    assert found.sources == ("finish.cc",)


def test_a_kernel_that_nothing_can_stand_for_is_told_of(project: Path) -> None:
    other = (project / "src" / HEADERS["conv2d"]).with_name("mul.h")
    other.write_text("namespace tflite { namespace reference_integer_ops { } }")
    assert any("mul.h" in note for note in find_kernels(project).notes)


def test_a_kernel_or_include_outside_of_the_folder_is_refused_by_name(project: Path) -> None:
    dot = project / "src" / "dot.h"
    (project.parent / "dot.h").write_text(dot.read_text())
    dot.unlink()
    dot.symlink_to(project.parent / "dot.h")
    with pytest.raises(ConfigError, match=r"dot\.h.* outside of project[\s\S]*fix: copy"):
        find_kernels(project)


AMARANTH = """
from amaranth import *
from amaranth_cfu import InstructionBase, InstructionTestBase, all_words, simple_cfu
from offsets import OFFSET

class Mac(InstructionBase):
    def __init__(self, lanes):
        super().__init__()
        self.lanes = lanes

    def elab(self, m):
        total, then = Signal(32), Signal(32)
        words = zip(all_words(self.in0, 8), all_words(self.in1, 8))
        products = [(a.as_signed() + OFFSET) * b.as_signed() for a, b in list(words)[:self.lanes]]
        m.d.comb += [then.eq(total + sum(products)), self.output.eq(then), self.done.eq(self.start)]
        with m.If(self.start):
            m.d.sync += total.eq(then)

class MacTest(InstructionTestBase):
    pass

def make_cfu(lanes=4):
    return simple_cfu({0: Mac(lanes)})
"""


def test_a_cfu_of_amaranth_cfu_is_read_with_the_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "cfu.py").write_text(AMARANTH)
    (tmp_path / "offsets.py").write_text("OFFSET = 128\n")
    assert arguments_of(tmp_path / "cfu.py") == {"lanes": 4}
    text = amaranth_verilog(tmp_path / "cfu.py", {"lanes": 2})
    assert text == amaranth_verilog(tmp_path / "cfu.py", {"lanes": 2})
    assert text != amaranth_verilog(tmp_path / "cfu.py", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X = 1\n", r"cfu\.py defines no CFU[\s\S]*fix: define make_cfu"),
        ("def make_cfu():\n    return 1\n", r"cfu\.py: what it makes is a int, not a CFU"),
        ("def make_cfu(lanes):\n    return 1\n", r"parameter lanes of make_cfu has no default"),
    ],
)
def test_what_is_no_cfu_in_python_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "cfu.py").write_text(text)
    with pytest.raises(ConfigError, match=message):
        amaranth_verilog(tmp_path / "cfu.py", arguments_of(tmp_path / "cfu.py"))
