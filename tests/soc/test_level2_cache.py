"""The level-2 cache, word by word against a memory without one, and cycle by cycle."""

import dataclasses
import random
from collections.abc import Iterator
from typing import Any

import pytest
from litedram.common import LiteDRAMNativePort
from migen import Module, run_simulation

from hw_templates.soc.level2_cache import LEAST_LATENCY, LINE_WORDS, Level2Cache
from hw_templates.soc.simulated import SimulatedSoc
from tests.soc import wishbone_master
from tests.soc.soc_bench import simulation_config
from tests.soc.wishbone_master import BURST, LAST, SINGLE, Process, idle

ORIGIN = 0x4000_0000
MEMORY_BYTES = 2048
WORDS = MEMORY_BYTES // 4


class Bench(Module):  # type: ignore[misc]
    """The cache in front of an SDRAM, whose port processes of the simulation answer.

    Attributes:
        contents: Words of the memory.
        read, wrote: First word of each line that was fetched or written back, in order.
    """

    def __init__(self, size_bytes: int, port_bits: int, contents: list[int]) -> None:
        self.port = LiteDRAMNativePort("both", address_width=24, data_width=port_bits)
        self.submodules.cache = Level2Cache(
            size_bytes=size_bytes, memory_bytes=MEMORY_BYTES, port=self.port
        )
        self.bus = self.cache.bus
        self.contents = contents
        self.read: list[int] = []
        self.wrote: list[int] = []
        self._pieces = 32 // port_bits
        self._commands: list[tuple[int, int, int]] = []  # cycle, address, whether it writes

    def accept(self, pauses: Iterator[int]) -> Process:
        """Take commands; ``pauses`` are the cycles between them, 0 or more."""
        cmd = self.port.cmd
        yield "passive"
        taken = cycle = 0
        while True:
            yield cmd.ready.eq(1)
            yield
            cycle += 1
            if not (yield cmd.valid):
                continue
            address, writes = (yield cmd.addr), (yield cmd.we)
            self._commands.append((cycle, address, writes))
            if taken % (LINE_WORDS * self._pieces) == 0:
                line = address // self._pieces // LINE_WORDS * LINE_WORDS
                (self.wrote if writes else self.read).append(line)
            taken += 1
            yield cmd.ready.eq(0)
            for _ in range(next(pauses)):
                yield
                cycle += 1

    def answer(self, delays: Iterator[int]) -> Process:
        """Execute what was accepted, in order, ``delays`` cycles later: 7 or more."""
        port = self.port
        yield "passive"
        cycle = 0
        while True:
            yield port.rdata.valid.eq(0)
            yield port.wdata.ready.eq(0)
            if not self._commands or cycle < self._commands[0][0] + next(delays):
                yield
                cycle += 1
                continue
            _, address, writes = self._commands.pop(0)
            word, shift = address // self._pieces, address % self._pieces * port.data_width
            mask = (1 << port.data_width) - 1
            assert word < WORDS
            if writes:
                yield port.wdata.ready.eq(1)
            else:
                yield port.rdata.valid.eq(1)
                yield port.rdata.data.eq(self.contents[word] >> shift & mask)
            yield
            cycle += 1
            if writes:
                assert (yield port.wdata.we) == (1 << port.data_width // 8) - 1
                data = yield port.wdata.data
                self.contents[word] = self.contents[word] & ~(mask << shift) | data << shift


def access(
    bus: Any, at: int, cti: int = SINGLE, data: int | None = None, select: int = 0xF
) -> Process:
    """Access a word of the main memory; return it and the cycles that took."""
    return (yield from wishbone_master.access(bus, ORIGIN // 4 + at, cti, data, select))


def burst(bus: Any, at: int, length: int) -> Process:
    """Read words of consecutive addresses; return them and the cycles that each took."""
    found = []
    for n in range(length):
        found.append((yield from access(bus, at + n, LAST if n == length - 1 else BURST)))
    return [word for word, _ in found], [cycles for _, cycles in found]


def always(delay: int) -> Iterator[int]:
    while True:
        yield delay


def run(
    bench: Bench, master: Process, delays: Iterator[int], pauses: Iterator[int] | None = None
) -> None:
    accepts = bench.accept(pauses or always(0))
    run_simulation(bench, [master, accepts, bench.answer(delays)])


def masked(old: int, new: int, select: int) -> int:
    bits = sum(0xFF << 8 * n for n in range(4) if select >> n & 1)
    return old & ~bits | new & bits


@pytest.mark.parametrize(
    ("size_bytes", "port_bits"),
    [
        pytest.param(128, 16, marks=pytest.mark.slow),
        (128, 32),
        pytest.param(512, 16, marks=pytest.mark.slow),
        pytest.param(512, 32, marks=pytest.mark.slow),
    ],
)
def test_words_are_those_of_a_memory_without_cache(size_bytes: int, port_bits: int) -> None:
    """Words, masks, bursts, displaced lines, with and without pauses; then nothing is lost."""
    rng = random.Random(f"{size_bytes} {port_bits}")
    expected = [rng.getrandbits(32) for _ in range(WORDS)]
    bench = Bench(size_bytes, port_bits, list(expected))
    wrong: list[tuple[int, int]] = []

    def master() -> Process:
        bus = bench.bus
        for _ in range(250):
            near = rng.randrange(WORDS) & ~(size_bytes // 4 - 1) | rng.randrange(16)
            at = rng.choice([near, rng.randrange(WORDS)])  # near: lines that share a row
            kind = rng.random()
            if kind < 0.4:
                length = min(rng.choice([2, 4, 8, 16]), 16 - at % 16)
                words, _ = yield from burst(bus, at, length)
                wrong.extend(
                    (at + n, word) for n, word in enumerate(words) if word != expected[at + n]
                )
            elif kind < 0.7:
                data, select = rng.getrandbits(32), rng.randrange(16)
                yield from access(bus, at, data=data, select=select)
                expected[at] = masked(expected[at], data, select)
            else:
                word, _ = yield from access(bus, at)
                if word != expected[at]:
                    wrong.append((at, word))
            if rng.random() < 0.4:
                yield from idle(bus, rng.choice([1, 2, 3, 20]))
        for at in range(0, WORDS, 16):  # every dirty line is displaced at least once
            words, _ = yield from burst(bus, at, 16)
            if words != expected[at : at + 16]:
                wrong.append((at, 0))
        for at in range(0, size_bytes // 4, 16):
            yield from burst(bus, at, 16)
        yield from idle(bus, 30)

    delays = iter(lambda: rng.choice([7, 7, 7, 8, 14]), 0)
    run(bench, master(), delays, iter(lambda: rng.choice([0, 0, 0, 2]), -1))
    assert wrong == []
    assert bench.contents == expected
    assert len(bench.wrote) > 20


def test_a_burst_that_is_there_takes_a_cycle_a_word() -> None:
    bench = Bench(512, 16, list(range(WORDS)))
    taken = []

    def master() -> Process:
        for _ in range(2):
            words, cycles = yield from burst(bench.bus, 16, 16)
            assert words == list(range(16, 32))
            taken.append(cycles)
            yield from idle(bench.bus, 2)

    run(bench, master(), always(8))
    assert sum(taken[0]) > sum(taken[1])
    assert taken[1] == [3] + [1] * 15
    assert bench.read == [16, 24]


def test_words_one_by_one_take_three_cycles() -> None:
    bench = Bench(512, 16, list(range(WORDS)))
    taken = []

    def master() -> Process:
        yield from access(bench.bus, 0)
        yield from idle(bench.bus, 20)  # the rest of the line
        for at in range(4):
            taken.append((yield from access(bench.bus, at))[1])
            taken.append((yield from access(bench.bus, at, data=at))[1])

    run(bench, master(), always(8))
    assert taken == [3] * 8
    assert bench.read == [0]


def test_a_displaced_line_is_written_while_the_bus_goes_on() -> None:
    bench = Bench(128, 16, list(range(WORDS)))
    taken = []

    def master() -> Process:
        yield from access(bench.bus, 8)
        yield from access(bench.bus, 0, data=0xAAAA)
        taken.append((yield from access(bench.bus, 32))[1])  # in the row of word 0
        yield from idle(bench.bus, 16)
        for at in (8, 9, 10):
            taken.append((yield from access(bench.bus, at))[1])
        yield from idle(bench.bus, 60)

    run(bench, master(), always(30))
    assert taken[0] < 45  # one answer of the memory, not two
    assert taken[1:] == [3] * 3
    assert bench.wrote == [0]
    assert bench.contents[0] == 0xAAAA


def test_a_clean_line_is_not_written() -> None:
    bench = Bench(128, 16, list(range(WORDS)))

    def master() -> Process:
        for at in (0, 32, 64, 0):
            yield from access(bench.bus, at)
        yield from idle(bench.bus, 20)

    run(bench, master(), always(8))
    assert bench.read == [0, 32, 64, 0]
    assert bench.wrote == []


def test_a_burst_that_begins_late_misses_no_word() -> None:
    """A core that fetches without a cache says only after a cycle that a word follows."""
    bench = Bench(512, 16, list(range(WORDS)))
    words = []

    def master() -> Process:
        bus = bench.bus
        yield from access(bus, 0)
        yield from idle(bus, 20)  # the rest of the line
        for late in range(3):
            yield from idle(bus, 1)
            yield bus.cyc.eq(1)
            yield bus.stb.eq(1)
            yield bus.adr.eq(ORIGIN // 4)
            yield bus.cti.eq(SINGLE)
            yield bus.we.eq(0)
            for cycle in range(10):
                if cycle == late:
                    yield bus.cti.eq(BURST)
                yield
                if (yield bus.ack):
                    words.append((yield bus.dat_r))
                    break
            for at in (1, 2):
                words.append((yield from access(bus, at, LAST if at == 2 else BURST))[0])

    run(bench, master(), always(8))
    assert words == [0, 1, 2] * 3


@pytest.mark.parametrize("clock_hz", [20_000_000, 120_000_000])
def test_an_sdram_answers_after_the_displaced_line_was_copied(clock_hz: int) -> None:
    config = dataclasses.replace(simulation_config("sdram"), clock_hz=clock_hz)
    soc = SimulatedSoc(config)
    soc.finalize()
    queue_cycles = 2  # a bank's queue of commands, and the register that its row is compared in
    assert queue_cycles + soc.sdram.crossbar.read_latency >= LEAST_LATENCY
