"""The small parts that CFU-Playground's library has for CFUs in Amaranth, by their interface."""

from collections.abc import Iterator, Sequence
from typing import Any

from amaranth.hdl import Elaboratable, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory


class SimpleElaboratable(Elaboratable):
    """A component whose ``elab`` is handed the module to fill."""

    def elab(self, m: Module) -> None:
        """Fill the module; a subclass defines it."""
        raise NotImplementedError

    def elaborate(self, platform: object) -> Module:
        """Return the module."""
        self.platform = platform
        self.m = Module()
        self.elab(self.m)
        return self.m


class ValueBuffer(SimpleElaboratable):
    """Lets a value through while ``capture`` is high, and then keeps it.

    Attributes:
        output: The value, or the one that was kept.
    """

    def __init__(self, inp: Value, capture: Signal) -> None:
        self.input = inp
        self.capture = capture
        self.output = Signal.like(inp)

    def elab(self, m: Module) -> None:
        """Fill the module."""
        kept = Signal.like(self.input)
        with m.If(self.capture):
            m.d.sync += kept.eq(self.input)
        m.d.comb += self.output.eq(Mux(self.capture, self.input, kept))


class DualPortMemory(SimpleElaboratable):
    """A memory with a port to write and one to read.

    Args:
        width: Bits of a word.
        depth: Words.
        is_sim: Of Amaranth's own simulator; makes no difference to the hardware.

    Attributes:
        w_en, w_addr, w_data: A word is written at the end of a cycle in which ``w_en`` is high.
        r_addr, r_data: The word at ``r_addr`` is there one cycle later; the old one if it was
            written in the same cycle.
    """

    def __init__(self, *, width: int, depth: int, is_sim: bool = False) -> None:
        del is_sim
        self.width = width
        self.depth = depth
        self.w_en = Signal()
        self.w_addr = Signal(range(depth))
        self.w_data = Signal(width)
        self.r_addr = Signal(range(depth))
        self.r_data = Signal(width)

    def elab(self, m: Module) -> None:
        """Fill the module."""
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=())
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.addr.eq(self.w_addr),
            write.data.eq(self.w_data),
            write.en.eq(self.w_en),
            read.addr.eq(self.r_addr),
            read.en.eq(1),
            self.r_data.eq(read.data),
        ]


class SequentialMemoryReader(SimpleElaboratable):
    """Reads a memory word by word and round by round: the next word is there one cycle after asked.

    Args:
        width: Bits of a word.
        max_depth: Words of the memory.

    Attributes:
        limit: How many words a round has; ``depth`` in older versions of the library.
        mem_addr, mem_data: To the read port of a memory that answers a cycle later.
        data: The word that it stands at.
        next: Go to the next one.
        restart: Go to the first one; it is there one cycle later.
    """

    def __init__(self, *, width: int, max_depth: int) -> None:
        self.width = width
        self.max_depth = max_depth
        self.limit = self.depth = Signal(range(max_depth + 1))
        self.mem_addr = Signal(range(max_depth))
        self.mem_data = Signal(width)
        self.data = Signal(width)
        self.next = Signal()
        self.restart = Signal()

    def elab(self, m: Module) -> None:
        """Fill the module."""
        fetched, address, kept = Signal(), Signal.like(self.mem_addr), Signal.like(self.data)
        after = Mux(address == self.limit - 1, 0, address + 1)
        # what arrives in this cycle was asked for in the last one: the word after it comes next
        m.d.comb += [
            self.mem_addr.eq(Mux(self.restart, 0, Mux(fetched, after, address))),
            self.data.eq(Mux(fetched, self.mem_data, kept)),
        ]
        m.d.sync += [
            fetched.eq(self.next | self.restart),
            address.eq(self.mem_addr),
            kept.eq(self.data),
        ]


def increment_to_limit(value: Signal, limit: Value) -> Any:
    """Return the statement that counts ``value`` up and, at ``limit`` - 1, back to 0."""
    return value.eq(Mux(value == limit - 1, 0, value + 1))


def all_words(signal: Value, word_length: int) -> Iterator[Value]:
    """Yield the words of a longer value, the lowest first."""
    return (signal[at : at + word_length] for at in range(0, len(signal), word_length))


def tree_sum(values: Sequence[Any]) -> Any:
    """Return the sum of values, added up as a tree."""
    values = list(values)
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return tree_sum(values[:half]) + tree_sum(values[half:])


def pack_vals(*values: int, offset: int = 0, bits: int = 8) -> int:
    """Return values side by side in one number, the first in the low bits."""
    mask = (1 << bits) - 1
    return sum(((value + offset) & mask) << at * bits for at, value in enumerate(values))


def pack128(*words: int) -> int:
    """Return four words of 32 bits side by side in one number."""
    return pack_vals(*words, bits=32)


def is_pysim_run() -> bool:
    """Return whether Amaranth's simulator runs it: never here."""
    return False
