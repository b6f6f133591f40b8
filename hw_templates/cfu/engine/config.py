"""The parameters of one engine, and the sizes that follow from them."""

from dataclasses import dataclass

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from contracts.faults import ConfigError
from hw_templates.cfu.engine.isa import (
    CHANNEL_WORDS,
    DESCRIPTOR_WORDS,
    MAX_DESCRIPTORS,
    SIDES,
    WORD_BYTES,
    Memory,
)
from hw_templates.cfu.family import Values

ACTIVATION_KIB = (8, 16, 24, 32, 48, 56, 64, 96, 128, 256)
WEIGHT_KIB = (8, 16, 32, 64, 96, 128, 192, 224, 256, 288)
UNITS = (1, 2, 4, 8, 16)
LUT_PERCENTS = (0, 25, 50, 75, 100)
CLOCK_PERCENTS = (100, 150, 200)
WEIGHT_BITS = (4, 8)
ALL_WEIGHT_BITS = 8
"""Of int8 weights, whatever they are."""

SLIDING_TAPS = 3
"""Height and width of a window that slides."""
_CHANNELS_PER_KIB = 16
_FEWEST_CHANNELS, _MOST_CHANNELS = 1024, 4096
_CHANNEL_WEIGHT_BYTES_PER_KIB = 64
_LEAST_CHANNEL_WEIGHT_BYTES, _MOST_CHANNEL_WEIGHT_BYTES = 4096, 16384


def clock_percent(values: Values) -> int:
    """Return the clock of a design's engine in percent of the CPU's.

    Designs from before there was such a parameter have the CPU's clock.
    """
    return int(values.get("engine_clock_percent", CPU_CLOCK_PERCENT))


def weight_bits(values: Values) -> int:
    """Return the bits of a weight in a design's WEIGHTS.

    Designs from before there was such a parameter have int8 weights.
    """
    return int(values.get("engine_weight_bits", ALL_WEIGHT_BITS))


