"""Shapes that projects have and ours has not: each is taken, or named with what to do."""

import gc
import re
import shutil
import sys
from pathlib import Path

import pytest

from contracts.faults import ConfigError, DoesNotBuild
from dse.commands.adopt import _in_amaranth
from hw_templates.cfu.amaranth_file import amaranth_verilog, arguments_of
from hw_templates.cfu.inspect_verilog import inspect_cfu
from hw_templates.cfu.verilog_file import with_parameters
from sw_templates.tflm.find import find_kernels
from tests.adopt.kernel_project import HEADERS, PROJECT

PORTS = """
    input clk, input reset, input cmd_valid, output cmd_ready,
    input [9:0] cmd_payload_function_id,
    input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
    output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0
"""
TYPED_PORTS = re.sub(r"\binput\b", "input wire", PORTS).replace("output [", "output logic [")
HANDSHAKE = "assign cmd_ready = rsp_ready; assign rsp_valid = cmd_valid;"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


SYSTEM_VERILOG = {
    "cfu.sv": f"""
`default_nettype none
module Cfu import lanes_pkg::*; #(
    parameter int unsigned LANES = COUNT,
    parameter bit WIDE = 1'b1,
    parameter NAME = "a.b"
) ({TYPED_PORTS});
{HANDSHAKE}
sum_t parts [LANES];
for (genvar i = 0; i < LANES; i++) begin : lane
    lane u (.x(cmd_payload_inputs_0[8*i +: 8]), .y(parts[i]));
end
always_comb begin
    rsp_payload_outputs_0 = '0;
    for (int i = 0; i < LANES; i++) rsp_payload_outputs_0 += parts[i];
end
endmodule
""",
    "lib/lanes_pkg.sv": """
package lanes_pkg;
    localparam int COUNT = 4;
    typedef logic [31:0] sum_t;
    function automatic sum_t widen(input logic [7:0] x);
        return {{24{x[7]}}, x};
    endfunction
endpackage
""",
    "lib/lane.sv": """
module lane import lanes_pkg::*; (input logic [7:0] x, output sum_t y);
    assign y = widen(x);
endmodule
""",
}


def test_systemverilog_that_yosys_own_reader_refuses_is_read(tmp_path: Path) -> None:
    write(tmp_path, SYSTEM_VERILOG)
    facts = inspect_cfu(tmp_path)
    assert dict(facts.parameters) == {"LANES": 4, "WIDE": 1, "NAME": "a.b"}
    assert any("slang" in note for note in facts.notes)
    two, four = (
        with_parameters(tmp_path / "cfu.sv", {"LANES": lanes}, folder=tmp_path) for lanes in (2, 4)
    )
    assert two.count("endmodule") == 1
    assert two != four
    assert four == with_parameters(tmp_path / "cfu.sv", {}, folder=tmp_path)


def test_the_mistake_in_it_is_named_and_not_what_the_old_reader_does_not_know(
    tmp_path: Path,
) -> None:
    write(tmp_path, SYSTEM_VERILOG)
    text = SYSTEM_VERILOG["cfu.sv"].replace("begin : lane", "begin : lane oops", 1)
    (tmp_path / "cfu.sv").write_text(text)
    line = text[: text.index("oops")].count("\n") + 1
    with pytest.raises(DoesNotBuild, match=rf"cfu\.sv:({line}|{line + 1}): "):
        inspect_cfu(tmp_path)


