"""The parameters of one ``stream`` CFU."""

from dataclasses import dataclass

from contracts.faults import ConfigError
from hw_templates.cfu.family import Values
from hw_templates.cfu.stream.isa import ACTIVATION_WORDS, FILTER_WORDS, PRODUCTS


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """The parameters of one ``stream`` CFU.

    Attributes:
        products: int8 products a cycle.
        filter_words: Words of filters that fit.
        activation_words: Words of activations that fit.
        is_channelwise: Whether lanes can be channels, for depthwise convolution and pooling.
        uses_luts: Whether products are made of look-up tables.

    Raises:
        ConfigError: A value is not one that the family offers.
    """

    products: int
    filter_words: int
    activation_words: int
    is_channelwise: bool
    uses_luts: bool

    def __post_init__(self) -> None:
        for name, value, offered in (
            ("stream_products", self.products, PRODUCTS),
            ("stream_filter_words", self.filter_words, FILTER_WORDS),
            ("stream_activation_words", self.activation_words, ACTIVATION_WORDS),
        ):
            if value not in offered:
                raise ConfigError(f"{name} is {value}", fix=f"use one of {offered}")

    @classmethod
    def from_values(cls, values: Values) -> "StreamConfig":
        """Read the family's parameters from a design."""
        return cls(
            products=int(values["stream_products"]),
            filter_words=int(values["stream_filter_words"]),
            activation_words=int(values["stream_activation_words"]),
            is_channelwise=bool(values["stream_channelwise"]),
            uses_luts=bool(values["stream_lut_products"]),
        )
