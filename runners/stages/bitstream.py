"""The stage that makes a bitstream: clock and boot program into the routed design, then packed."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contracts.faults import ToolCrashed
from hw_templates.soc.fpga_boards import fpga_board
from runners.fpga import family_of_part
from runners.fpga.family import ClockExchange, FpgaFamily, Step
from runners.job import Job, Limits
from runners.pipeline import Building, Stage, source_digest
from runners.stages.design import cfu_clock_percent
from runners.stages.rom import BIOS, bits_that_differ, rom_words, write_words
from runners.stages.soc import read_soc
from runners.stages.socs import built_clock_hz
from runners.tools import identities, run_tool

_OLD, _NEW, _PATCHED = "rom_old.hex", "rom_new.hex", "patched"


def bitstream_of(folder: Path, job: Job) -> Path:
    """Return the bitstream in an artefact folder of the stage."""
    return folder / family_of_part(job.target.part).bitstream_file


def _run(step: Step, out: Path, limits: Limits) -> float:
    return run_tool(
        step.command,
        cwd=out,
        log=out / "pack.log",
        timeout_s=limits.stage_timeout_s,
        memory_bytes=limits.memory_bytes,
        stdin=out / step.stdin if step.stdin else None,
        stdout=out / step.stdout if step.stdout else None,
    ).cpu_s


def _exchange(job: Job) -> ClockExchange:
    """Return which clock the PLL was routed with and which it gets."""
    board = fpga_board(job.target.board)
    sdram = board.sdram if job.target.memory.kind == "sdram" else None
    return ClockExchange(
        reference_hz=board.clock.hz,
        before_hz=built_clock_hz(job.target, cfu_clock_percent(job)),
        after_hz=job.target.clock_hz,
        sdram_phase_degrees=None if sdram is None else sdram.clock_phase_degrees,
        cfu_clock_percent=cfu_clock_percent(job),
    )


def _inputs(job: Job) -> Mapping[str, Any]:
    family = family_of_part(job.target.part)
    return {
        "device": fpga_board(job.target.board).device_of(job.target.part),
        "clock": asdict(_exchange(job)) if family.patches_clock else None,
        "clock_sources": [source_digest(path) for path in family.clock_sources],
        "source": source_digest(family.source),
        "tools": identities(*family.pack_packages),
    }


def _build(building: Building) -> float:
    """Write the bitstream; nothing else stays but the log."""
    job, out = building.job, building.out
    family = family_of_part(job.target.part)
    placed = family.placed_file
    (out / placed).write_bytes((building.needs["place-and-route"] / placed).read_bytes())
    exchange = _exchange(job)
    if exchange.before_hz != exchange.after_hz:
        (out / placed).write_text(family.patch_clock((out / placed).read_text(), exchange))
    cpu_s = _exchange_rom(building, family) if family.patches_rom else 0.0
    device = fpga_board(job.target.board).device_of(job.target.part)
    step = family.pack(device=device, placed=placed, bitstream=family.bitstream_file)
    cpu_s += _run(step, out, job.limits)
    (out / placed).unlink()
    return cpu_s


def _exchange_rom(building: Building, family: FpgaFamily) -> float:
    """Put the boot program into the routed design, which is in ``building.out`` already.

    Raises:
        ToolCrashed: Not every bit of the ROM was found.
    """
    out, placed = building.out, building.out / family.placed_file
    (memory,) = read_soc(building.needs["board-soc"])["files"]["memories"]
    old = [int(word, 16) for word in (building.needs["board-soc"] / memory).read_text().split()]
    new = rom_words((building.needs["bios"] / BIOS).read_bytes(), count=len(old))
    write_words(old, out / _OLD)
    write_words(new, out / _NEW)
    step = family.patch_rom(placed=placed.name, old=_OLD, new=_NEW, patched=_PATCHED)
    cpu_s = _run(step, out, building.job.limits)
    before, after = placed.read_text(), (out / _PATCHED).read_text()
    changed = bits_that_differ(family.rom_bits(before), family.rom_bits(after))
    wanted = bits_that_differ(old, new)
    if changed != wanted:
        raise ToolCrashed(
            f"the boot program differs from the ROM in {wanted} bits, but {changed} were exchanged",
            fix="the synthesised ROM was simplified; check the versions of the tools: make setup",
        )
    (out / _PATCHED).rename(placed)
    for name in (_OLD, _NEW):
        (out / name).unlink()
    return cpu_s


BITSTREAM_STAGE = Stage(
    name="bitstream",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=("place-and-route", "board-soc", "bios"),
    inputs=_inputs,
    code=(
        *(f"runners/stages/{name}.py" for name in ("bitstream", "rom", "soc", "socs")),
        *(f"runners/fpga/{name}.py" for name in ("family", "ecpbram")),
        "hw_templates/soc/exact_clocks.py",
    ),
    build=_build,
)
