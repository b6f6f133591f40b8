"""A placed design as its bitstream has it, simulated in time: netlist, dividers, boot program.

The netlist is the one that was routed. Its boot ROM gets what the bitstream's block RAMs hold, and
its clock the ratio to the oscillator that the bitstream's PLL makes; both are read back with
``ecpunpack``. What the board says is sampled by a clock on the wall, not by its own.
"""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from contracts.measurement import Measurement
from runners.fpga import ecp5_pll
from runners.job import Job
from runners.stages.bitstream import bitstream_of
from runners.stages.place.netlist import join_netlists
from runners.stages.synthesis import NETLIST, SYNTHESISED
from runners.tools import run_tool
from tests.stages.place.small_design import artefact
from tests.stages.place.test_netlist_simulation import as_verilog, cell_models

REFERENCE_HZ = 25_000_000
BAUD = 115_200
WORDS = 2048
"""Of 9 bits in a block RAM, as Project Trellis writes them down."""
MAIN = """
#include <cstdio>
#include <cstdlib>
#include "Vsoc.h"

/* Prints what is said at so many seconds a bit, until so many bytes were said. */
int main(int, char **arguments)
{
    double half = atof(arguments[1]), bit = atof(arguments[2]), next = 0;
    int wanted = atoi(arguments[3]), bits = -1, byte = 0, said = 0, was = 1;
    Vsoc soc;

    soc.serial_rx = 1;
    soc.pll_LOCK = 1;
    for (long edge = 0; said < wanted && edge < 40000000; edge++) {
        double now_s = edge * half;
        soc.reset = edge < 40;
        soc.pll_CLKOP = edge & 1;
        soc.eval();
        int now = soc.serial_tx;
        if (bits < 0 && was && !now) {
            bits = 0;
            byte = 0;
            next = now_s + 1.5 * bit;
        } else if (bits >= 0 && now_s >= next) {
            if (bits < 8)
                byte |= now << bits;
            else if (!now)
                return puts("\\nno stop bit"), 1;
            else
                putchar(byte), said++;
            bits = bits < 8 ? bits + 1 : -1;
            next += bit;
        }
        was = now;
    }
    return said < wanted;
}
"""

Netlist = dict[str, Any]


def block_rams(config: str) -> dict[str, list[int]]:
    """Return the contents of a design's block RAMs by Trellis' number, in words of 9 bits."""
    found = {}
    for section in config.split(".bram_init ")[1:]:
        number, _, rest = section.partition("\n")
        words = rest.partition("\n\n")[0].split()
        found[number] = [int(word, 16) for word in words]
        assert len(found[number]) == WORDS
    return found


def initial_words(cell: Netlist) -> list[int]:
    """Return what a DP16KD of a netlist starts with, in words of 9 bits."""
    words = []
    for line in range(64):
        value = int(cell["parameters"].get(f"INITVAL_{line:02X}", "0").replace("x", "0"), 2)
        for word in range(16):
            eighteen = value >> (20 * word) & 0x3FFFF
            words += [eighteen & 0x1FF, eighteen >> 9]
    return words


def set_initial_words(cell: Netlist, words: list[int]) -> None:
    for line in range(64):
        value = 0
        for word in range(16):
            low, high = words[32 * line + 2 * word : 32 * line + 2 * word + 2]
            value |= (low | high << 9) << (20 * word)
        cell["parameters"][f"INITVAL_{line:02X}"] = f"{value:0320b}"


def with_contents(netlist: Netlist, routed: str, read_back: str) -> int:
    """Give block RAMs the contents that the bitstream gives them; return how many changed.

    Which one of the routed design is which of the netlist follows from what it held before: the
    ROM was synthesised and routed with random contents.
    """
    before, after = block_rams(routed), block_rams(read_back)
    changed = 0
    for cell in netlist["modules"]["soc"]["cells"].values():
        if cell["type"] != "DP16KD":
            continue
        held = initial_words(cell)
        if not any(held):
            continue
        (number,) = (number for number, words in before.items() if words == held)
        set_initial_words(cell, after[number])
        changed += held != after[number]
    return changed


def without_pll(netlist: Netlist) -> None:
    """Make the outputs of the PLL inputs of the design."""
    soc = netlist["modules"]["soc"]
    ((name, pll),) = ((n, c) for n, c in soc["cells"].items() if c["type"] == "EHXPLLL")
    for port in ("CLKOP", "LOCK"):
        bits = pll["connections"][port]
        soc["ports"][f"pll_{port}"] = {"direction": "input", "bits": bits}
    del soc["cells"][name]


def said(netlist: Netlist, folder: Path, *, clock_hz: Fraction, count: int) -> str:
    """Return the first bytes that a board says on its serial line."""
    (folder / "joined.json").write_text(json.dumps(netlist))
    verilog = as_verilog(folder / "joined.json", folder / "joined").read_text()
    (folder / "soc.v").write_text(verilog + cell_models())
    (folder / "main.cpp").write_text(MAIN)
    verilator = ["verilator", "--cc", "--exe", "--build", "-Wno-fatal", "-Wno-lint", "-O3"]
    run_tool(
        [*verilator, "-CFLAGS", "-O1", "--top-module", "soc", "soc.v", "main.cpp"],
        cwd=folder,
        log=folder / "verilator.log",
        timeout_s=900,
    )
    run_tool(
        [folder / "obj_dir" / "Vsoc", repr(0.5 / float(clock_hz)), repr(1 / BAUD), str(count)],
        cwd=folder,
        log=folder / "run.log",
        stdout=folder / "said",
        timeout_s=900,
    )
    return (folder / "said").read_text(encoding="latin-1")


@pytest.mark.slow
def test_the_netlist_boots_at_the_dividers_that_its_bitstream_has(
    job: Job, measured: Measurement, tmp_path: Path
) -> None:
    bitstream = bitstream_of(artefact(measured, "bitstream"), job)
    (tmp_path / "soc.bit").write_bytes(bitstream.read_bytes())
    run_tool(
        ["yowasp-ecpunpack", "--input", "soc.bit", "--textcfg", "read_back.config"],
        cwd=tmp_path,
        log=tmp_path / "log",
        timeout_s=300,
    )
    read_back = (tmp_path / "read_back.config").read_text()
    clock_hz = ecp5_pll.clock_of(read_back, REFERENCE_HZ)
    assert round(clock_hz) == round(measured.value("clock_mhz") * 1e6)
    parts = [
        json.loads((artefact(measured, f"synthesise-{part}") / NETLIST).read_text())
        for part, _, _ in SYNTHESISED
    ]
    netlist = join_netlists(parts, top="soc")
    routed = (artefact(measured, "place-and-route") / "soc.config").read_text()
    changed = with_contents(netlist, routed, read_back)
    assert changed == -(-8 * job.target.memory.rom_bytes // (9 * WORDS)), "the whole ROM"
    without_pll(netlist)
    text = said(netlist, tmp_path, clock_hz=clock_hz, count=440)
    assert "Build your hardware, easily!" in text
    assert f"@ {int(clock_hz / 1_000_000)}MHz" in text
