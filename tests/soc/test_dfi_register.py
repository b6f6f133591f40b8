"""The register between controller and PHY: before LiteDRAM's model of an SDRAM, and in SoCs."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import litedram.modules
import pytest
from litedram.common import PhySettings
from litedram.phy.model import SDRAMPHYModel
from migen import Module, run_simulation

from hw_templates.soc.config import SocConfig
from hw_templates.soc.dfi_register import DfiRegister
from hw_templates.soc.simulated import SimulatedSoc
from hw_templates.soc.synthesised import sdram_start, synthesised_files
from tests.soc.soc_bench import simulation_config

Process = Generator[Any, Any, Any]
READ_LATENCY = 3
COMMANDS = {  # ras_n, cas_n, we_n
    "activate": (0, 1, 1),
    "write": (1, 0, 0),
    "read": (1, 0, 1),
    "nothing": (1, 1, 1),
}


class Bench(Module):  # type: ignore[misc]
    def __init__(self) -> None:
        settings = PhySettings(
            phytype="SDRAMPHYModel",
            memtype="SDR",
            databits=16,
            dfi_databits=16,
            nphases=1,
            rdphase=0,
            wrphase=0,
            cl=READ_LATENCY - 1,
            read_latency=READ_LATENCY,
            write_latency=0,
        )

        class Sdram(litedram.modules.AS4C32M16):  # type: ignore[misc]
            nrows = 2  # all of it is in the simulation's memory
            ncols = 2048

        self.submodules.phy = SDRAMPHYModel(Sdram(75_000_000, "1:1"), settings, init=[0, 0])
        self.submodules.behind = DfiRegister(self.phy)


def _command(dfi: Any, name: str, address: int = 0, **further: int) -> Process:
    ras_n, cas_n, we_n = COMMANDS[name]
    yield dfi.cs_n.eq(name == "nothing")
    values = {"ras_n": ras_n, "cas_n": cas_n, "we_n": we_n, "address": address, "wrdata": 0xDEAD}
    enables = {"wrdata_en": name == "write", "wrdata_mask": 0, "rddata_en": name == "read"}
    for signal, value in {**values, **enables, **further}.items():
        yield getattr(dfi, signal).eq(value)
    yield


def test_what_is_written_in_one_row_is_read_when_the_settings_say_so() -> None:
    """Back to back, with a mask, so that data or mask a cycle off would meet another word."""
    bench = Bench()
    dfi = bench.behind.dfi.p0
    asked: list[int] = []
    answered: list[int] = []
    words: list[int] = []

    def controller() -> Process:
        yield from _command(dfi, "activate")
        yield from _command(dfi, "nothing")
        for column, word in enumerate((0x1111, 0x2222, 0x3333)):
            yield from _command(dfi, "write", column, wrdata=word)
        yield from _command(dfi, "write", 1, wrdata=0xABCD, wrdata_mask=0b01)
        for column in range(3):
            yield from _command(dfi, "read", column)
        yield from _command(dfi, "nothing")

    def watch() -> Process:
        for cycle in range(24):
            if (yield dfi.rddata_en):
                asked.append(cycle)
            if (yield dfi.rddata_valid):
                answered.append(cycle)
                words.append((yield dfi.rddata))
            yield

    run_simulation(bench, [watch(), controller()])
    assert words == [0x1111, 0xAB22, 0x3333]
    read_latency = bench.behind.settings.read_latency
    assert [then - at for at, then in zip(asked, answered, strict=True)] == [read_latency] * 3
    assert read_latency == READ_LATENCY + 1
    assert bench.phy.settings.read_latency == READ_LATENCY


@pytest.mark.parametrize("clock_hz", [50_000_000, 120_000_000])
def test_simulated_and_synthesised_controller_have_the_same_settings(clock_hz: int) -> None:
    simulated = SimulatedSoc(replace(simulation_config("sdram"), clock_hz=clock_hz))
    board = SocConfig(
        flavour="synthesis",
        with_cfu=False,
        clock_hz=clock_hz,
        rom_bytes=16384,
        board="ulx3s",
        uart_baud=1_843_200,
    )
    placed = synthesised_files(board)[0]
    left, right = (_settings(soc) for soc in (simulated, placed))
    assert left == right
    assert left["read_latency"] == left["cl"] + 2
    mode = next(step for step in sdram_start(placed) if "Mode Register" in step["comment"])
    assert mode["address"] >> 4 & 7 == left["cl"]  # the chip is told nothing of the register


def _settings(soc: Any) -> dict[str, Any]:
    """What a controller goes by, without the PHY's name."""
    settings = vars(soc.sdram.controller.settings.phy)
    return {name: value for name, value in settings.items() if isinstance(value, int | None)}