@pytest.mark.parametrize("folder", ["lib", "src", "bin", "rtl"])
def test_a_folder_may_be_called_as_one_at_the_root_of_the_machine(
    tmp_path: Path, folder: str
) -> None:
    body = "assign rsp_payload_outputs_0 = sum; wire [31:0] sum; Adder adder (sum);"
    write(
        tmp_path,
        {
            "cfu.v": f'`include "{folder}/rom.vh"\nmodule Cfu ({PORTS});\n{HANDSHAKE}\n{body}\n'
            "endmodule\n",
            f"{folder}/rom.vh": '`define WORDS "words.hex"\n',
            f"{folder}/adder.v": "module Adder (output [31:0] s); reg [31:0] w [0:1];\n"
            f'initial $readmemh("{folder}/words.hex", w); assign s = w[0]; endmodule\n',
            f"{folder}/words.hex": "00000007\n00000008\n",
        },
    )
    assert inspect_cfu(tmp_path).source.read == (f"{folder}/adder.v", "cfu.v")
    assert "32'd7" in with_parameters(tmp_path / "cfu.v", {}, folder=tmp_path)


@pytest.mark.parametrize("name", ["table.hex", "data/table.hex", "./data/table.hex"])
def test_data_that_a_parameter_names_is_found(tmp_path: Path, name: str) -> None:
    write(
        tmp_path,
        {
            "cfu.v": f'module Cfu #(parameter FILE = "{name}") ({PORTS});\n{HANDSHAKE}\n'
            "Rom #(.FILE(FILE)) rom (rsp_payload_outputs_0);\nendmodule\n",
            "rtl/rom.v": 'module Rom #(parameter FILE = "") (output [31:0] s);\n'
            "reg [31:0] w [0:0]; initial $readmemh(FILE, w); assign s = w[0]; endmodule\n",
            name: "0000002a\n",
        },
    )
    assert inspect_cfu(tmp_path).parameters == {"FILE": name}
    assert "32'd42" in with_parameters(tmp_path / "cfu.v", {}, folder=tmp_path)


def test_an_input_more_that_nothing_reads_is_told_of_and_does_no_harm(tmp_path: Path) -> None:
    ports = f"{PORTS}, input [31:0] port0_din, input rst, output [31:0] port0_addr"
    write(
        tmp_path,
        {
            "cfu.v": f"module Cfu ({ports});\n{HANDSHAKE}\nassign port0_addr = 0;\n"
            "assign rsp_payload_outputs_0 = 3;\nendmodule\n"
        },
    )
    notes = " ".join(inspect_cfu(tmp_path).notes)
    assert "port0_din" in notes
    assert "rst" in notes
    assert "port0_din" not in with_parameters(tmp_path / "cfu.v", {})


VERSIONS = {
    "cfu.v": f'`include "conf.vh"\n`ifdef OLD\n`include "old/unit.v"\n`else\n'
    f'`include "unit.v"\n`endif\nmodule Cfu ({PORTS});\n{HANDSHAKE}\n'
    "Unit unit (rsp_payload_outputs_0);\nendmodule\n",
    "conf.vh": "`ifndef CONF\n`define CONF\n`define NEW\n`endif\n",
    "unit.v": "module Unit (output [31:0] s); assign s = 5; endmodule\n",
}


def test_an_include_that_is_not_there_is_none_where_its_condition_does_not_hold(
    tmp_path: Path,
) -> None:
    write(tmp_path, VERSIONS)
    assert "32'd5" in with_parameters(tmp_path / "cfu.v", {})
    (tmp_path / "conf.vh").write_text(VERSIONS["conf.vh"].replace("NEW", "OLD"))
    for read in (inspect_cfu, lambda folder: with_parameters(folder / "cfu.v", {})):
        with pytest.raises(DoesNotBuild, match=r"cfu\.v:3: old/unit\.v is not there\n  fix: copy"):
            read(tmp_path)


def test_an_include_in_a_guard_is_no_condition(tmp_path: Path) -> None:
    text = (
        f'`ifndef CFU\n`define CFU\n`include "none.vh"\nmodule Cfu ({PORTS}); endmodule\n`endif\n'
    )
    write(tmp_path, {"cfu.v": text})
    with pytest.raises(DoesNotBuild, match=r"cfu\.v:3: none\.vh is not in"):
        inspect_cfu(tmp_path)


