"""Family ``stream``: rings of filters and activations, computed while the CPU feeds and drains."""

from pathlib import Path

from contracts.least_hardware import LeastHardware, Memory
from contracts.parameter import Parameter
from hw_templates.cfu import component as component_module
from hw_templates.cfu.family import Family, KernelFolder, LeastOf, Values
from hw_templates.cfu.parts.adder import ADD_LEFT_SHIFT
from hw_templates.cfu.stream import gateware
from hw_templates.cfu.stream.config import StreamConfig
from hw_templates.cfu.stream.isa import (
    ACTIVATION_WORDS,
    COUNT_BITS,
    FILTER_WORDS,
    FREE,
    LANE_BITS,
    MAX_CHANNELS,
    MAX_STEPS,
    PRODUCTS,
    RESULT_WORDS,
    ROW_BITS,
    ROW_STEP_BITS,
    Op,
    Setting,
    SumOption,
)

_FOLDER = Path(__file__).parent
_WORD_BYTES = 4
_PAIR_WORDS = 2


def _variables(values: Values) -> Values:
    config = StreamConfig.from_values(values)
    return {
        "products": config.products,
        "filter_words": config.filter_words,
        "activation_words": config.activation_words,
        "is_channelwise": config.is_channelwise,
        "result_words": RESULT_WORDS,
        "max_steps": MAX_STEPS,
        "max_channels": MAX_CHANNELS,
        "count_bits": COUNT_BITS,
        "row_step_bits": ROW_STEP_BITS,
        "row_bits": ROW_BITS,
        "lane_bits": LANE_BITS,
        "free": FREE,
        "has_requantiser": True,
        "add_left_shift": ADD_LEFT_SHIFT,
        **{f"op_{op.name.lower()}": int(op) for op in Op},
        **{f"set_{setting.name.lower()}": int(setting) for setting in Setting},
        **{f"sum_{name.lower()}": int(option) for name, option in SumOption.__members__.items()},
    }


def _least_rings(values: Values) -> LeastHardware:
    row_words = max(_PAIR_WORDS, int(values["stream_products"]) // _WORD_BYTES)
    sizes = (int(values["stream_filter_words"]), int(values["stream_activation_words"]))
    rings = [Memory(rows=words // row_words, row_bits=32 * row_words) for words in sizes]
    return LeastHardware(memories=(*rings, *_OTHERS))


def _least_factors(values: Values) -> LeastHardware:
    products = 0 if values["stream_lut_products"] else int(values["stream_products"])
    return LeastHardware(factor_bits=((8,) * products + _REQUANTISER))


_OTHERS = (
    Memory(rows=MAX_CHANNELS, row_bits=32),
    Memory(rows=MAX_CHANNELS, row_bits=36),
    Memory(rows=RESULT_WORDS - 1, row_bits=32),
)
"""Biases, scales and results."""
_REQUANTISER = (16, 16, 16, 16)

FAMILY = Family(
    name="stream",
    summary="int8 products that run over rings while the CPU feeds and drains them",
    parameters=(
        Parameter(
            name="stream_products",
            values=PRODUCTS,
            default=8,
            description="int8 products a cycle",
            ordered=True,
        ),
        Parameter(
            name="stream_filter_words",
            values=FILTER_WORDS,
            default=1024,
            description="32-bit words of the ring of filters",
            ordered=True,
        ),
        Parameter(
            name="stream_activation_words",
            values=ACTIVATION_WORDS,
            default=1024,
            description="32-bit words of the ring of activations",
            ordered=True,
        ),
        Parameter(
            name="stream_channelwise",
            values=(False, True),
            default=True,
            description="whether it sums channel by channel: depthwise convolution, pooling",
        ),
        Parameter(
            name="stream_lut_products",
            values=(False, True),
            default=False,
            description="whether its products are made of look-up tables",
        ),
    ),
    verilog=gateware.verilog,
    model=gateware.model,
    kernels=KernelFolder(
        folder=_FOLDER / "kernels",
        variables=_variables,
        weight_row_align_bytes=lambda values: max(8, int(values["stream_products"])),
    ),
    macs_per_cycle=lambda values: int(values["stream_products"]),
    least=(
        LeastOf(
            parameters=("stream_products", "stream_filter_words", "stream_activation_words"),
            hardware=_least_rings,
        ),
        LeastOf(parameters=("stream_products", "stream_lut_products"), hardware=_least_factors),
    ),
    sources=(
        Path(component_module.__file__),
        _FOLDER.parent / "parts",
        *sorted(_FOLDER.glob("*.py")),
    ),
)
