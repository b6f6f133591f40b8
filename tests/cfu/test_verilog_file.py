"""Parameters of a user's Verilog: taken exactly as they are given, or refused by name."""

import re
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import ConfigError, DoesNotBuild, DseError, ToolTimeout
from hw_templates.cfu.verilog_file import ParameterValue, with_parameters

PORTS = """
    input clk, input reset, input cmd_valid, output cmd_ready,
    input [9:0] cmd_payload_function_id,
    input [31:0] cmd_payload_inputs_0, input [31:0] cmd_payload_inputs_1,
    output rsp_valid, input rsp_ready, output [31:0] rsp_payload_outputs_0
"""
HANDSHAKE = "assign cmd_ready = rsp_ready; assign rsp_valid = cmd_valid;"


def written(folder: Path, *, header: str = "", body: str) -> Path:
    path = folder / "unit.v"
    path.write_text(f"module Cfu {header}\n({PORTS});\n{HANDSHAKE}\n{body}\nendmodule\n")
    return path


def answer(verilog: str) -> int:
    """Return what a CFU that ignores its inputs answers; yosys has computed it."""
    found = re.search(r"rsp_payload_outputs_0 = 32'd(\d+);", verilog)
    assert found, verilog
    number = int(found[1])
    return number - 2**32 if number >= 2**31 else number


SAYS = "assign rsp_payload_outputs_0 ="


@pytest.mark.parametrize(
    ("header", "body", "parameters", "expected"),
    [
        ("#(parameter A = 1)", f"{SAYS} A;", {"A": 5}, 5),
        ("#(parameter A = 1)", f"{SAYS} A;", {}, 1),
        ("#(parameter signed [7:0] A = 8'sd1, B = 2)", f"{SAYS} A * B;", {"A": -3}, -6),
        ("#(parameter integer A = 8'h2)", f"{SAYS} A;", {"A": -(2**31)}, -(2**31)),
        ("#(parameter A = 1)", f"{SAYS} A >> 40;", {"A": 2**42}, 4),
        ("#(parameter A = 0)", f"{SAYS} A ? 7 : 8;", {"A": True}, 7),
        ('#(parameter A = "x")', f'{SAYS} A == "say \\"hi\\"";', {"A": 'say "hi"'}, 1),
        ("#(parameter real A = 0.5)", f"{SAYS} $rtoi(A * 4.5);", {"A": 2}, 9),
        ("", f"parameter A = 2; localparam L = A * 3; {SAYS} L;", {"A": 4}, 12),
        ("#(parameter A = 1, parameter B = A + 1)", f"{SAYS} B;", {"A": 9}, 10),
        ("#(parameter /* A = 3 */ A = 1) // A = 4", f"{SAYS} A;", {"A": 6}, 6),
        ("#(parameter int A = 1)", f"logic [31:0] x; always_comb x = A; {SAYS} x;", {"A": 3}, 3),
    ],
    ids=str,
)
def test_a_parameter_has_the_value_that_is_given(
    tmp_path: Path, header: str, body: str, parameters: dict[str, ParameterValue], expected: int
) -> None:
    path = written(tmp_path, header=header, body=body)
    assert answer(with_parameters(path, parameters)) == expected


def test_the_text_is_one_module_and_depends_on_no_folder(tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        path = written(
            folder,
            header="#(parameter D = 4)",
            body="""
            (* ram_style = "block" *) reg [31:0] words [0:15]; reg [31:0] read;
            wire [31:0] half; Half #(.D(D)) below (.a(cmd_payload_inputs_0), .b(half));
            always @(posedge clk) begin
                if (cmd_valid) words[cmd_payload_function_id[3:0]] <= half + D;
                read <= words[cmd_payload_inputs_1[3:0]];
            end
            assign rsp_payload_outputs_0 = read;
            endmodule
            module Half #(parameter D = 1) (input [31:0] a, output [31:0] b);
            assign b = a / D;
            """,
        )
        texts.append(with_parameters(path, {"D": 8}))
    assert texts[0] == texts[1]
    assert texts[0].count("endmodule") == 1
    assert 'ram_style = "block"' in texts[0]
    assert texts[0].count("words[") < 5, "a word is written as a word"
    assert str(tmp_path) not in texts[0]
    assert "Generated" not in texts[0]


@pytest.mark.parametrize(
    ("body", "parameters", "kind", "message"),
    [
        (f"{SAYS} 0;", {"LANES": 4}, DoesNotBuild, r"unit\.v: module Cfu has no parameter LANES"),
        (
            f"localparam L = 1; {SAYS} L;",
            {"L": 4},
            DoesNotBuild,
            r"unit\.v: .* parameter L that",
        ),
        (f"{SAYS} 0;", {"A B": 4}, ConfigError, r"unit\.v: 'A B' cannot be the name"),
        (f"{SAYS} 0;", {"A": 0.5}, ConfigError, r"unit\.v: parameter A cannot be 0\.5"),
        ("assign oops", {}, DoesNotBuild, r"unit\.v:\d+: expected "),
        (f"Other u (); {SAYS} 0;", {}, DoesNotBuild, r"unit\.v: Module `\\Other' referenced"),
    ],
    ids=["unknown", "localparam", "name", "not whole", "syntax", "missing module"],
)
def test_what_cannot_be_is_named(
    tmp_path: Path,
    body: str,
    parameters: dict[str, Any],
    kind: type[DseError],
    message: str,
) -> None:
    with pytest.raises(kind, match=message):
        with_parameters(written(tmp_path, body=body), parameters)


def test_a_value_that_does_not_elaborate_is_the_fault_of_the_design(tmp_path: Path) -> None:
    body = f"generate if (MODE == 1) begin not_there u (); end endgenerate {SAYS} MODE;"
    path = written(tmp_path, header="#(parameter MODE = 0)", body=body)
    with_parameters(path, {"MODE": 0})
    with pytest.raises(DoesNotBuild, match=r"not_there[\s\S]*fix: .*add a rule to the family"):
        with_parameters(path, {"MODE": 1})


def test_a_file_without_module_cfu_or_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.v").write_text("module Other; endmodule")
    with pytest.raises(
        DoesNotBuild, match=r"other\.v: Module `\\Cfu' .*[\s\S]*must hold module Cfu"
    ):
        with_parameters(tmp_path / "other.v", {})
    with pytest.raises(ConfigError, match=r"missing\.v cannot be read"):
        with_parameters(tmp_path / "missing.v", {})


def test_a_file_that_never_elaborates_reaches_a_limit_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The design is suspected then, as with every other tool, and not tried a third time."""
    endless = (
        f"{SAYS} 0; genvar i; generate for (i = 0; i < 2000000000; i = i + 1) wire w; endgenerate"
    )
    path = written(tmp_path, body=endless)
    monkeypatch.setattr("hw_templates.cfu.verilog_elaboration._CPU_LIMIT_S", 2)
    with pytest.raises(ToolTimeout, match=r"elaborate unit.v within 2 CPU-seconds") as raised:
        with_parameters(path, {})
    assert raised.value.is_own_limit
