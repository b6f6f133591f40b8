"""Ways in which a design could round wrongly, as changes of ``requantise.h``.

Each is a slip that implementers of TFLite's arithmetic make. Kernels compiled with such a header
show on which inputs the slip would be seen.
"""

from dataclasses import dataclass

HEADER = "requantise.h"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingFault:
    """One slip.

    Attributes:
        what: For people.
        right: Text that stands in the header once.
        wrong: What stands there instead.
    """

    what: str
    right: str
    wrong: str

    def applied_to(self, header: str) -> str:
        """Return the header with the slip in it.

        Raises:
            ValueError: The right text does not stand there exactly once.
        """
        if header.count(self.right) != 1:
            raise ValueError(f"{self.right!r} does not stand in {HEADER} once")
        return header.replace(self.right, self.wrong)


ROUNDING_FAULTS = (
    RoundingFault(
        what="the high half of the product is cut off, not rounded",
        right="return (int32_t)((product + (INT64_C(1) << 30)) >> 31);",
        wrong="return (int32_t)(product >> 31);",
    ),
    RoundingFault(
        what="the doubled product is cut off, not rounded",
        right="return (int32_t)((product + nudge) / (INT64_C(1) << 31));",
        wrong="return (int32_t)(product / (INT64_C(1) << 31) + 0 * nudge);",
    ),
    RoundingFault(
        what="the shift to the right does not round",
        right="return (value >> exponent) + ((value & mask) > threshold);",
        wrong="return (value >> exponent) + 0 * threshold;",
    ),
    RoundingFault(
        what="the shift to the right rounds ties upwards, not away from zero",
        right="int32_t threshold = (mask >> 1) + (value < 0);",
        wrong="int32_t threshold = (mask >> 1);",
    ),
    RoundingFault(
        what="rounded once instead of twice",
        right="    return divide_by_power_of_two(scale_q31(value, multiplier), -shift);",
        wrong="    return (int32_t)(((int64_t)value * multiplier +"
        " (INT64_C(1) << (30 - shift))) >> (31 - shift));",
    ),
    RoundingFault(
        what="not rounded at all",
        right="int64_t half = (INT64_C(1) << (total_shift - 1)) - (value < 0);",
        wrong="int64_t half = 0;",
    ),
    RoundingFault(
        what="rounded once with ties upwards, not away from zero",
        right="int64_t half = (INT64_C(1) << (total_shift - 1)) - (value < 0);",
        wrong="int64_t half = INT64_C(1) << (total_shift - 1);",
    ),
    RoundingFault(
        what="rounded twice instead of once",
        right="    int32_t total_shift = 31 - shift;\n",
        wrong="    int32_t total_shift = 31 - shift;\n    if (shift <= 0)\n"
        "        return requantise(value, multiplier, shift);\n",
    ),
)
