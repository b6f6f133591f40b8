"""Looking a clock up in the table of those that a PLL makes exactly."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TypeVar

from contracts.faults import ConfigError

_Settings = TypeVar("_Settings")


def table_of(
    settings: Iterable[tuple[Fraction, _Settings]],
) -> Mapping[int, _Settings]:
    """Return the first settings of each clock, by its frequency to the nearest Hz, ascending."""
    table: dict[int, _Settings] = {}
    for clock_hz, each in settings:
        table.setdefault(round(clock_hz), each)
    return dict(sorted(table.items()))


def look_up(table: Mapping[int, _Settings], clock_hz: int, *, reference_hz: int) -> _Settings:
    """Return the settings that make a clock.

    Raises:
        ConfigError: None do; the nearest clocks are named.
    """
    if clock_hz in table:
        return table[clock_hz]
    near = sorted(sorted(table, key=lambda made: abs(made - clock_hz))[:2])
    raise ConfigError(
        f"the PLL cannot make {clock_hz / 1e6:.6g} MHz of {reference_hz / 1e6:.6g} MHz exactly",
        fix="use clock_mhz = " + (" or ".join(f"{made / 1e6:.8g}" for made in near) or "another"),
    )
