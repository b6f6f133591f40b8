"""The register behind the main memory, cycle by cycle, in front of a memory of LiteX."""

import random
from typing import Any

import pytest
from litex.soc.interconnect import wishbone
from migen import Module, run_simulation

from hw_templates.soc.short_bus import AnswerRegister
from tests.soc.wishbone_master import BURST, LAST, SINGLE, Process, access, idle

WORDS = 256


class _Memory(Module):  # type: ignore[misc]
    def __init__(self, contents: list[int]) -> None:
        self.submodules.memory = memory = wishbone.SRAM(4 * WORDS, init=contents)
        self.submodules.behind = behind = AnswerRegister(memory.bus)
        self.bus = behind.bus
        self.asked = memory.bus


@pytest.mark.parametrize("seed", range(4))
def test_bursts_and_single_words_are_those_of_the_memory(seed: int) -> None:
    rng = random.Random(seed)
    expected = [rng.getrandbits(32) for _ in range(WORDS)]
    wrong: list[tuple[int, int]] = []

    def master(bus: Any) -> Process:
        for _ in range(120):
            address = rng.randrange(WORDS)
            if rng.random() < 0.4:
                length = min(rng.choice([2, 4, 8, 16]), 16 - address % 16)
                words = range(address, address + length)
            else:
                words = range(address, address + 1)
            writes = len(words) == 1 and rng.random() < 0.5
            for at in words:
                cti = SINGLE if len(words) == 1 else LAST if at == words[-1] else BURST
                if writes:
                    expected[at] = rng.getrandbits(32)
                    yield from access(bus, at, cti, expected[at])
                else:
                    word, _ = yield from access(bus, at, cti)
                    if word != expected[at]:
                        wrong.append((at, word))
            if rng.random() < 0.5:
                yield from idle(bus, rng.randrange(1, 3))

    memory = _Memory(list(expected))
    run_simulation(memory, master(memory.bus))
    assert wrong == []


def test_a_burst_loses_one_cycle_once() -> None:
    taken: list[int] = []

    def master(bus: Any) -> Process:
        yield from idle(bus, 2)
        for at in range(8):
            _, cycles = yield from access(bus, at, LAST if at == 7 else BURST)
            taken.append(cycles)

    memory = _Memory(list(range(WORDS)))
    run_simulation(memory, master(memory.bus))
    assert taken[1:] == [2] * 7  # as without the register
    assert taken[0] == 3


def test_the_memory_is_asked_for_nothing_behind_the_end() -> None:
    asked: list[int] = []

    def master(bus: Any) -> Process:
        for at in (14, 15):
            yield from access(bus, at, LAST if at == 15 else BURST)
        yield from idle(bus, 4)

    def watch(asked_bus: Any) -> Process:
        for _ in range(14):
            yield
            if (yield asked_bus.cyc) and (yield asked_bus.stb):
                asked.append((yield asked_bus.adr))

    memory = _Memory(list(range(WORDS)))
    run_simulation(memory, [master(memory.bus), watch(memory.asked)])
    assert set(asked) == {14, 15}
