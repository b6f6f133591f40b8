"""From design values to the gateware and the model of a ``simd`` CFU."""

from dataclasses import dataclass

from contracts.faults import ConfigError
from hw_templates.cfu.component import CfuComponent, to_verilog
from hw_templates.cfu.family import ReferenceModel, Values
from hw_templates.cfu.simd.buffers import SimdBuffers
from hw_templates.cfu.simd.isa import (
    DEPTHS_WORDS,
    MAX_ACTIVATION_WORDS,
    MIN_WINDOW_WIDTH,
    REGISTER_BYTES,
    WIDTHS,
)
from hw_templates.cfu.simd.model import BuffersModel, RegistersModel
from hw_templates.cfu.simd.registers import SimdRegisters


@dataclass(frozen=True, slots=True, kw_only=True)
class SimdConfig:
    """The parameters of one ``simd`` CFU.

    Attributes:
        width: int8 products an instruction.
        buffer_depth: Words of the weight buffer; 0 takes operands from registers.
        has_requantiser: Whether accumulators become int8 in hardware.
        has_windows: Whether lanes can be channels, for depthwise convolution and pooling.

    Raises:
        ConfigError: The combination is not one that the family offers.
    """

    width: int
    buffer_depth: int
    has_requantiser: bool
    has_windows: bool = False

    def __post_init__(self) -> None:
        if self.width not in WIDTHS or self.buffer_depth not in DEPTHS_WORDS:
            raise ConfigError(
                f"no simd CFU has width {self.width} and buffers of {self.buffer_depth} words",
                fix=f"use simd_width from {WIDTHS} and buffer_depth from {DEPTHS_WORDS}",
            )
        if self.width > REGISTER_BYTES and self.buffer_depth == 0:
            raise ConfigError(
                f"two registers hold {REGISTER_BYTES} products, not {self.width}",
                fix="give buffer_depth more than 0 or simd_width at most 4",
            )
        has_parts = self.has_requantiser and self.buffer_depth > 0
        if self.has_windows and not (has_parts and self.width >= MIN_WINDOW_WIDTH):
            raise ConfigError(
                "channelwise hardware needs buffers, hardware requantisation and at least "
                f"{MIN_WINDOW_WIDTH} products",
                fix="switch channelwise off, or give it what it is built on",
            )

    @classmethod
    def from_values(cls, values: Values) -> "SimdConfig":
        """Read the family's parameters from a design; older ones do not have ``channelwise``."""
        return cls(
            width=int(values["simd_width"]),
            buffer_depth=int(values["buffer_depth"]),
            has_requantiser=bool(values["hardware_requantisation"]),
            has_windows=bool(values.get("channelwise", False)),
        )

    @property
    def activation_words(self) -> int:
        """Words of the activation buffer."""
        return min(self.buffer_depth, MAX_ACTIVATION_WORDS)


def build(config: SimdConfig) -> CfuComponent:
    """Return the component of a configuration."""
    if config.buffer_depth == 0:
        return SimdRegisters(width=config.width, has_requantiser=config.has_requantiser)
    return SimdBuffers(
        width=config.width,
        buffer_depth=config.buffer_depth,
        has_requantiser=config.has_requantiser,
        has_windows=config.has_windows,
    )


def verilog(values: Values) -> str:
    """Return the text of module ``Cfu`` for a design."""
    return to_verilog(build(SimdConfig.from_values(values)))


def model(values: Values) -> ReferenceModel:
    """Return a fresh reference model for a design."""
    config = SimdConfig.from_values(values)
    if config.buffer_depth == 0:
        return RegistersModel(width=config.width, has_requantiser=config.has_requantiser)
    return BuffersModel(
        width=config.width,
        buffer_depth=config.buffer_depth,
        has_requantiser=config.has_requantiser,
        has_windows=config.has_windows,
    )
