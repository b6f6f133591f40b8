"""The simulation flavour: LiteX's SoC with a byte-stream UART and a model of the SDRAM.

Imported only in the generator's own process: LiteX keeps global state.
"""

from typing import Any

import litedram.modules
from litedram.common import PhySettings, get_default_cl
from litedram.phy.model import BankModel, SDRAMPHYModel
from litex.build.generic_platform import Pins, Subsignal
from litex.build.io import CRG
from litex.build.sim import SimPlatform
from migen import ClockDomain, If, Memory, Signal

from hw_templates.soc.config import SocConfig
from hw_templates.soc.cpu_slot import (
    REGISTER_PAGES,
    add_cpu_slot,
    cpu_arguments,
    give_cfu_clock,
)
from hw_templates.soc.dfi_register import DfiRegister
from hw_templates.soc.images import MemoryImages
from hw_templates.soc.on_chip_ram import BlockRamBank
from hw_templates.soc.sdram_chips import sdram_chip
from hw_templates.soc.sdram_timings import module_for
from hw_templates.soc.short_bus import ShortBusSoc

_MAIN_RAM_ORIGIN = 0x4000_0000
_LEAST_ROWS = 2048  # address line 10 must exist: it means "all banks" in a precharge


def _pads(config: SocConfig) -> list[tuple[object, ...]]:
    return [
        ("sys_clk", 0, Pins(1)),
        *([("cfu_clk", 0, Pins(1))] if config.has_cfu_clock else []),
        (
            "serial",
            0,
            Subsignal("source_valid", Pins(1)),
            Subsignal("source_ready", Pins(1)),
            Subsignal("source_data", Pins(8)),
            Subsignal("sink_valid", Pins(1)),
            Subsignal("sink_ready", Pins(1)),
            Subsignal("sink_data", Pins(8)),
        ),
        # High in the cycle in which the CPU reads "receive FIFO empty" and it is empty: the
        # simulator feeds a byte, or stops its clock until there is one.
        ("serial_starved", 0, Pins(1)),
        # High in each cycle in which the CPU waits for the CFU; the simulator counts them.
        ("cfu", 0, Subsignal("untaken", Pins(1)), Subsignal("unanswered", Pins(1))),
    ]


class SimulatedSoc(ShortBusSoc):
    """A SoC for Verilator; boots from main memory, whose content is read when it starts.

    With a ROM it boots from there, has the timer that LiteX's BIOS needs, and its main memory
    starts empty, as on a board.

    Args:
        config: A SoC of the simulation flavour.
    """

    csr_map = REGISTER_PAGES

    def __init__(self, config: SocConfig) -> None:
        self.platform_for_verilog = platform = SimPlatform("SIM", _pads(config))
        on_chip = config.memory == "on-chip"
        with_rom = config.rom_bytes > 0
        super().__init__(
            platform,
            clk_freq=config.clock_hz,
            **cpu_arguments(config.with_cfu),
            bus_timeout=None,
            cpu_reset_address=_MAIN_RAM_ORIGIN,  # LiteX takes the ROM's where there is one
            integrated_rom_size=config.rom_bytes,
            integrated_rom_init=[0] if with_rom else [],
            integrated_sram_size=config.sram_bytes,
            uart_name="sim",
            ident="",
            with_timer=with_rom,
        )
        self.crg = CRG(platform.request("sys_clk"))
        add_cpu_slot(self)
        if config.has_cfu_clock:
            self.clock_domains.cd_cfu = ClockDomain(reset_less=True)
            self.comb += self.cd_cfu.clk.eq(platform.request("cfu_clk"))
            give_cfu_clock(self)
        self.sram.mem.init = None  # else $readmemh looks for a file that nobody writes
        if on_chip:
            # One word makes LiteX emit $readmemh, which the simulator then serves at run time.
            memory = BlockRamBank(config.main_ram_bytes, init=[0], name="main_ram")
            size_bytes = config.main_ram_bytes
            self.add_on_chip_memory([memory], bank_bytes=size_bytes, size_bytes=size_bytes)
            self.add_config("MAIN_RAM_INIT")  # LiteX's BIOS does not overwrite it to test it
            self.images = MemoryImages(
                files=("soc_main_ram.init",), word_bytes=4, chunk_words=1, fill_words=1
            )
        else:
            self._add_sdram_model(config)
        starved: Signal = platform.request("serial_starved")
        self.comb += starved.eq(self.uart._rxempty.we & self.uart._rxempty.status)
        self.comb += platform.trace.eq(0)
        waits = platform.request("cfu")
        if config.with_cfu:
            self._watch_cfu(waits)

    def _watch_cfu(self, waits: Any) -> None:
        """Tell when the CPU waits; a core may be ready for answers that it does not expect."""
        bus = self.cpu.cfu_bus
        unanswered = Signal(4)  # commands; no core has more than two on their way
        taken, answered = bus.cmd.valid & bus.cmd.ready, bus.rsp.valid & bus.rsp.ready
        self.sync += If(taken & ~answered, unanswered.eq(unanswered + 1)).Elif(
            answered & ~taken & (unanswered != 0), unanswered.eq(unanswered - 1)
        )
        self.comb += [
            waits.untaken.eq(bus.cmd.valid & ~bus.cmd.ready),
            waits.unanswered.eq((unanswered != 0) & ~bus.rsp.valid),
        ]

    def _add_sdram_model(self, config: SocConfig) -> None:
        chip = sdram_chip(config.sdram_chip)
        module = _module(config)
        latency = get_default_cl(memtype="SDR", tck=1 / config.clocks_hz[1])
        self.sdrphy = SDRAMPHYModel(
            module=module,
            # The settings of GENSDRPHY, so that a board has the same cycles.
            settings=PhySettings(
                phytype="SDRAMPHYModel",
                memtype="SDR",
                databits=chip.data_bits,
                dfi_databits=chip.data_bits,
                nphases=1,
                rdphase=0,
                wrphase=0,
                cl=latency,
                read_latency=latency + 1,
                write_latency=0,
            ),
            init=[0, 0],
        )
        self.sdrphy_register = DfiRegister(self.sdrphy)
        banks = [part for _, part in self.sdrphy._submodules if isinstance(part, BankModel)]
        files = []
        for index, bank in enumerate(banks):
            (memory,) = (
                special for special in bank._fragment.specials if isinstance(special, Memory)
            )
            memory.name_override = f"sdram_bank{index}"
            files.append(f"soc_sdram_bank{index}.init")
        self.add_sdram_memory(
            phy=self.sdrphy_register,
            module=module,
            size_bytes=config.main_ram_bytes,
            l2_bytes=config.l2_bytes,
        )
        self.images = MemoryImages(
            files=tuple(files),
            word_bytes=chip.data_bits // 8,
            chunk_words=chip.columns,
            fill_words=1,
        )


def _module(config: SocConfig) -> Any:
    """Build the SDRAM; fewer rows make a smaller one with the same timing."""
    chip = sdram_chip(config.sdram_chip)

    class Sdram(getattr(litedram.modules, chip.name)):  # type: ignore[misc]
        nrows = max(_LEAST_ROWS, config.main_ram_bytes // chip.row_bytes)

    return module_for(config, Sdram)
