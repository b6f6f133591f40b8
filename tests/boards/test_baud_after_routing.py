"""The board's own SoC at a clock that its PLL was given after routing: what it says can be read.

Its Verilog runs in Verilator with the core and the boot program of the settled clock; the PLL is a
wire, so that a cycle here is one of that clock. Bits on the serial line are timed in cycles.
"""

import dataclasses
from pathlib import Path

import pytest

from runners.job import Job
from runners.pipeline import Cache, Pipeline, default_root
from runners.stages.all import STAGES
from runners.stages.rom import BIOS, rom_words, write_words
from runners.stages.socs import asked_clock_hz
from runners.tools import run_tool
from tests.stages.place.small_design import small_job

BAUD = 115_200
CELLS = """
module EHXPLLL(input CLKI, input RST, input STDBY, output CLKOP, output CLKOS3, output LOCK);
    parameter CLKI_DIV = 1, CLKFB_DIV = 1, FEEDBK_PATH = "";
    parameter CLKOP_ENABLE = "", CLKOP_DIV = 1, CLKOP_CPHASE = 0, CLKOP_FPHASE = 0;
    parameter CLKOS3_ENABLE = "", CLKOS3_DIV = 1, CLKOS3_CPHASE = 0, CLKOS3_FPHASE = 0;
    assign CLKOP = CLKI;
    assign CLKOS3 = 1'b0;
    assign LOCK = 1'b1;
endmodule
module FD1S3BX(input D, input CK, input PD, output reg Q);
    initial Q = 1'b1;
    always @(posedge CK or posedge PD) if (PD) Q <= 1'b1; else Q <= D;
endmodule
"""
MAIN = """
#include <cstdio>
#include <cstdlib>
#include "Vsoc.h"

/* Prints what is said at so many cycles a bit, and the shortest time between two edges. */
int main(int, char **arguments)
{
    double bit = atof(arguments[1]), next = 0;
    int wanted = atoi(arguments[2]), bits = -1, byte = 0, said = 0, was = 1;
    long shortest = 1L << 40, edge = -1;
    Vsoc soc;

    soc.serial_rx = 1;
    for (long cycle = 0; said < wanted && cycle < 20000000; cycle++) {
        soc.reset = cycle < 20;
        soc.clock = 0;
        soc.eval();
        soc.clock = 1;
        soc.eval();
        int now = soc.serial_tx;
        if (now != was) {
            if (edge >= 0 && cycle - edge < shortest)
                shortest = cycle - edge;
            edge = cycle;
        }
        if (bits < 0 && was && !now) {
            bits = 0;
            byte = 0;
            next = cycle + 1.5 * bit;
        } else if (bits >= 0 && cycle >= next) {
            if (bits < 8)
                byte |= now << bits;
            else if (now)
                putchar(byte), said++;
            bits = bits < 8 ? bits + 1 : -1;
            next += bit;
        }
        was = now;
    }
    printf("\\n%ld\\n", shortest);
}
"""


def said(job: Job, folder: Path, *, count: int) -> tuple[str, int]:
    """Return the first bytes that the board says, and the shortest time between edges in cycles."""
    pipeline = Pipeline(job, stages=STAGES, cache=Cache(default_root()), report=lambda _: None)
    soc = pipeline.get("board-soc").folder
    (folder / "soc.v").write_bytes((soc / "soc.v").read_bytes())
    (folder / "cpu.v").write_bytes((pipeline.get("cpu").folder / "VexRiscv.v").read_bytes())
    words = rom_words(
        (pipeline.get("bios").folder / BIOS).read_bytes(), count=job.target.memory.rom_bytes // 4
    )
    write_words(words, folder / "soc_rom.init")
    (folder / "cells.v").write_text(CELLS)
    (folder / "main.cpp").write_text(MAIN)
    verilator = ["verilator", "--cc", "--exe", "--build", "-Wno-fatal", "-Wno-WIDTH", "-O3"]
    sources = ["--top-module", "soc", "soc.v", "cpu.v", "cells.v", "main.cpp"]
    log = folder / "verilator.log"
    run_tool([*verilator, *sources], cwd=folder, log=log, timeout_s=600)
    arguments = [repr(job.target.clock_hz / BAUD), str(count)]
    run_tool(
        [folder / "obj_dir" / "Vsoc", *arguments],
        cwd=folder,
        log=folder / "run.log",
        stdout=folder / "said",
        timeout_s=600,
    )
    text, shortest = (folder / "said").read_text(encoding="latin-1").rstrip().rsplit("\n", 1)
    return text, int(shortest)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rom_bytes", "clock_hz", "words"),
    [
        (4096, 59_615_385, "sL5DdSMmkekro\n"),
        (4096, 25_000_000, "sL5DdSMmkekro\n"),
        (32768, 59_615_385, "Build your hardware, easily!"),
    ],
    ids=["ours", "ours at the bottom", "LiteX's"],
)
def test_the_boot_program_speaks_at_the_speed_of_the_settled_clock(
    tmp_path: Path, rom_bytes: int, clock_hz: int, words: str
) -> None:
    small = small_job(tmp_path)
    memory = dataclasses.replace(small.target.memory, rom_bytes=rom_bytes)
    target = dataclasses.replace(small.target, memory=memory)
    design = {**small.design, "cfu": "none"}
    for name in ("simd_width", "buffer_depth", "hardware_requantisation", "channelwise"):
        del design[name]
    asked = dataclasses.replace(small, target=target, design=design)
    settled = asked.at(clock_hz=clock_hz, place_seed=1)
    assert asked_clock_hz(target) == 110_000_000, "it was synthesised for another clock"
    text, shortest = said(settled, tmp_path, count=14 if rom_bytes == 4096 else 250)
    assert words in text
    assert abs(shortest - clock_hz / BAUD) <= 1
