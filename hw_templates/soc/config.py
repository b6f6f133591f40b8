"""What determines a SoC around a CPU and a CFU: plain data, no LiteX."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from contracts.faults import ConfigError
from hw_templates.checks import require_choice
from hw_templates.soc.sdram_chips import sdram_chip

MemoryKind = Literal["on-chip", "sdram"]
Flavour = Literal["simulation", "synthesis"]

BIOS_ROM_BYTES = 32768
"""Least ROM for LiteX's BIOS, which wants a timer; a board with less has our own boot program."""
PAGE_BYTES = 4096
"""On-chip main memory is a multiple of it: the smallest there is, and whole block RAMs."""
_SDRAM_MAX_HZ = 133_000_000
_BUS_BYTES = 4
_CLOCK_RANGE_HZ = (1_000_000, 400_000_000)
_MOST_CFU_CLOCK_PERCENT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class SocConfig:
    """One SoC. The CPU and the CFU stay outside: only whether there is a CFU matters.

    Caches, multiplier and the rest of the CPU do not change the SoC, so all designs of a study
    share two of them at most: with a CFU port and without.

    Attributes:
        flavour: ``simulation`` (UART as byte streams, SDRAM as a model) or ``synthesis``.
        with_cfu: The CPU has a CFU port and a module ``Cfu`` is connected to it.
        cfu_clock_percent: Clock of the CFU in percent of ``clock_hz``; 100 where it has none of
            its own. In a simulation it comes from outside, port ``cfu_clk`` of the SoC.
        memory: Main memory: ``on-chip`` or ``sdram`` (SDR, through LiteDRAM).
        main_ram_bytes: Size of the main memory; a power of two, or on-chip a multiple of 4096.
        sdram_chip: Which SDRAM it is; it counts only with ``memory = "sdram"``.
        l2_bytes: Level-2 cache in front of the SDRAM, 0 for none; a power of two. 0 on-chip.
        sram_bytes: On-chip memory beside the main memory, a power of two.
        rom_bytes: Boot ROM, a power of two. In simulation 0 stands for none, and the CPU starts in
            the main memory.
        clock_hz: System clock that the PLL is made for, and that everything starts with.
        lowest_clock_hz: Slowest clock that the SoC is right for: the SDRAM is refreshed often
            enough at it. 0 for ``clock_hz``.
        highest_clock_hz: Fastest one: the SDRAM's timings are for it. 0 for ``clock_hz``.
        dynamic_baud: The serial port's divider is a register, which the boot program sets for the
            clock that the PLL is given after routing. Synthesis only.
        board: Name in ``hw_templates.soc.fpga_boards``, synthesis only.
        part: FPGA on that board, for example ``LFE5U-85F``; the board's own when empty.
        uart_baud: Bits per second, synthesis only; the simulated UART is not paced.

    Raises:
        ConfigError: A value is outside what is described here.
    """

    flavour: Flavour = "simulation"
    with_cfu: bool
    cfu_clock_percent: int = 100
    memory: MemoryKind = "sdram"
    main_ram_bytes: int = 32 << 20
    sdram_chip: str = "MT48LC16M16"
    l2_bytes: int = 8192
    sram_bytes: int = 8192
    rom_bytes: int = 0
    clock_hz: int
    lowest_clock_hz: int = 0
    highest_clock_hz: int = 0
    dynamic_baud: bool = False
    board: str = ""
    part: str = ""
    uart_baud: int = 0

    def __post_init__(self) -> None:
        require_choice("SoC flavour", self.flavour, get_args(Flavour))
        require_choice("SoC memory", self.memory, get_args(MemoryKind))
        self._check_main_ram()
        _require_power_of_two("sram_bytes", self.sram_bytes, 1024, 1 << 20)
        low, high = _CLOCK_RANGE_HZ
        for clock_hz in (self.clock_hz, *self.clocks_hz):
            if not low <= clock_hz <= high:
                raise ConfigError(
                    f"SoC clock of {clock_hz} Hz is outside {low}..{high}",
                    fix="set the target's clock_mhz, and clock_range_mhz, between 1 and 400",
                )
        if not self.clocks_hz[0] <= self.clock_hz <= self.clocks_hz[1]:
            raise ConfigError(
                f"SoC clock of {self.clock_hz} Hz is outside of its own range,"
                f" {self.clocks_hz[0]}..{self.clocks_hz[1]}",
                fix="choose a clock in the range",
            )
        if not 100 <= self.cfu_clock_percent <= _MOST_CFU_CLOCK_PERCENT:
            raise ConfigError(
                f"a CFU's clock of {self.cfu_clock_percent} percent of the CPU's",
                fix=f"let it be 100 to {_MOST_CFU_CLOCK_PERCENT}",
            )
        if self.cfu_clock_percent != 100 and not self.with_cfu:
            raise ConfigError(
                "a clock for a CFU in a SoC without one", fix="set cfu_clock_percent = 100"
            )
        if self.memory == "sdram":
            self._check_sdram()
        elif self.l2_bytes:
            raise ConfigError(
                f"l2_bytes = {self.l2_bytes} with on-chip memory, which needs no level-2 cache",
                fix="set memory.l2_bytes = 0, or memory.kind = 'sdram'",
            )
        if self.flavour == "synthesis" or self.rom_bytes:
            _require_power_of_two("rom_bytes", self.rom_bytes, 1024, 1 << 20)
        of_boards = (self.board, self.part, self.uart_baud, self.dynamic_baud)
        if self.flavour == "simulation" and any(of_boards):
            raise ConfigError(
                "board, part, uart_baud and dynamic_baud belong to the synthesis flavour",
                fix="leave them out of a simulation SoC",
            )

    def _check_main_ram(self) -> None:
        if self.memory == "sdram":
            _require_power_of_two("main_ram_bytes", self.main_ram_bytes, PAGE_BYTES, 1 << 30)
        elif not PAGE_BYTES <= self.main_ram_bytes <= 1 << 30 or self.main_ram_bytes % PAGE_BYTES:
            raise ConfigError(
                f"SoC main_ram_bytes is {self.main_ram_bytes}",
                fix=f"use a multiple of {PAGE_BYTES} from {PAGE_BYTES} to {1 << 30}",
            )

    def _check_sdram(self) -> None:
        chip = sdram_chip(self.sdram_chip)
        least_bytes = 16 * chip.row_bytes
        if not least_bytes <= self.main_ram_bytes <= chip.size_bytes:
            raise ConfigError(
                f"SDRAM of {self.main_ram_bytes} bytes: the {chip.name} has {chip.size_bytes}",
                fix=f"set memory.size_bytes between {least_bytes} and {chip.size_bytes}",
            )
        lowest_hz, highest_hz = self.clocks_hz
        if highest_hz > _SDRAM_MAX_HZ:
            raise ConfigError(
                f"SDRAM at {highest_hz} Hz: the {chip.name} goes up to {_SDRAM_MAX_HZ}",
                fix="lower the target's clock_mhz or the top of its clock_range_mhz,"
                " or set memory.kind = 'on-chip'",
            )
        if lowest_hz < chip.least_clock_hz:
            raise ConfigError(
                f"SDRAM at {lowest_hz} Hz: the {chip.name} wants a refresh every"
                f" {chip.refresh_interval_ns / 1e3:g} us, too few cycles below"
                f" {chip.least_clock_hz} Hz",
                fix="raise the target's clock_mhz or the bottom of its clock_range_mhz to"
                f" {chip.least_clock_hz / 1e6:g}, or set memory.kind = 'on-chip'",
            )
        if self.l2_bytes:
            _require_power_of_two("l2_bytes", self.l2_bytes, 128, 1 << 20)

    @property
    def clocks_hz(self) -> tuple[int, int]:
        """The slowest and the fastest clock that the SoC is right for."""
        return self.lowest_clock_hz or self.clock_hz, self.highest_clock_hz or self.clock_hz

    @property
    def has_cfu_clock(self) -> bool:
        """Whether the CFU has a clock of its own."""
        return self.cfu_clock_percent != 100

    @property
    def tuning_word(self) -> int:
        """The serial port's divider for ``uart_baud`` at ``clock_hz``, as LiteX computes it."""
        return int(self.uart_baud / self.clock_hz * 2**32)

    @property
    def memory_bytes_per_cycle(self) -> float:
        """What the main memory moves in a cycle of the system clock at the most.

        An SDR SDRAM moves a word of its own width a cycle, the bus to it 32 bits.
        """
        if self.memory == "on-chip":
            return _BUS_BYTES
        return min(sdram_chip(self.sdram_chip).data_bits / 8, _BUS_BYTES)

    def canonical_json(self) -> str:
        """Return the one text of this SoC, for keys and for the generator."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "SocConfig":
        """Read what ``canonical_json`` wrote.

        Raises:
            ConfigError: The text is not JSON, or has unknown or missing keys.
        """
        try:
            values: Any = json.loads(text)
            return cls(**values)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"not a SoC description: {error}",
                fix="write the file with SocConfig.canonical_json()",
            ) from error


def _require_power_of_two(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high or value & (value - 1):
        raise ConfigError(
            f"SoC {name} is {value}", fix=f"use a power of two between {low} and {high}"
        )
