"""A function of int16 by a table of 513 entries, interpolated, as TFLite makes and reads it."""

from collections.abc import Callable

from sw_templates.quantise import round_half_away

_PARTS = 512
_ONE = 32768.0


def function_table(function: Callable[[float], float], lowest: float, highest: float) -> list[int]:
    """Return a function's values times 32768, half the interpolation's error taken off.

    Args:
        function: Between -1 and 1.
        lowest: What the number -32768 stands for.
        highest: What 32768 does.
    """
    step = (highest - lowest) / _PARTS

    def value(place: float) -> float:
        return function(lowest + place * step) * _ONE

    def entry(place: int) -> int:
        here = round_half_away(value(place))
        between = round_half_away((value(place + 1) + here) / 2)
        error = between - round_half_away(value(place + 0.5))
        return here - round_half_away(error / 2)

    values = [*(entry(place) for place in range(_PARTS)), round_half_away(value(_PARTS))]
    return [min(max(each, -32768), 32767) for each in values]
