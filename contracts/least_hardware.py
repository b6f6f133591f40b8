"""The least that hardware takes of an FPGA, told by who describes it, before anything is built."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A memory that is read at a clock edge and so lies in block RAM on every part.

    Attributes:
        rows: How many.
        row_bits: Bits that are read at once.
        part_bits: Bits of a row that are written apart from the others; 0 where rows are written
            as a whole.
    """

    rows: int
    row_bits: int
    part_bits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeastHardware:
    """A lower bound of what a component takes; synthesis may well take more.

    Attributes:
        memories: Its memories; of several at one address that are written apart, each.
        factor_bits: Of each multiplication that is a multiplier of the FPGA: bits of its wider
            factor.
    """

    memories: tuple[Memory, ...] = ()
    factor_bits: tuple[int, ...] = ()

    def __add__(self, other: "LeastHardware") -> "LeastHardware":
        """Return what both take together."""
        return LeastHardware(
            memories=self.memories + other.memories,
            factor_bits=self.factor_bits + other.factor_bits,
        )
