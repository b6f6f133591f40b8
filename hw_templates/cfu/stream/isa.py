"""The instructions of family ``stream``: one table for gateware, model and kernels.

Activations, filters and channels (a bias and how its sum is scaled) lie in three rings. An
instruction that loads appends to one; RUN computes from what is there and may free the oldest part.
Each instruction has the effect that it would have if those before it had ended, whatever runs
meanwhile: what would disturb waits. "Waits" means for all work; unknown functions answer 0 and
change nothing.
"""

from enum import IntEnum


class Op(IntEnum):
    """funct3. A step is ``stream_products`` bytes; it is there when all its bytes are."""

    RUN = 0
    """Computes results in the background: pixel after pixel of an output row, for each its
    channels, the oldest first, for each the window of SHAPE. The first window begins rs1 bits 0 to
    15 steps behind the oldest activation; filters are read from the oldest on, anew for
    each pixel. Steps that are not there add nothing, nor do those of windows that begin behind the
    first MAX_STEPS steps: so each RUN ends soon. rs2 bits 0 to 7: results less one, counted in
    words, or with ``SumOption.CHANNELWISE`` in steps of channels; bits 8 to 15: channels less one.
    Behind it activations of rs1 bits 16 to 31 steps are free; with ``FREE`` the filters of rs2 bits
    16 to 31 steps are, too, and its channels. Ignored where the channels are not there or its
    results might not fit. Waits while another RUN does."""
    CONFIGURE = 1
    """Waits. funct7 mod 8 says what, see ``Setting``."""
    LOAD_ACTIVATIONS = 2
    """Appends rs1 and, with funct7 mod 2 = 0, rs2 to the activations. Waits for room that a RUN
    frees; ignored where there will be none, and a pair behind an odd number of words."""
    LOAD_FILTERS = 3
    """The same for the filters."""
    SET_CHANNEL = 5
    """funct7 mod 2 = 0: multiplier rs1 and shift to the right rs2 of the next channel; 1: its bias
    rs1, and the channel is there. Waits for room that a RUN frees, ignored where there is none."""
    READ = 6
    """Answers the oldest word of results; waits for it while there is work, 0 if there is none.
    A word has four int8, the first one lowest. That of a pixel's last channel has as many as
    are left, in its high bytes, and 0 below them."""
    ADD = 7
    """Adds four int8 of rs1 to four of rs2: a word of results, none where it does not fit. Takes 12
    cycles, in which the next ADD waits; waits for all other work."""


class Setting(IntEnum):
    """funct7 mod 8 of CONFIGURE."""

    LAYER = 0
    """The rings and the results are empty."""
    OUTPUT = 1
    """Zero point rs1, limits rs2 (lowest, highest in bytes 0, 1); bit 16 of rs2: results stay
    accumulators of 32 bits, a word each, not with ``SumOption.CHANNELWISE``."""
    ADD_SCALE = 2
    """ADD's multiplier rs1 and shift to the right rs2 of what bits 8, 9 of rs2 say: 0 first
    input, 1 second input, 2 sum."""
    ADD_ZERO_POINTS = 3
    """Zero points of ADD's inputs in bytes 0 and 1 of rs1."""
    WINDOW = 4
    """rs1 bits 0 to 7: steps of a row less one; bits 8 to 11: rows less one; bits 16, 17:
    ``SumOption``. rs2: steps from a step of a row to the next in bits 0 to 15, from a row to the
    next one in bits 16 to 31."""
    PIXEL = 5
    """rs1: steps from the window of a pixel to that of the next one."""


class SumOption(IntEnum):
    """Bits 16 and 17 of rs1 of ``Setting.WINDOW``; only with ``stream_channelwise``."""

    CHANNELWISE = 1
    """Each byte of a step is a channel. The channels of a RUN are rounded up to whole steps; the
    window of the next ones begins a step behind, and none shares a word with the next pixel."""
    MAXIMUM = 2
    """With CHANNELWISE: the largest product and not the sum. Products must be int8."""


FREE = 1
"""funct7 of RUN."""
MAX_STEPS = 1 << 16
"""Of a RUN. The kernels split what takes more."""
RESULT_WORDS = 256
"""Words of results that fit."""
MAX_CHANNELS = 64
"""Channels that fit."""
LANE_BITS = 22
"""Bits of a sum of one channel by itself: enough for 127 taps of any int8."""
ROW_STEP_BITS = 8
"""Bits of the steps of a row of a window."""
ROW_BITS = 4
"""Bits of the rows of a window."""
COUNT_BITS = 8
"""Bits of the results of a RUN and of its channels."""
PRODUCTS = (4, 8, 16)
"""int8 products a cycle."""
FILTER_WORDS = (256, 512, 1024, 2048, 4096)
"""Words of filters that fit."""
ACTIVATION_WORDS = (256, 512, 1024, 2048)
"""Words of activations that fit."""
