"""The benchmark of the oracle: what it changes, and that it goes on where it was ended."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.mutants import (
    C_OPERATORS,
    VERILOG_OPERATORS,
    mutants_of,
    program_mutants,
    watched,
)
from benchmarks.oracle import FAMILIES, HEADER, Done, is_fault, page_rows
from benchmarks.rounding_proof import is_same_for_all
from benchmarks.rounding_ties import is_reachable
from hw_templates.cfu.engine.isa import DESCRIPTOR_WORDS, MAGIC, Kind, Word
from runners.stages.firmware import generate_firmware
from runners.workload import workload_model
from tests.stages.own_family import own_family, own_job

SOURCE = """/* a + b */
int sum(int a, int b)
{
    int total = a + b; /* a + b */

    total += a;
    return total - 2;
}
"""
HALF = "int64_t half = (INT64_C(1) << (total_shift - 1)) - (value < 0);"


def test_a_mutant_is_one_change_of_code_and_says_where() -> None:
    found = list(mutants_of("sum.c", SOURCE, C_OPERATORS))
    assert {mutant.line for mutant in found} == {4, 6, 7}
    for mutant in found:
        right, wrong = SOURCE.splitlines(), mutant.text.splitlines()
        changed = [n for n, (a, b) in enumerate(zip(right, wrong, strict=True), 1) if a != b]
        assert changed == [mutant.line], mutant.what
        assert right[mutant.line - 1].strip() == mutant.code


def test_hardware_can_be_wrong_for_one_value_only() -> None:
    line = "  assign \\$1  = $signed(a[7:0]) * $signed(b[7:0]);\n"
    texts = [mutant.text for mutant in mutants_of("cfu.v", line, VERILOG_OPERATORS)]
    assert any("a[7:0] == 8'd" in text for text in texts)


def test_a_killed_run_goes_on_behind_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "done.jsonl"
    Done(path).add({"key": "one", "verdict": "golden"})
    with path.open("a") as sink:
        sink.write('{"key": "two", "verd')
    again = Done(path)
    assert again.get("one") == {"key": "one", "verdict": "golden"}
    assert again.get("two") is None
    again.add({"key": "two", "verdict": "none"})
    assert [record["key"] for record in Done(path).records] == ["one", "two"]


def test_what_nothing_shows_is_a_fault_until_somebody_says_why() -> None:
    record = {"model": "m", "verdict": "none", "every_input": False, "what": "one more"}
    rounding = {**record, "file": "requantise.h", "code": HALF}
    address = {**record, "file": "conv2d.c", "code": "input += layer->input_depth;"}
    clamp = {**record, "file": "conv2d.c", "code": "sum = clamp(sum, layer->activation_min);"}
    assert is_fault(rounding)
    assert not is_fault({**rounding, "may_tie": False})
    assert is_fault(clamp)
    assert not is_fault(address)
    shape = "if (shape.channels >= 4) { /* whole words of results */"
    assert not is_fault({**record, "file": "simd_conv2d.c", "code": shape})
    depth = "if (layer->depth_multiplier == 1) {"
    assert not is_fault({**record, "file": "depthwise_conv2d.c", "code": depth})
    assert not is_fault({**rounding, "every_input": True})
    assert not is_fault({**rounding, "verdict": "same code"})
    assert is_fault({**address, "verdict": "missed"})
    wire = {**record, "file": "cfu.v", "code": "assign a = b & c ;", "verdict": "unreached"}
    assert not is_fault(wire)
    assert is_fault({**wire, "what": "one more for one value of a factor"})
    assert is_fault({**wire, "verdict": "none"})


def test_a_changed_wire_is_watched_beside_the_right_one() -> None:
    right = "module Cfu(clk);\n  assign x = a & b ;\n  always @(posedge clk)\n    y <= x ;\n"
    (wire,) = (m for m in mutants_of("cfu.v", right, VERILOG_OPERATORS) if m.what == "| for &")
    text = watched(right, wire) or ""
    assert "assign x = a & b ;" in text
    assert "assign mutant__ = a | b ;" in text
    assert "if (!reached__ && x !== mutant__)" in text
    (kept,) = (m for m in mutants_of("cfu.v", right, VERILOG_OPERATORS) if "written" in m.what)
    assert "y !== (x )" in (watched(right, kept) or "")


def test_a_bit_of_a_descriptor_is_changed_that_the_layer_reads() -> None:
    words = []
    for kind in (Kind.DENSE, Kind.ADD):
        words += [MAGIC << 16 | kind, *range(1, DESCRIPTOR_WORDS)]
    table = "u, ".join(map(str, words))
    text = f"static const uint32_t engine_program[{len(words)}] = {{\n    {table}u,\n}};\n"
    found = program_mutants("unit.c", text)
    changed = [
        next(
            place
            for place, pair in enumerate(zip(text.split(), each.text.split(), strict=True))
            if pair[0] != pair[1]
        )
        - 6
        for each in found
    ]
    assert len(set(changed)) == len(found)
    of_dense = {place for place in changed if place < DESCRIPTOR_WORDS}
    of_add = {place - DESCRIPTOR_WORDS for place in changed if place >= DESCRIPTOR_WORDS}
    assert of_dense == set(range(Word.SECOND_INPUT))
    assert of_add == set(Word) - {Word.INPUT_SIZE, Word.WINDOW, Word.PADDING, Word.WEIGHTS}
    assert program_mutants("conv2d.c", SOURCE) == []


@pytest.mark.parametrize(
    ("right", "changed", "is_same"),
    [
        ("if (value < lowest)", "if (value <= lowest)", True),
        ("INT64_C(1) << 30)) >> 31", "INT64_C(1) << 29)) >> 31", False),
        ("(total_shift - 1)) - (value < 0)", "(total_shift - 2)) - (value < 0)", False),
        ("return value > highest ? highest", "return value > highest ? highest - 1", False),
    ],
)
def test_a_change_of_the_rounding_is_tried_for_every_sum(
    right: str, changed: str, is_same: bool, tmp_path: Path
) -> None:
    job = own_job(tmp_path, own_family(tmp_path))
    firmware = tmp_path / "firmware"
    generate_firmware(job, soc=None, out=firmware)
    header = (firmware / "requantise.h").read_text()
    assert right in header
    found = is_same_for_all(
        workload_model(job.workload),
        right=firmware,
        changed=header.replace(right, changed),
        folder=tmp_path,
    )
    assert found == is_same


def test_a_row_says_what_was_caught_of_what_was_tried() -> None:
    one = {"model": "m", "design": "stream", "where": "C", "file": "stream.c", "code": "x = value;"}
    one |= {"what": "one more", "every_input": False}
    records = [{**one, "verdict": verdict} for verdict in ("golden", "alone", "in range", "none")]
    found, all_of_them = page_rows(records)
    cells = dict(zip(HEADER, found, strict=True))
    assert cells["stream"] == "2 of 3"
    assert [cells[name] for name in FAMILIES if name != "stream"] == ["–"] * 3
    assert (cells["proved equivalent"], cells["unexplained"]) == ("1", "1")
    assert all_of_them[1:] == found[1:]


@given(st.integers(0, 300), st.integers(2, 8), st.integers(0, 400))
def test_a_sum_at_the_edge_of_a_rounding_is_known(multiplier: int, bits: int, bound: int) -> None:
    unit = 1 << bits
    edges = (unit // 2, unit // 2 - 1)
    expected = any(value * multiplier % unit in edges for value in range(-bound, bound + 1))
    assert is_reachable(multiplier, unit_bits=bits, bound=bound) == expected