def fills_words(*, rows: int, weight_bits: int) -> bool:
    """Return whether no word of WEIGHTS is of two columns."""
    return rows * weight_bits % (8 * WORD_BYTES) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """The parameters of one engine.

    Attributes:
        rows: Activations that are multiplied in a cycle, each with ``cols`` weights.
        cols: Output channels of a tile.
        activation_kib: Size of ACTIVATIONS in KiB.
        weight_kib: Size of WEIGHTS in KiB; CHANNEL_WEIGHTS and CHANNELS grow with it.
        units: Sums that are requantised in a cycle.
        packed: Whether a multiplier of 18 x 18 bits has the products of two columns.
        lut_percent: Columns whose products are made of look-up tables.
        clock_percent: Clock of the engine in percent of the CPU's.
        weight_bits: Of a weight in WEIGHTS, which are multiplied as int8 whatever they are there.

    Raises:
        ConfigError: The combination is not one that the family offers.
    """

    rows: int
    cols: int
    activation_kib: int
    weight_kib: int
    units: int
    packed: bool = False
    lut_percent: int = 0
    clock_percent: int = CPU_CLOCK_PERCENT
    weight_bits: int = ALL_WEIGHT_BITS

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("engine_rows", self.rows, SIDES),
            ("engine_cols", self.cols, SIDES),
            ("engine_activation_kib", self.activation_kib, ACTIVATION_KIB),
            ("engine_weight_kib", self.weight_kib, WEIGHT_KIB),
            ("engine_units", self.units, UNITS),
            ("engine_lut_percent", self.lut_percent, LUT_PERCENTS),
            ("engine_clock_percent", self.clock_percent, CLOCK_PERCENTS),
            ("engine_weight_bits", self.weight_bits, WEIGHT_BITS),
        ):
            if value not in allowed:
                raise ConfigError(
                    f"no engine has {what} = {value}",
                    fix=f"use one of {', '.join(map(str, allowed))}",
                )
        if self.cols > self.rows:
            raise ConfigError(
                f"an engine of {self.rows} rows cannot have {self.cols} columns",
                fix="give engine_cols at most the value of engine_rows",
            )
        if self.units > self.cols:
            raise ConfigError(
                f"{self.units} requantisation units find only {self.cols} sums in a tile",
                fix="give engine_units at most the value of engine_cols",
            )
        if not fills_words(rows=self.rows, weight_bits=self.weight_bits):
            raise ConfigError(
                f"{self.rows} weights of {self.weight_bits} bits fill no word of 32 bits",
                fix="raise engine_rows, or give engine_weight_bits = 8",
            )
        if self.packed and self.lut_columns % 2:
            raise ConfigError(
                f"{self.cols - self.lut_columns} columns cannot share multipliers in pairs",
                fix="give another engine_lut_percent, or switch engine_packed off",
            )

    @classmethod
    def from_values(cls, values: Values) -> "EngineConfig":
        """Read the family's parameters from a design."""
        return cls(
            rows=int(values["engine_rows"]),
            cols=int(values["engine_cols"]),
            activation_kib=int(values["engine_activation_kib"]),
            weight_kib=int(values["engine_weight_kib"]),
            units=int(values["engine_units"]),
            packed=bool(values["engine_packed"]),
            lut_percent=int(values["engine_lut_percent"]),
            clock_percent=clock_percent(values),
            weight_bits=weight_bits(values),
        )

    @property
    def lut_columns(self) -> int:
        """Columns whose products are made of look-up tables: the last ones."""
        return self.cols * self.lut_percent // 100

    @property
    def slides(self) -> bool:
        """Whether windows of 3 x 3 slide over lines, channel by channel; see ``counters``.

        Each column multiplies three activations of its channel, and two columns that share
        multipliers share the activations, too.
        """
        return self.rows == self.cols and self.rows >= 2 * SLIDING_TAPS

    @property
    def channels(self) -> int:
        """Output channels of all layers together for which CHANNELS has room."""
        wished = 1 << (_CHANNELS_PER_KIB * self.weight_kib - 1).bit_length()
        return min(max(_FEWEST_CHANNELS, wished), _MOST_CHANNELS)

    @property
    def channel_weight_bytes(self) -> int:
        """Size of CHANNEL_WEIGHTS."""
        wished = _CHANNEL_WEIGHT_BYTES_PER_KIB * self.weight_kib
        return min(max(_LEAST_CHANNEL_WEIGHT_BYTES, wished), _MOST_CHANNEL_WEIGHT_BYTES)

    @property
    def activation_rows(self) -> int:
        """Rows of ACTIVATIONS, ``rows`` bytes each."""
        return self.activation_kib * 1024 // self.rows

    @property
    def weight_row_bytes(self) -> int:
        """Bytes of a row of WEIGHTS: ``rows`` x ``cols`` weights."""
        return self.rows * self.cols * self.weight_bits // 8

    @property
    def weight_rows(self) -> int:
        """Rows of WEIGHTS."""
        return self.weight_kib * 1024 // self.weight_row_bytes

    @property
    def channel_weight_rows(self) -> int:
        """Rows of CHANNEL_WEIGHTS, ``cols`` bytes each."""
        return self.channel_weight_bytes // self.cols

    def words(self, memory: Memory) -> int:
        """Return the size of a memory in words."""
        return {
            Memory.PROGRAM: MAX_DESCRIPTORS * DESCRIPTOR_WORDS,
            Memory.WEIGHTS: self.weight_kib * 1024 // WORD_BYTES,
            Memory.CHANNEL_WEIGHTS: self.channel_weight_bytes // WORD_BYTES,
            Memory.CHANNELS: self.channels * CHANNEL_WORDS,
            Memory.ACTIVATIONS: self.activation_kib * 1024 // WORD_BYTES,
        }[memory]
