"""The instructions of family ``simd``: one table for gateware, model and kernels.

A CFU without buffers (``buffer_depth`` = 0) and one with buffers have different instructions;
those of ``WindowOption`` are there with ``channelwise`` only.
Unknown functions answer 0 and change nothing. "Waits" means that the instruction is not taken
before everything in flight has landed; all others are taken in every cycle.
"""

from enum import IntEnum


class RegisterOp(IntEnum):
    """funct3 without buffers. ``i`` = funct7 mod 16 names one of 16 accumulators of 32 bits."""

    MULTIPLY = 0
    """accumulator[i] += sum of products of the low ``simd_width`` bytes of rs1 and rs2."""
    CONFIGURE = 1
    """Waits. Only with hardware requantisation. funct7 mod 4 = 0: no words are left to read.
    1: output stage: zero point rs1, limits rs2 (lowest, highest in bytes 0, 1).
    2, 3: as in ``BufferOp``."""
    SET = 2
    """Waits for products only. accumulator[i] = rs1."""
    GET = 3
    """Waits for products and SET. Answers accumulator[i]."""
    FINISH = 4
    """Waits for products and SET. Requantises accumulator[i] with multiplier rs1 and shift rs2 to
    the right; every fourth result completes a word. Only with hardware requantisation."""
    READ = 6
    """Waits. Answers the oldest word of four results, 0 when there is none. Only with hardware
    requantisation."""
    ADD = 7
    """As in ``BufferOp``."""


class BufferOp(IntEnum):
    """funct3 with buffers. A step is ``simd_width`` bytes; channels follow each other."""

    MULTIPLY = 0
    """Adds the products of the next step of activations and of weights to the accumulator. The
    first step of a channel starts from its bias, the last one finishes it: activations go back
    to the window, the channel number advances, the result goes to the words to read.
    With ``WindowOption.WINDOW``: a window."""
    CONFIGURE = 1
    """Waits. funct7 mod 4 = 0: a layer of rs1 steps a channel and rs2 channels; everything but
    the buffers' contents, the output stage and ADD's constants starts anew. The others only with
    hardware requantisation.
    1: output stage: zero point rs1, limits rs2 (lowest, highest in bytes 0, 1), bit 16: results
    stay 32-bit accumulators.
    2: ADD's multiplier rs1 and shift to the right rs2 of what bits 8, 9 of rs2 say: 0 first
    input, 1 second input, 2 sum.
    3: zero points of ADD's inputs in bytes 0 and 1 of rs1.
    With ``WindowOption.SHAPE``: the shape of windows."""
    LOAD_ACTIVATIONS = 2
    """Appends rs1 and, with funct7 = 0, rs2. A pair must start at an even word."""
    LOAD_WEIGHTS = 3
    """Appends rs1 and, with funct7 = 0, rs2. A pair must start at an even word."""
    REWIND = 4
    """The window of activations starts at step rs1; weights start at step 0, at a first step."""
    SET_CHANNEL = 5
    """Waits. funct7 = 0: multiplier rs1 and shift rs2 to the right; funct7 = 1: bias rs1, and on
    to the next channel. Only with hardware requantisation."""
    READ = 6
    """Waits. Answers the oldest word of results, 0 when there is none: an accumulator, or four
    int8, the first one lowest. The word that the last channel completes holds as many results
    as are left, in its high bytes, and 0 below them."""
    ADD = 7
    """Adds four int8 of rs1 to four of rs2: a word of results. Takes 12 cycles, in which the next
    ADD waits, and all others until its last sum is on its way. Only with hardware
    requantisation. With ``WindowOption.MAXIMUM``: a maximum."""


class WindowOption(IntEnum):
    """funct7 with ``channelwise``: each lane, a byte of a step, is an output channel.

    A window's activations and weights are read in the background. READ answers meanwhile, as far
    as results wait, and a window or loads wait until the one before is read; all others wait for
    the results.
    """

    WINDOW = 1
    """MULTIPLY. Lane n adds, tap by tap, the products of byte n of an activation step and of a
    weight step to its sum, from 0 on. The first tap is at activation step rs1, the others as
    SHAPE says; weight steps follow each other from rs2 on. Then each lane in turn is a finished
    channel with its bias, up to the layer's last channel. The results begin a new word. A
    channel that was begun by steps is lost."""
    WINDOW_CONTINUES = 2
    """Added to WINDOW: from the sums that are there on."""
    WINDOW_KEEPS = 4
    """Added to WINDOW: the sums stay, no channel is finished."""
    WINDOW_READS = 8
    """Added to WINDOW: answers as READ does, before its own results are there."""
    LOAD_READS = 2
    """Added to LOAD_ACTIVATIONS: answers as READ does."""
    SHAPE = 4
    """CONFIGURE. Steps from a tap to the next one in bits 0 to 15 of rs1, from a row of taps to
    the next one in bits 16 to 31; taps in a row less one in bits 0 to 3 of rs2, rows less one in
    bits 4 to 7."""
    MAXIMUM = 1
    """ADD. Answers the larger one of each int8 of rs1 and rs2. Never waits."""


WIDTHS = (1, 2, 4, 8, 16)
"""int8 products an instruction."""
DEPTHS_WORDS = (0, 256, 512, 1024, 2048, 4096)
"""Words of the weight buffer; 0 takes operands from registers."""
REGISTER_BYTES = 4
"""int8 values in an operand from a register."""
ACCUMULATORS = 16
"""Accumulators without buffers: blocks of four pixels by four channels."""
RESULT_WORDS = 16
"""Words of results that can wait to be read; later ones are dropped."""
WINDOW_RESULT_WORDS = 32
"""The same with ``channelwise``: results are read some windows later."""
MAX_CHANNELS = 64
"""Channels whose bias and multiplier the CFU can hold."""
MAX_ACTIVATION_WORDS = 1024
"""Words of the activation buffer: as deep as the weight buffer, but not deeper than this."""
STEP_BITS = 16
"""Bits of the number of steps a channel."""
LANE_BITS = 22
"""Bits of a lane's sum in a window: enough for 127 taps of any int8."""
MIN_WINDOW_WIDTH = 4
"""Products an instruction that windows need: a step is whole words."""
WINDOW_SIDE_BITS = 4
"""Bits of the taps in a row, and of the rows of a window."""
