"""Memories that are written by words and read by rows."""

from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2


class RowMemory(wiring.Component):
    """A memory of rows, of which any parts can be written.

    Reads and writes of one row never meet, so what such a read returns is not defined.

    Args:
        rows: How many. What is written behind the last one is lost, what is read there undefined.
        row_bits: Of a row.
        part_bits: Of a part.

    Members:
        write_row, write_enable, write_data (In): The parts whose bit is set are written.
        read_row (In): Row to read.
        data (Out, row_bits): The row, one cycle later.
    """

    def __init__(self, *, rows: int, row_bits: int, part_bits: int) -> None:
        self._rows = rows
        self._row_bits = row_bits
        self._part_bits = part_bits
        super().__init__(
            {
                "write_row": In(ceil_log2(rows)),
                "write_enable": In(row_bits // part_bits),
                "write_data": In(row_bits),
                "read_row": In(ceil_log2(rows)),
                "data": Out(row_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory."""
        del platform
        m = Module()
        m.submodules.words = words = Memory(
            shape=unsigned(self._row_bits),
            depth=self._rows,
            init=[],
            attrs={"ram_style": "block", "no_rw_check": 1},
        )
        write_port = words.write_port(granularity=self._part_bits)
        read_port = words.read_port()
        m.d.comb += [
            write_port.addr.eq(self.write_row),
            write_port.en.eq(self.write_enable),
            write_port.data.eq(self.write_data),
            read_port.addr.eq(self.read_row),
            self.data.eq(read_port.data),
        ]
        return m
