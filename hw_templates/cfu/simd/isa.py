"""The instructions of family ``simd``: one table for gateware, model and kernels.

A CFU without buffers (``buffer_depth`` = 0) and one with buffers have different instructions.
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
    to the window, the channel number advances, the result goes to the words to read."""
    CONFIGURE = 1
    """Waits. funct7 mod 4 = 0: a layer of rs1 steps a channel and rs2 channels; everything but
    the buffers' contents, the output stage and ADD's constants starts anew. The others only with
    hardware requantisation.
    1: output stage: zero point rs1, limits rs2 (lowest, highest in bytes 0, 1), bit 16: results
    stay 32-bit accumulators.
    2: ADD's multiplier rs1 and shift to the right rs2 of what bits 8, 9 of rs2 say: 0 first
    input, 1 second input, 2 sum.
    3: zero points of ADD's inputs in bytes 0 and 1 of rs1."""
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
    requantisation."""


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
MAX_CHANNELS = 64
"""Channels whose bias and multiplier the CFU can hold."""
MAX_ACTIVATION_WORDS = 1024
"""Words of the activation buffer: as deep as the weight buffer, but not deeper than this."""
ADD_LEFT_SHIFT = 20
"""TFLite scales the inputs of ADD up by this before it brings them to a common scale."""
STEP_BITS = 16
"""Bits of the number of steps a channel."""
