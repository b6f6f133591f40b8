"""Axes: from values to positions, and where the ticks go."""

import math
from dataclasses import dataclass
from functools import partial

from dse.words import is_time

_LONGEST = 11
"""Letters of a category beside an axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Maps values between ``low`` and ``high`` to positions between ``start`` and ``end``.

    ``metric`` says what the values are, where they are those of one: times get their unit.
    ``categories`` are what 0, 1, ... stand for, where they stand for anything. ``stops`` are all
    values that there are, in ascending order, where they are few; ticks stand at them then.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False
    metric: str = ""
    categories: tuple[str, ...] = ()
    stops: tuple[float, ...] = ()

    def at(self, value: float) -> float:
        """Return the position of a value."""
        if self.is_log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values within the axis, ``most`` at the most."""
        if self.categories:
            step = math.ceil(len(self.categories) / (2 * most))  # they are shorter than numbers
            return [float(place) for place in range(0, len(self.categories), step)]
        if self.stops:
            return self._spread(most)
        return _log_ticks(self.low, self.high, most) if self.is_log else self._linear(most)

    def tick_text(self, value: float) -> str:
        """Write the value of a tick."""
        if self.categories:
            text = self.categories[round(value)]
            return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        if self.stops:
            return f"{value:g}"
        if is_time(self.metric) and value:
            is_long = abs(value) >= 999_500
            return f"{value / 1e6:.4g} s" if is_long else f"{value / 1e3:.4g} ms"
        return short(value)

    def _spread(self, most: int) -> list[float]:
        """Return the stops that stand apart enough to be written."""
        apart = abs(self.end - self.start) / (1.7 * most)
        found: list[float] = []
        for stop in self.stops:
            if not found or abs(self.at(stop) - self.at(found[-1])) >= apart:
                found.append(stop)
        return found

    def _linear(self, most: int) -> list[float]:
        raw = (self.high - self.low) / max(most - 1, 1)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= raw * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [n * step for n in range(first, last + 1)]


def make_axis(
    values: list[float],
    *,
    start: float,
    end: float,
    is_log: bool = False,
    from_zero: bool = False,
    metric: str = "",
    stops: tuple[float, ...] = (),
) -> Axis:
    """Return an axis over some finite values, with a little room around them."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    of = partial(Axis, start=start, end=end, metric=metric, stops=stops)
    if is_log and low > 0:
        room = (high / low) ** 0.04 if high > low else 1.5
        return of(low=low / room, high=high * room, is_log=True)
    room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    if from_zero:
        return of(low=0.0, high=(high or 1.0) + room)
    return of(low=low - room, high=high + room)


def category_axis(categories: tuple[str, ...], *, start: float, end: float) -> Axis:
    """Return an axis with a place of its own for each category."""
    return Axis(low=-0.5, high=len(categories) - 0.5, start=start, end=end, categories=categories)


def short(value: float) -> str:
    """Write a tick's value: 1.2M, 350k, 0.05."""
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= power:
            return f"{value / power:.4g}{letter}"
    return f"{value:.4g}"


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,)):
        found = [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]
        if len(found) <= most:
            break
    else:
        found = found[:: math.ceil(len(found) / most)]
    if len(found) >= 2:
        return found
    return [
        round(low, -math.floor(math.log10(low)) + 1),
        round(high, -math.floor(math.log10(high)) + 1),
    ]
