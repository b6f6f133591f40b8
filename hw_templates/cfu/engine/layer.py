"""The fields of the descriptor that runs, as the parts of the engine use them."""

from amaranth.hdl import Shape, signed, unsigned
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.utils import ceil_log2

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.isa import BLOCK_BITS, SIZE_BITS

KIND_BITS = 2
WEIGHT_ROW_BITS = 16


def row_bits(config: EngineConfig) -> int:
    """Return the bits of an address of a row in ACTIVATIONS."""
    return int(ceil_log2(config.activation_rows))


def layer_layout(config: EngineConfig) -> StructLayout:
    """Return the layout of a layer's registers.

    ``last_`` fields are one less than what is counted, ``_step`` fields are what an address in
    rows of ACTIVATIONS grows by.
    """
    row = unsigned(row_bits(config))
    size, block, byte = unsigned(SIZE_BITS), unsigned(BLOCK_BITS), unsigned(8)
    fields: dict[str, Shape | ArrayLayout] = {
        "kind": unsigned(KIND_BITS),
        "rounds_once": unsigned(1),
        "first_row": row,  # of the window of the first pixel
        "second_row": row,
        "output_row": row,
        "last_height": size,
        "last_width": size,
        "last_output_y": size,
        "last_output_x": size,
        "last_block": block,
        "last_tile": block,
        "last_kernel_y": byte,
        "last_kernel_x": byte,
        "stride_y": byte,
        "stride_x": byte,
        "pad_y": byte,
        "pad_x": byte,
        "padded_with": byte,
        "tap_step": row,  # to the next column of the window
        "line_step": row,  # to the next row of the window
        "pixel_step": row,  # to the window of the next output of a row
        "row_step": row,  # to the window of the first output of the next row
        "slides": unsigned(1),  # see ``counters``
        "output_line_step": row,  # to the same place of the output's next line
        "weight_row": unsigned(WEIGHT_ROW_BITS),
        "channel_row": unsigned(ceil_log2(config.channels // config.units)),
        "zero_point": signed(8),
        "least": signed(8),
        "greatest": signed(8),
        "zero_points": ArrayLayout(signed(8), 2),
        "multipliers": ArrayLayout(unsigned(31), 2),
        "shifts": ArrayLayout(unsigned(5), 2),
    }
    return StructLayout(fields)