def test_a_kernel_that_stands_in_an_included_header_is_found(tmp_path: Path) -> None:
    project = Path(shutil.copytree(PROJECT, tmp_path / "project"))
    header = project / "src" / HEADERS["conv2d"]
    header.rename(header.with_name("conv_v2.h"))
    header.write_text('#pragma once\n#include "conf.h"\n#include "conv_v2.h"\n')
    header.with_name("conf.h").write_text("#define CFU_VERSION 2\n")
    found = find_kernels(project)
    assert found.headers == HEADERS
    assert {path.rpartition("/")[2] for path in found.files} >= {"conv_v2.h", "conf.h"}


def test_macros_of_a_makefile_are_those_that_it_always_sets(tmp_path: Path) -> None:
    project = Path(shutil.copytree(PROJECT, tmp_path / "project"))
    (project / "Makefile").write_text(
        "DEFINES += NDEBUG ROUNDS=2\n#DEFINES += COMMENTED\nDEFINES += \\\n  LONG \\\n  LONGER\n"
        "ifdef FAST\nDEFINES += FAST_MODE\nelse\nDEFINES += SLOW_MODE\nendif\n"
        "ifeq ($(PLATFORM),sim)\nDEFINES += SIMULATED\nendif\n"
        "DEFINES += DEPTH=$(DEPTH) LAST\nDEFINES += CFU_SOFTWARE_DEFINED\n"
    )
    found = find_kernels(project)
    assert found.defines == {
        "NDEBUG": "1", "ROUNDS": "2", "LONG": "1", "LONGER": "1", "LAST": "1",
    }  # fmt: skip
    notes = " ".join(found.notes)
    for name in ("FAST_MODE", "SLOW_MODE", "SIMULATED", "DEPTH=$(DEPTH)", "CFU_SOFTWARE_DEFINED"):
        assert f"{name} of the Makefile is left out" in notes


OLD_AMARANTH = {
    "cfu_gen.py": """
import os.path
from nmigen.back import verilog
from gateware.mac_cfu import make_cfu

def main():
    cfu = make_cfu()
    with open("cfu.v", "w") as out:
        out.write(verilog.convert(cfu, name="Cfu", ports=cfu.ports))

if __name__ == "__main__":
    main()
""",
    "gateware/__init__.py": "",
    "gateware/mac_cfu.py": """
from nmigen import Mux, Signal, signed
from nmigen.hdl.ast import Cat
from nmigen_cfu import Cfu, DualPortMemory, InstructionBase, SequentialMemoryReader, is_sim_run

from .offsets import OFFSET


class Store(InstructionBase):
    def __init__(self, depth):
        super().__init__()
        self.depth = depth
        self.word = Signal(32)
        self.next = Signal()

    def elab(self, m):
        memory = DualPortMemory(width=32, depth=self.depth, is_sim=is_sim_run())
        m.submodules["memory"] = memory
        m.submodules.reader = reader = SequentialMemoryReader(width=32, max_depth=self.depth)
        count = Signal(range(self.depth + 1), reset=0)
        m.d.comb += [
            memory.w_addr.eq(count), memory.w_data.eq(self.in0), memory.r_addr.eq(reader.mem_addr),
            reader.mem_data.eq(memory.r_data), reader.limit.eq(count), reader.next.eq(self.next),
            self.word.eq(reader.data), self.done.eq(1),
        ]
        with m.If(self.start):
            with m.If(self.funct7 == 1):
                m.d.sync += count.eq(0)
            with m.Else():
                m.d.comb += memory.w_en.eq(1)
                m.d.sync += count.eq(count + 1)
                m.d.comb += reader.restart.eq(1)


class Mac(InstructionBase):
    def __init__(self):
        super().__init__()
        self.word = Signal(32)
        self.next = Signal()

    def elab(self, m):
        acc = Signal(signed(32))
        a, b = ([w.word_select(i, 8).as_signed() for i in range(4)] for w in (self.in0, self.word))
        parts = [(x + OFFSET) * y for x, y in zip(a, b)]
        m.d.sync += self.done.eq(0)
        with m.If(self.start):
            m.d.sync += [acc.eq(Mux(self.funct7 == 1, 0, acc + sum(parts))), self.done.eq(1)]
            m.d.comb += self.next.eq(self.funct7 == 0)
        m.d.comb += self.output.eq(acc)


class MacCfu(Cfu):
    def __init__(self, depth=64):
        self.store, self.mac = Store(depth), Mac()
        super().__init__({0: self.mac, 1: self.store})

    def elab(self, m):
        super().elab(m)
        m.d.comb += [self.mac.word.eq(self.store.word), self.store.next.eq(self.mac.next)]


def make_cfu(depth=64):
    return MacCfu(depth)
""",
    "gateware/offsets.py": "OFFSET = 128\n",
}


