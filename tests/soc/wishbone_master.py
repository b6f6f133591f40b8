"""A master of a Wishbone bus for migen's simulation."""

from collections.abc import Generator
from typing import Any

Process = Generator[Any, Any, Any]
"""What migen runs: it yields signals to read and values to set."""
BURST, LAST, SINGLE = 0b010, 0b111, 0b000
"""Of CTI."""


def access(bus: Any, address: int, cti: int, data: int | None = None, select: int = 0xF) -> Process:
    """Yield until the word is acknowledged; return it and the cycles that took."""
    yield bus.cyc.eq(1)
    yield bus.stb.eq(1)
    yield bus.adr.eq(address)
    yield bus.cti.eq(cti)
    yield bus.we.eq(data is not None)
    yield bus.sel.eq(select)
    yield bus.dat_w.eq(data or 0)
    cycles = 1
    yield
    while not (yield bus.ack):
        cycles += 1
        assert cycles < 200
        yield
    word = yield bus.dat_r
    return word, cycles


def idle(bus: Any, cycles: int) -> Process:
    yield bus.cyc.eq(0)
    yield bus.stb.eq(0)
    for _ in range(cycles):
        yield
