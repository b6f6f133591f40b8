"""A word on its way from the CPU into one of the engine's memories."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.utils import exact_log2

from hw_templates.cfu.engine.host import HostPort
from hw_templates.cfu.engine.isa import Memory
from hw_templates.cfu.engine.memories import RowMemory


class HostWrite:
    """A word on its way from the CPU into a memory, in registers."""

    def __init__(self, m: Module, host: HostPort) -> None:
        self._valid = Signal(name="write_valid")
        self._memory = Signal.like(host.memory, name="write_memory")
        self.word = Signal.like(host.word, name="write_word")
        self.data = Signal(32, name="write_data")
        m.d.sync += [
            self._valid.eq(host.write),
            self._memory.eq(host.memory),
            self.word.eq(host.word),
            self.data.eq(host.data),
        ]

    def is_to(self, memory: Memory) -> Value:
        """Return whether a word of this memory is written."""
        return self._valid & (self._memory == memory)

    def lanes(self, memory: Memory, row_words: int) -> Value:
        """Return the write enables of the words of a row."""
        is_here = self.is_to(memory)
        if row_words == 1:
            return is_here
        lane = self.word[: exact_log2(row_words)]
        return Cat(is_here & (lane == number) for number in range(row_words))

    def drive(self, m: Module, memory: RowMemory, which: Memory) -> None:
        """Write the word to a memory that nobody else writes to."""
        row_words = len(memory.write_enable)
        m.d.comb += [
            memory.write_row.eq(self.word[exact_log2(row_words) :]),
            memory.write_enable.eq(self.lanes(which, row_words)),
            memory.write_data.eq(self.data.replicate(row_words)),
        ]