def test_a_cfu_of_nmigen_in_a_package_is_read_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    write(tmp_path, OLD_AMARANTH)
    hardware = _in_amaranth(tmp_path, "cfu_gen.py")
    assert set(hardware.texts) == set(OLD_AMARANTH)
    assert hardware.parameters == {"depth": 64}
    text = amaranth_verilog(tmp_path / "cfu_gen.py", {"depth": 16})
    assert text == amaranth_verilog(tmp_path / "cfu_gen.py", {"depth": 16})
    assert text != amaranth_verilog(tmp_path / "cfu_gen.py", {})
    assert not list(tmp_path.rglob("__pycache__")), "looking changes nothing"


def test_two_projects_with_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    texts = []
    for name, offset in (("a", "128"), ("b", "5")):
        write(tmp_path / name, {**OLD_AMARANTH, "gateware/offsets.py": f"OFFSET = {offset}\n"})
        texts.append(amaranth_verilog(tmp_path / name / "cfu_gen.py", {}))
    assert texts[0] != texts[1]


BASE = """
from amaranth_cfu import CfuBase
class Cfu(CfuBase):
    def elab(self, m):
        m.d.comb += [self.cmd_ready.eq(self.rsp_ready), self.rsp_valid.eq(self.cmd_valid)]
        m.d.comb += self.rsp_out.eq(self.cmd_in0 + self.cmd_in1 + self.cmd_function_id + self.reset)
"""


def test_ports_have_the_names_of_the_library(tmp_path: Path) -> None:
    write(tmp_path, {"cfu.py": BASE})
    assert "module Cfu" in amaranth_verilog(tmp_path / "cfu.py", {})


@pytest.mark.filterwarnings(  # of what was made before the mistake was met
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "from amaranth import Signal\nfrom tools.words import split\n",
            r"cfu\.py:2: there is no module tools[\s\S]*fix: copy it into project",
        ),
        (
            "from nmigen import Repl\n",
            r"cfu\.py:1: cannot import name 'Repl' from 'amaranth'\n.*value\.replicate",
        ),
        (
            BASE.replace("self.reset)", "self.lram_data[0])"),
            r"four ports of its own[\s\S]*fix: copy what it needs",
        ),
        (
            "from amaranth_cfu import InstructionBase, simple_cfu\n"
            "class One(InstructionBase):\n    def elab(self, m):\n        self.signal_done(m)\n"
            "def make_cfu():\n    return simple_cfu({9: One()})\n",
            r"the number 9\n.*funct3, 0 to 7",
        ),
    ],
    ids=["module", "gone", "large RAMs", "funct3"],
)
def test_what_python_asks_for_and_is_not_there_is_named(
    tmp_path: Path, text: str, message: str
) -> None:
    project = tmp_path / "project"
    write(project, {"cfu.py": text})
    with pytest.raises((ConfigError, DoesNotBuild), match=message) as raised:
        amaranth_verilog(project / "cfu.py", arguments_of(project / "cfu.py"))
    del raised
    gc.collect()
