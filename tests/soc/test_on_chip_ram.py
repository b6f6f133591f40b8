"""On-chip main memory in banks, word by word against a list, and cycle by cycle."""

import itertools
import random
from typing import Any

import pytest
from migen import Module, run_simulation

from hw_templates.soc.on_chip_ram import BlockRamBank, OnChipRam
from tests.soc.wishbone_master import BURST, LAST, SINGLE, Process, access, idle

WORDS = 256
ONE, FOUR, UNEVEN = (256,), (64, 64, 64, 64), (128, 96)
"""Words of banks."""


class Bench(Module):  # type: ignore[misc]
    def __init__(self, sizes: tuple[int, ...], contents: list[int]) -> None:
        memories = [
            BlockRamBank(4 * size, init=contents[start : start + size])
            for start, size in zip((0, *itertools.accumulate(sizes)), sizes, strict=False)
        ]
        self.submodules += memories
        self.submodules.ram = OnChipRam([each.bus for each in memories], bank_bytes=4 * sizes[0])
        self.bus = self.ram.bus


@pytest.mark.parametrize("sizes", [ONE, FOUR, UNEVEN, (96,)], ids=str)
def test_words_are_those_that_were_written(sizes: tuple[int, ...]) -> None:
    rng = random.Random(str(sizes))
    words = sum(sizes)
    expected = [rng.getrandbits(32) for _ in range(words)]
    bench = Bench(sizes, list(expected))
    wrong: list[tuple[int, int]] = []

    def master(bus: Any) -> Process:
        for _ in range(400):
            address = rng.randrange(words)
            if rng.random() < 0.4:
                data, select = rng.getrandbits(32), rng.randrange(16)
                yield from access(bus, address, SINGLE, data, select)
                for lane in range(4):
                    if select >> lane & 1:
                        mask = 0xFF << 8 * lane
                        expected[address] = expected[address] & ~mask | data & mask
            else:
                length = min(rng.choice([1, 2, 4, 16]), 16 - address % 16)
                for at in range(address, address + length):
                    cti = LAST if at == address + length - 1 else BURST
                    word, _ = yield from access(bus, at, cti)
                    if word != expected[at]:
                        wrong.append((at, word))
            if rng.random() < 0.5:
                yield from idle(bus, rng.randrange(1, 4))

    run_simulation(bench, master(bench.bus))
    assert wrong == []


def test_a_burst_takes_a_cycle_a_word_and_writing_two() -> None:
    bench = Bench(FOUR, list(range(WORDS)))
    taken: list[int] = []

    def master(bus: Any) -> Process:
        yield from idle(bus, 2)
        for at in range(16):
            word, cycles = yield from access(bus, at, LAST if at == 15 else BURST)
            assert word == at
            taken.append(cycles)
        for _ in range(2):
            taken.append((yield from access(bus, 64, SINGLE, 1))[1])
        taken.append((yield from access(bus, 64, SINGLE))[1])

    run_simulation(bench, master(bench.bus))
    assert taken == [3, *[1] * 15, 2, 2, 3]


@pytest.mark.parametrize("late", range(3))
def test_a_burst_that_is_told_late_misses_no_word(late: int) -> None:
    """A core that fetches without a cache says only after a cycle that a word follows."""
    bench = Bench(ONE, list(range(WORDS)))
    words: list[int] = []

    def master(bus: Any) -> Process:
        yield bus.cyc.eq(1)
        yield bus.stb.eq(1)
        yield bus.adr.eq(0)
        yield bus.cti.eq(SINGLE)
        for cycle in range(4):
            if cycle == late:
                yield bus.cti.eq(BURST)
            yield
            if (yield bus.ack):
                words.append((yield bus.dat_r))
                break
        for at in (1, 2):
            words.append((yield from access(bus, at, LAST if at == 2 else BURST))[0])

    run_simulation(bench, master(bench.bus))
    assert words == [0, 1, 2]
