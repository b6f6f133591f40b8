"""Family ``simd``: int8 products side by side, from registers or from buffers in the CFU."""

from collections.abc import Mapping
from pathlib import Path

from contracts.least_hardware import LeastHardware, Memory
from contracts.parameter import Parameter, Rule, Value
from hw_templates.cfu import component as component_module
from hw_templates.cfu.family import Family, KernelFolder, LeastOf, Values
from hw_templates.cfu.parts.adder import ADD_LEFT_SHIFT
from hw_templates.cfu.simd import gateware
from hw_templates.cfu.simd.isa import (
    ACCUMULATORS,
    DEPTHS_WORDS,
    LANE_BITS,
    MAX_ACTIVATION_WORDS,
    MAX_CHANNELS,
    MIN_WINDOW_WIDTH,
    REGISTER_BYTES,
    RESULT_WORDS,
    STEP_BITS,
    WIDTHS,
    WINDOW_RESULT_WORDS,
    WINDOW_SIDE_BITS,
    BufferOp,
    RegisterOp,
    WindowOption,
)

_FOLDER = Path(__file__).parent
_BLOCK_PIXELS = 4
_STRIP_BLOCKS = 4
_WORD_BYTES = 4
_PATCH_BYTES = 2304  # a block of 3x3x64, or a strip of 3x3x16; on the stack


def _fits_registers(values: Mapping[str, Value]) -> bool:
    return int(values["simd_width"]) <= REGISTER_BYTES or int(values["buffer_depth"]) > 0


def _has_what_lanes_need(values: Mapping[str, Value]) -> bool:
    has_parts = bool(values["hardware_requantisation"]) and int(values["buffer_depth"]) > 0
    is_wide = int(values["simd_width"]) >= MIN_WINDOW_WIDTH
    return (has_parts and is_wide) or not values["channelwise"]


def _variables(values: Values) -> Values:
    config = gateware.SimdConfig.from_values(values)
    operations = BufferOp if config.buffer_depth else RegisterOp
    return {
        "block": _BLOCK_PIXELS,
        "strip_blocks": _STRIP_BLOCKS,
        "patch_bytes": _PATCH_BYTES,
        "accumulators": ACCUMULATORS,
        "simd_width": config.width,
        "buffer_depth": config.buffer_depth,
        "activation_words": config.activation_words,
        "has_requantiser": config.has_requantiser,
        "has_windows": config.has_windows,
        "lane_bits": LANE_BITS,
        "window_side_bits": WINDOW_SIDE_BITS,
        **{name.lower(): int(option) for name, option in WindowOption.__members__.items()},
        "add_left_shift": ADD_LEFT_SHIFT,
        "max_channels": MAX_CHANNELS,
        "result_words": WINDOW_RESULT_WORDS if config.has_windows else RESULT_WORDS,
        "step_bits": STEP_BITS,
        **{f"op_{operation.name.lower()}": int(operation) for operation in operations},
    }


def _least(values: Values) -> LeastHardware:
    """Return the multipliers, the two buffers by rows, and the channels' biases and scales."""
    width, depth = int(values["simd_width"]), int(values["buffer_depth"])
    row_words = max(2, width // _WORD_BYTES)
    sizes = (depth, min(depth, MAX_ACTIVATION_WORDS)) if depth else ()
    buffers = [
        Memory(rows=words // row_words, row_bits=8 * _WORD_BYTES * row_words) for words in sizes
    ]
    channels = _CHANNELS if depth and values["hardware_requantisation"] else ()
    return LeastHardware(memories=(*buffers, *channels), factor_bits=(8,) * width)


_CHANNELS = (Memory(rows=MAX_CHANNELS, row_bits=32), Memory(rows=MAX_CHANNELS, row_bits=36))
"""Biases and scales, where the unit requantises what comes from its buffers."""


FAMILY = Family(
    name="simd",
    summary="int8 products side by side, from registers or from buffers inside the CFU",
    parameters=(
        Parameter(
            name="simd_width",
            values=WIDTHS,
            default=4,
            description="int8 products an instruction",
            ordered=True,
        ),
        Parameter(
            name="buffer_depth",
            values=DEPTHS_WORDS,
            default=0,
            description="32-bit words of the weight buffer; 0 takes operands from registers",
            ordered=True,
        ),
        Parameter(
            name="hardware_requantisation",
            values=(False, True),
            default=False,
            description="whether the CFU turns accumulators into int8 outputs",
        ),
        Parameter(
            name="channelwise",
            values=(False, True),
            default=False,
            description="whether the CFU sums channel by channel: depthwise convolution, pooling",
        ),
    ),
    rules=(
        Rule(
            name="simd-width-fits-registers",
            reason="two 32-bit registers hold four int8 products; wider units need buffers",
            parameters=("simd_width", "buffer_depth"),
            holds=_fits_registers,
        ),
        Rule(
            name="channelwise-needs-buffers",
            reason="channelwise sums are fed from buffers by whole words and requantised behind",
            parameters=("simd_width", "buffer_depth", "hardware_requantisation", "channelwise"),
            holds=_has_what_lanes_need,
        ),
    ),
    verilog=gateware.verilog,
    model=gateware.model,
    kernels=KernelFolder(
        folder=_FOLDER / "kernels",
        variables=_variables,
        weight_row_align_bytes=lambda values: max(4, int(values["simd_width"])),
        scratch_rows=lambda values: 1 if int(values["buffer_depth"]) else _BLOCK_PIXELS,
    ),
    macs_per_cycle=lambda values: int(values["simd_width"]),
    least=(
        LeastOf(
            parameters=("simd_width", "buffer_depth", "hardware_requantisation"), hardware=_least
        ),
    ),
    sources=(
        Path(component_module.__file__),
        _FOLDER.parent / "parts",
        *sorted(_FOLDER.glob("*.py")),
    ),
)
