"""What rectifiers that only limit their input share, where they are operators of their own."""

from collections.abc import Callable

from sw_templates.quantise import activation_range, kernel_multiplier, requantise, to_float32
from sw_templates.tensor import Tensor


def rectifier(
    lowest: float | None, highest: float | None, *, source: Tensor, output: Tensor
) -> Callable[[int], int]:
    """Return the function of one element, for ``TableLayer.function``.

    Args:
        lowest: The least real number that comes out, None for no limit.
        highest: The largest.
        source: The input.
        output: The output.

    Raises:
        ValueError: The output's scale is far below the input's.
    """
    factor = kernel_multiplier(to_float32(source.scale / output.scale))  # a float quotient
    limits = activation_range(lowest, highest, scale=output.scale, zero_point=output.zero_point)

    def of(steps: int) -> int:
        value = requantise(steps, factor) + output.zero_point
        return min(max(value, limits.minimum), limits.maximum)

    return of
