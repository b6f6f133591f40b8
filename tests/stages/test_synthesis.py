import json
import re
from pathlib import Path

import pytest

from contracts.faults import ConfigError, ToolCrashed
from hw_templates.cfu import BUILT_IN
from runners.fpga import family_of_part
from runners.fpga.ecp5 import ECP5
from runners.pipeline import Cache, Pipeline, default_root
from runners.stages.all import STAGES
from runners.stages.black_boxes import cfu_header, cpu_header
from runners.stages.synthesis import parse_cells, read_cost, synthesise
from tests.fast_design import CPU, FAST_CFU, FIRMWARE
from tests.measuring.test_measure import job_for

REPORT = {
    "design": {
        "num_cells_by_type": {
            "LUT4": 100,
            "CCU2C": 10,
            "TRELLIS_DPR16X4": 2,
            "TRELLIS_FF": 70,
            "DP16KD": 3,
            "MULT18X18D": 4,
            "PFUMX": 9,
        }
    }
}


def test_carry_cells_and_distributed_memory_count_as_look_up_tables() -> None:
    cost = ECP5.cost(parse_cells(json.dumps(REPORT)))
    assert cost == {"lut4": 100 + 2 * 10 + 6 * 2, "ff": 70, "dp16kd": 3, "mult18x18d": 4}


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", '{"design": 1}', "garbage"])
def test_a_report_that_makes_no_sense_is_a_crash_of_the_tool(text: str) -> None:
    with pytest.raises(ToolCrashed, match="cannot be read"):
        parse_cells(text)


def test_an_unknown_part_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'LFE5U-99F' is not known[\s\S]*LFE5U-85F"):
        family_of_part("LFE5U-99F")


def ports(text: str, module: str) -> dict[str, tuple[str, int]]:
    """Return direction and width of a module's ports, in either style of Verilog."""
    body = text[re.search(rf"module {module}\s*\(", text).end() :]  # type: ignore[union-attr]
    body = body[: body.index("endmodule")]
    found = re.finditer(
        r"(input|output)\s+(?:reg\s+|wire\s+)?(?:\[(\d+):0\]\s*)?(\w+)\s*[,;\n)]", body
    )
    return {m[3]: (m[1], int(m[2] or 0) + 1) for m in found}


def test_the_black_box_of_the_cfu_is_what_its_generator_writes() -> None:
    verilog = BUILT_IN["simd"].verilog
    assert verilog is not None
    assert ports(cfu_header(clock_percent=100), "Cfu") == ports(verilog(FAST_CFU), "Cfu")


@pytest.mark.slow
@pytest.mark.parametrize("cfu", ["none", "simd"])
def test_the_black_box_of_the_cpu_is_what_its_generator_writes(cfu: str) -> None:
    walk = Pipeline(
        job_for({**CPU, **FIRMWARE, **(FAST_CFU if cfu == "simd" else {"cfu": "none"})}),
        stages=STAGES,
        cache=Cache(default_root()),
        report=lambda _: None,
    )
    generated = (walk.get("cpu").folder / "VexRiscv.v").read_text()
    assert ports(cpu_header(with_cfu=cfu != "none"), "VexRiscv") == ports(generated, "VexRiscv")


@pytest.mark.slow
def test_a_module_is_synthesised_around_black_boxes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "soc.v"
    source.write_text(
        "module soc(input clk, input [7:0] a, output reg [7:0] q); wire [7:0] w;"
        "inner i(.a(a), .w(w)); always @(posedge clk) q <= w + a; endmodule"
    )
    out = tmp_path / "out"
    out.mkdir()
    header = "module inner(input [7:0] a, output [7:0] w); endmodule"
    synthesise([source], family=ECP5, top="soc", black_boxes=[header], out=out, timeout_s=300)
    assert read_cost(out)["ff"] == 8
    assert "inner" in (out / "netlist.json").read_text()
