"""The boot program's stages: what they depend on, and that their bytes are always the same."""

import dataclasses
from pathlib import Path

import pytest

from contracts.faults import DoesNotFit
from dse.commands.targets import find_targets
from hw_templates.soc.bios import BIOS_BINARY
from hw_templates.soc.config import BIOS_ROM_BYTES
from runners.job import Job, Limits, Memory, Target, Workload
from runners.pipeline import Cache, default_root
from runners.stages.all import STAGES, pipeline_of
from runners.stages.bios import build_bios, build_lean
from runners.stages.socs import board_soc
from tests.boards.boot_bench import BOOTING, bios, bios_libraries, lean_boot, simulator
from tests.fast_design import CPU, FAST_CFU, FIRMWARE

TARGET = Target(name="ulx3s_25f", part="LFE5U-25F", clock_hz=50_000_000)
SMALL_ROM = dataclasses.replace(TARGET, memory=Memory(rom_bytes=4096))


def job(target: Target, **design: object) -> Job:
    values = {**CPU, **FIRMWARE, "cfu": "none", **design}
    workload = Workload(model=Path("none"), model_sha256="")
    return Job(design=values, target=target, workload=workload)  # type: ignore[arg-type]


def inputs_of_bios(of: Job) -> object:
    return STAGES["bios"].inputs(of)


def test_one_bios_serves_every_design_of_a_target_and_clock() -> None:
    plain = inputs_of_bios(job(TARGET))
    assert inputs_of_bios(job(TARGET, **FAST_CFU)) == plain
    assert inputs_of_bios(job(TARGET, icache_bytes=8192, multiplier="none")) == plain
    faster = dataclasses.replace(TARGET, clock_hz=60_000_000)
    assert inputs_of_bios(job(faster)) != plain, "its time limits follow the clock"


def test_the_rom_decides_which_boot_program_it_is() -> None:
    bios_stage = STAGES["bios"]
    assert bios_stage.also_needs(job(TARGET)) == ("bios-libraries",)
    assert bios_stage.also_needs(job(SMALL_ROM)) == ("board-soc",)


@pytest.mark.slow
def test_a_bios_is_built_to_the_same_bytes_in_another_folder(tmp_path: Path) -> None:
    build_bios(BOOTING, libraries=bios_libraries(), out=tmp_path, limits=Limits())
    assert (tmp_path / BIOS_BINARY).read_bytes() == bios()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        BIOS_BINARY,
        "bios.log",
        "litex.log",
    ]


@pytest.mark.slow
def test_our_boot_program_is_built_to_the_same_bytes_in_another_folder(tmp_path: Path) -> None:
    build_lean(simulator().soc_json.parent, out=tmp_path, limits=Limits())
    assert (tmp_path / BIOS_BINARY).read_bytes() == lean_boot()


@pytest.mark.slow
def test_a_bios_that_the_rom_cannot_hold_is_refused(tmp_path: Path) -> None:
    small = dataclasses.replace(BOOTING, rom_bytes=16384)
    with pytest.raises(DoesNotFit, match="rom_bytes"):
        build_bios(small, libraries=bios_libraries(), out=tmp_path, limits=Limits())
    assert not (tmp_path / BIOS_BINARY).exists()


def test_the_board_soc_has_room_for_the_bios_by_default() -> None:
    assert board_soc(TARGET, with_cfu=True).rom_bytes == 32768


def lean_targets() -> list[Target]:
    found = find_targets(Path())
    return [each for each in found if each.memory.rom_bytes < BIOS_ROM_BYTES]


@pytest.mark.slow
@pytest.mark.parametrize("target", lean_targets(), ids=lambda target: target.name)
def test_the_rom_of_a_small_target_holds_its_boot_program_twice(target: Target) -> None:
    pipeline = pipeline_of(job(target), cache=Cache(default_root()), report=lambda _: None)
    program = pipeline.get("bios").folder / BIOS_BINARY
    assert 2 * program.stat().st_size <= target.memory.rom_bytes
