"""The SoC of any job as if it were on a cable: simulated, with LiteX's BIOS in its ROM."""

import dataclasses
from pathlib import Path

import pytest

from hw_templates.soc.bios import BIOS_BINARY
from hw_templates.soc.images import write_memory_images, write_rom_image
from runners.job import Job, Limits
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.bios import build_bios
from runners.stages.simulator import SIMULATOR, build_simulator
from runners.stages.socs import simulated_soc
from tests.boards.boot_bench import BoardOnACable, bios_libraries
from tests.soc.soc_bench import generate, runtime


def board_of(job: Job, folder: Path) -> BoardOnACable:
    """Build it for a job with a CFU."""
    config = dataclasses.replace(simulated_soc(job.target, with_cfu=True), rom_bytes=32768)
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=lambda _: None)
    soc = generate(config, folder / "soc")
    program, run_in = folder / "simulator", folder / "run"
    program.mkdir()
    run_in.mkdir()
    build_simulator(
        soc=soc / "soc.v",
        cpu=pipeline.get("cpu").folder / "VexRiscv.v",
        cfu=pipeline.get("cfu").folder / "cfu.v",
        runtime=runtime(),
        out=program,
        timeout_s=300,
    )
    build_bios(config, libraries=bios_libraries(), out=folder, limits=Limits())
    description = (soc / "soc.json").read_text()
    write_memory_images(b"", description, run_in)
    write_rom_image((folder / BIOS_BINARY).read_bytes(), description, run_in)
    return BoardOnACable(program / SIMULATOR, run_in, folder)


def describe(
    board: BoardOnACable,
    name: str,
    *,
    target: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Make it the only board of this machine."""
    load = ", ".join(f'"{word}"' for word in board.requests.command)
    (folder / "boards.toml").write_text(
        f'[boards.{name}]\ntarget = "{target}"\nport = "{board.port}"\nload = [{load}]\n'
    )
    monkeypatch.setenv("DSE_BOARDS", str(folder / "boards.toml"))


def forget(name: str) -> None:
    """Remove what leases left in the user's own cache."""
    for left in (default_root() / "boards").glob(f"{name}.*"):
        left.unlink()
