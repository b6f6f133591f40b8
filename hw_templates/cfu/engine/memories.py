"""Memories that are written by words and read by rows."""

from collections.abc import Sequence

from amaranth.hdl import Const, Module, Mux, Signal, Value, unsigned
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


class RegisteredRowMemory(RowMemory):
    """A ``RowMemory`` with a register behind it, which block RAM has inside of it.

    Rows that are no power of two lie in banks that are. Each has a register of its own, and the
    choice between them comes after it: in front of it, it would take most of a cycle, since block
    RAM is slow. So ``data`` comes two cycles later.
    """

    def elaborate(self, platform: object) -> Module:
        """Build the banks, the largest first."""
        del platform
        m = Module()
        bits = [bit for bit in reversed(range(self._rows.bit_length())) if self._rows >> bit & 1]
        found: list[Signal] = []
        for number, bit in enumerate(bits):
            bank = RowMemory(rows=1 << bit, row_bits=self._row_bits, part_bits=self._part_bits)
            m.submodules[f"bank_{number}"] = bank
            read = Signal(self._row_bits, name=f"read_{number}", reset_less=True)
            is_here = _is_in_bank(self.write_row, bits, number)
            m.d.comb += [
                bank.write_row.eq(self.write_row),
                bank.write_enable.eq(Mux(is_here, self.write_enable, 0)),
                bank.write_data.eq(self.write_data),
                bank.read_row.eq(self.read_row),
            ]
            m.d.sync += read.eq(bank.data)
            found.append(read)
        data: Value = found[-1]
        for number in reversed(range(len(bits) - 1)):
            asked, chosen = (Signal(name=f"{name}_{number}") for name in ("asked", "chosen"))
            m.d.sync += [asked.eq(_is_in_bank(self.read_row, bits, number)), chosen.eq(asked)]
            data = Mux(chosen, found[number], data)
        m.d.comb += self.data.eq(data)
        return m


def _is_in_bank(row: Value, bits: Sequence[int], number: int) -> Value:
    """Tell whether a row is in a bank: what the larger ones have in front of it lies below."""
    is_behind_others: Value = Const(1)
    for bit in bits[:number]:
        is_behind_others &= row[bit]
    return is_behind_others if number == len(bits) - 1 else is_behind_others & ~row[bits[number]]
