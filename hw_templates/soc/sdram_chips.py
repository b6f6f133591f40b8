"""SDR SDRAM chips that boards come with: their geometry. Timings are LiteDRAM's, by name."""

import math
from dataclasses import dataclass

from contracts.faults import ConfigError

_LEAST_REFRESH_CYCLES = 100
"""LiteDRAM's refresher refuses an interval of fewer cycles: too little would be left for work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdramChip:
    """One chip with four banks.

    Attributes:
        name: Class in ``litedram.modules``.
        data_bits: Width of the data bus.
        rows: Rows of a bank.
        columns: Words of a row.
        refresh_interval_ns: From one refresh to the next at the most, as LiteDRAM has it.
    """

    name: str
    data_bits: int
    rows: int
    columns: int
    refresh_interval_ns: float

    @property
    def least_clock_hz(self) -> int:
        """The slowest clock at which LiteDRAM's controller finds time to refresh it."""
        return math.ceil(_LEAST_REFRESH_CYCLES * 1e9 / self.refresh_interval_ns)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of all four banks."""
        return 4 * self.columns * self.data_bits // 8

    @property
    def size_bytes(self) -> int:
        """All bytes of the chip."""
        return self.rows * self.row_bytes

    @property
    def address_bits(self) -> int:
        """Address lines; line 10 is always there: it means "all banks" in a precharge."""
        return max(11, (self.rows - 1).bit_length())

    @property
    def bank_bits(self) -> int:
        """Lines that choose one of the four banks."""
        return 2


SDRAM_CHIPS = {
    chip.name: chip
    for chip in (
        SdramChip(
            name="MT48LC16M16",
            data_bits=16,
            rows=8192,
            columns=512,
            refresh_interval_ns=64e6 / 8192,
        ),
        SdramChip(
            name="M12L64322A", data_bits=32, rows=2048, columns=256, refresh_interval_ns=64e6 / 4096
        ),
    )
}


def sdram_chip(name: str) -> SdramChip:
    """Return the chip with that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in SDRAM_CHIPS:
        raise ConfigError(
            f"unknown SDRAM chip {name!r}", fix=f"use one of {', '.join(SDRAM_CHIPS)}"
        )
    return SDRAM_CHIPS[name]
