"""SDR SDRAM chips that boards come with: their geometry. Timings are LiteDRAM's, by name."""

from dataclasses import dataclass

from contracts.faults import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class SdramChip:
    """One chip with four banks.

    Attributes:
        name: Class in ``litedram.modules``.
        data_bits: Width of the data bus.
        rows: Rows of a bank.
        columns: Words of a row.
    """

    name: str
    data_bits: int
    rows: int
    columns: int

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
        SdramChip(name="MT48LC16M16", data_bits=16, rows=8192, columns=512),
        SdramChip(name="M12L64322A", data_bits=32, rows=2048, columns=256),
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
