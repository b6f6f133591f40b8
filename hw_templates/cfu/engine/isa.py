"""What the CPU and the network's compiler may rely on: memories, descriptors, instructions.

The engine multiplies `rows` activations with `rows` x `cols` weights in a cycle. A network is a
program of descriptors, one for each layer, in a memory of the engine's own; weights, channels'
constants and activations have memories of their own too. All of them are addressed in words of 32
bits, little-endian, and written through one pointer.

A tensor of activations is [pixel][block][lane]: a row of the activation memory is `rows` bytes,
a pixel has `blocks` = ceil(channels / rows) rows, channel n lies in lane n mod `rows` of block
n // `rows`. What lies in the lanes behind the last channel is not defined, so their weights are 0.

Outputs are computed in tiles: the `cols` channels from tile x `cols` on, of one pixel. `cols`
divides `rows`.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

SIDES = (4, 8, 16, 32)
"""Rows and columns of products."""
WORD_BYTES = 4


def place_in(size: int, at: npt.NDArray[np.int64] | int) -> npt.NDArray[np.int64]:
    """Return which of a memory's words or rows addresses mean.

    A memory is made of banks whose sizes are powers of two, the largest first. Addresses wrap at
    the next power of two of its size, and what is behind the end is in the last bank.

    Args:
        size: Of the memory.
        at: Addresses.
    """
    last = size & -size
    within = at % (1 << (size - 1).bit_length())
    return np.where(within < size, within, size - last + within % last)


class Memory(IntEnum):
    """Low three bits of funct7 of WRITE, WRITE_PAIR and READ; others have no words."""

    PROGRAM = 0
    """DESCRIPTOR_WORDS words a descriptor."""
    WEIGHTS = 1
    """Of DENSE. A row is [column][row] int8 or, with 4 bits a weight, [column][row] of these, two
    in a byte, the first one low: from -8 to 7. A tile of a layer has kernel_height x kernel_width x
    input_blocks rows, in this order, and the tiles of a layer follow each other."""
    CHANNEL_WEIGHTS = 2
    """Of CHANNELWISE. A row is [column] bytes; a tile has kernel_height x kernel_width rows, and
    the tiles of a layer follow each other."""
    CHANNELS = 3
    """CHANNEL_WORDS words for each output channel: bias (int32), multiplier (Q31, not negative),
    shift to the right (0 to 31), and one that is ignored."""
    ACTIVATIONS = 4


class Operation(IntEnum):
    """funct3. All wait until nothing runs, save SET_POINTER, WAIT and, where it says so, READ."""

    SET_POINTER = 0
    """rs1 is the word that the next access takes, of whatever memory: one pointer serves all."""
    WRITE = 1
    """rs1 goes to the word at the pointer, which advances by one. Only ACTIVATIONS are answered by
    READ. Addresses wrap at the next power of two of a memory's size; from its end up to there its
    last bank repeats, see ``place_in``."""
    WRITE_PAIR = 2
    """rs1, then rs2, to the even word at the pointer and the one behind; it advances by two."""
    READ = 3
    """Answers the word of ACTIVATIONS at the pointer, which advances by one; 0 from others. What
    the last descriptor of a run writes is answered as soon as its row is complete, unless windows
    slide; that descriptor writes no row twice. Others wait until nothing runs."""
    START = 4
    """Runs rs2 (0 to 255) descriptors from number rs1 (modulo MAX_DESCRIPTORS) on, in the
    background. One without MAGIC ends the run. So does one of more than MAX_STEPS; what that leaves
    behind is not defined."""
    WAIT = 5
    """Answers 0 as soon as nothing runs, and 1 if something still runs after WAIT_CYCLES."""
    COUNT = 6
    """Answers the cycles that descriptor rs1 took when it ran last; with funct7 = 1 those in which
    the array multiplied. 0 for one that never ran. Models without time answer 0."""
    STREAM = 7
    """With funct7 = 1 an image begins whose pixels have few channels: as ImageFormat says, rs1 and
    rs2. With funct7 = 0 rs1 and rs2 are its next 8 bytes. Each pixel fills the first words of a row
    of ACTIVATIONS, from the pointer on, which advances by a row: it begins a window of pixels that
    follow each other in a line of the image, so that a kernel's taps beside each other become
    channels. What comes behind the last pixel is dropped, and what comes before an image began."""


DESCRIPTOR_WORDS = 16
CHANNEL_WORDS = 4
MAX_DESCRIPTORS = 64
MAX_STEPS = 1 << 24
"""Of one descriptor: pixels x tiles x window, for DENSE x blocks; ADD has a window of 2."""
WAIT_CYCLES = 1 << 16
MAGIC = 0x454E
"""Upper half of word HEAD: what a word of noise does not have."""


class Kind(IntEnum):
    """What a layer computes for each output channel of each pixel."""

    DENSE = 0
    """Sum of products over the window and all input channels: convolution, fully connected."""
    CHANNELWISE = 1
    """Sum of products over the window of one channel, which the output channel's number is:
    depthwise convolution with a depth multiplier of 1, average pool with weights of 1."""
    MAXIMUM = 2
    """Twice the largest activation of a channel in the window. Padding does not count; -256 where
    there is nothing else."""
    ADD = 3
    """For each element of two tensors of one shape the sum of
    requantise((input - zero_point) << ADD_LEFT_SHIFT) of both."""


class Word(IntEnum):
    """Words of a descriptor; fields from bit 0 up. Integers without sign unless int8 is said.

    Sizes, blocks, tiles and kernels of 0 count as 1, strides of 0 as well. Windows may reach 255
    rows and columns beyond the image.

    What becomes of a sum: bias is added, then it is multiplied by the channel's multiplier and
    divided by 2^(31 + shift), rounded to nearest with ties away from zero, once or, without
    ROUNDS_ONCE, twice as TFLite does: at 2^31 (ties upwards), then at 2^shift. The output's zero
    point is added, then it is clamped. ADD scales its inputs with the same roundings; it takes bias
    (0), multiplier and shift of the sum from channel memory too: the same for the `cols` channels
    from the base on, which serve all tiles. It ignores INPUT_SIZE, WINDOW, PADDING and WEIGHTS.
    """

    HEAD = 0
    """Kind in bits 0 and 1, ROUNDS_ONCE in bit 4, MAGIC in bits 16 to 31."""
    INPUT = 1
    """Word of ACTIVATIONS where the input begins: the first of a row."""
    OUTPUT = 2
    """Word of ACTIVATIONS where the output begins: the first of a row. Outputs overlap no input."""
    INPUT_SIZE = 3
    """Height in bits 0 to 15, width in bits 16 to 31, 1 to 1023: SIZE_BITS of each count."""
    OUTPUT_SIZE = 4
    """Height in bits 0 to 15, width in bits 16 to 31, 1 to 1023: SIZE_BITS of each count."""
    BLOCKS = 5
    """Blocks of the input in bits 0 to 15, tiles of the output in bits 16 to 31: BLOCK_BITS of each
    count."""
    WINDOW = 6
    """Kernel height, kernel width, stride height, stride width: a byte each, 1 to 255."""
    PADDING = 7
    """Rows above in byte 0, columns left in byte 1; what an activation beside the image is
    (int8: the input's zero point) in byte 2."""
    WEIGHTS = 8
    """First row of the layer in WEIGHTS or CHANNEL_WEIGHTS; a number of rows, not words."""
    CHANNELS = 9
    """First channel of the layer in CHANNELS: a multiple of `cols`."""
    CLAMP = 10
    """Output's zero point, least and greatest value: int8 in bytes 0, 1, 2."""
    SECOND_INPUT = 11
    """ADD: as INPUT."""
    ZERO_POINTS = 12
    """ADD: of the inputs, int8 in bytes 0 and 1."""
    FIRST_MULTIPLIER = 13
    """ADD: Q31, not negative."""
    SECOND_MULTIPLIER = 14
    """ADD: Q31, not negative."""
    SHIFTS = 15
    """ADD: to the right, of the first input in byte 0, of the second in byte 1; 0 to 31."""


ROUNDS_ONCE = 1 << 4
SIZE_BITS = 10
BLOCK_BITS = 12
ADD_LEFT_SHIFT = 20
