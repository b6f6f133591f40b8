"""Changes of kernels and hardware that no input can show, and why: for ``benchmarks.oracle``.

Four kinds are told by rule. Where a network has a single byte of input, all its inputs were tried.
Where no sum of a network can lie at the edge of a rounding (``rounding_ties``), which way it would
be rounded there is all the same. And in the kernels that multiply, add and move, what is read,
multiplied and written where depends on shapes alone: a change there makes another linear form of
the inputs out of each sum, the same for all inputs. Two such forms that agree on dozens of dense
random inputs, in the checksum of every layer, are one: an element that is read in the wrong place,
twice or not at all would have to be a zero weight, or a constant. Lines that look at values are no
part of that rule: each has its reason. What the kernels ask of a CFU, and when, depends on shapes
alone, too: a signal of its control that is as it should be with all candidates is so with every
input, since a network uses a part of a CFU only. Where one value of an activation is wrong, that
rule does not hold.
"""

import re
from collections.abc import Mapping

_EVERY_INPUT = "this network has one byte of input, and all its 256 inputs were tried"
_SHAPES_ALONE = (
    "which elements are read, multiplied and written depends on shapes alone: what changes is the"
    " same for every input, and all candidates have every sum as it was, so for the shapes of this"
    " network nothing changes but time, or what is read and not used"
)
_NO_TIES = (
    "which way a sum at the very edge of the rounding goes; multipliers and weights of this network"
    " leave no sum that lies there"
)
_TIES = ("requantise.h", "int64_t half = (INT64_C(1) << (total_shift - 1)) - (value < 0);")
_UNREACHED = (
    "a part of the CFU, or a case, that the kernels of this network do not use: with all candidates"
    " the changed signal never has another value than the right one"
)
_LINEAR = re.compile(
    r"(simd_|stream_)?(conv2d|common|depthwise_conv2d|fully_connected)\.c|(add|reshape|pad"
    r"|concatenation|split|strided_slice|transpose|average_pool2d|max_pool2d|stream|unit)\.c"
)
_LOOKS_AT_VALUES = re.compile(
    r"activation_m(in|ax)|requantise|finish\(|value|result|round|clamp|zero_point"
    r"|(?<!depth_)multiplier|shift"
)
_COMMENT = re.compile(r"/\*.*?(\*/|$)")
_OTHER_TIME = (
    "when instructions of the CFU are taken or answered: an inference takes another number of its"
    " cycles and is right, with instructions that follow each other at once and with pauses"
)
_OF_CONTROL = {"unreached": _UNREACHED, "time": _OTHER_TIME}
_ONE_ROW = (
    "the next row of SOFTMAX's input or output, and this network has one row: nothing is read or"
    " written behind it"
)
_FEW_CLASSES = (
    "only with a sum of 512 exponentials or more is there a shift by more than 31, and this network"
    " has fewer classes"
)
_SOFTMAX_OF_A_ROW = (
    "magic_wand", "trained_lstm_int8", "micro_speech", "str_ww_ref_model", "person_detect",
    "kws_ref_model", "vww_96_int8", "pretrainedResnet_quant", "imgc_resnet8_int8",
)  # fmt: skip
_NUDGE = "int64_t nudge = product >= 0 ? (INT64_C(1) << 30) : 1 - (INT64_C(1) << 30);"
_THRESHOLD = "int32_t threshold = (mask >> 1) + (value < 0);"
_ANY = ""
_REASONS: Mapping[tuple[str, str, str, str], str] = {
    (_ANY, "requantise.h", _NUDGE, "> for >="): (
        "of a product of 0, to which either nudge adds less than what is divided by"
    ),
    (_ANY, "requantise.h", "if (value < lowest)", "<= for <"): (
        "of the lowest value itself, which is what it is limited to"
    ),
    **{
        (model, "softmax.c", code, "one more"): _FEW_CLASSES
        for model in _SOFTMAX_OF_A_ROW
        for code in ("if (shift <= 31)", "int32_t value = 0;")
    },
    **{
        (model, "softmax.c", f"{tensor} += layer->depth;", what): _ONE_ROW
        for model in _SOFTMAX_OF_A_ROW
        for tensor in ("input", "output")
        for what in ("= for +=", "a statement less")
    },
    (
        "hps_74ops",
        "logistic.c",
        "for (; end - input >= 4; input += 4, output += 4) {",
        "= for +=",
    ): "the step behind four elements, and LOGISTIC has one here",
    (_ANY, "requantise.h", _THRESHOLD, "<= for <"): (
        "of 0 nothing is left over, which exceeds neither threshold"
    ),
    (_ANY, "cfu.v", "assign \\$12  = funct3 == 2'h2;", "another code"): (
        "the wait of an instruction that reads an accumulator directly behind SET: the kernels"
        " multiply in between, and another wait changes no answer"
    ),
    ("micro_speech", "requantise.h", _NUDGE, "one more"): (
        "used by SOFTMAX alone, which answers as it should for all 2,829,056 inputs of 4 classes"
    ),
    ("micro_speech", "requantise.h", _THRESHOLD, "- for +"): (
        "a negative sum of the depthwise layer becomes -128, its zero point and limit, however it"
        " is rounded; SOFTMAX answers as it should for all 2,829,056 inputs of 4 classes"
    ),
    ("micro_speech", "cfu.v", "assign \\$24  = left == 1'h1;", "!= for =="): (
        "when the next instruction ADD may come: this network has no ADD"
    ),
    (
        "micro_speech",
        "cfu.v",
        "assign \\$107  = cmd_payload_function_id[2:0] == 3'h7;",
        "!= for ==",
    ): (
        "which instructions wait for those before them as ADD does: without an ADD in this network"
        " the others wait longer, and answer the same"
    ),
    ("micro_speech", "cfu.v", "lowest <= \\$18 ;", "a register is not written"): (
        "the only layer on this CFU is FULLY_CONNECTED, which rounds once, on the core: the CFU"
        " hands out sums, and the limits of its requantiser are not used"
    ),
}
"""Network, file, the right line, and the change, to the reason; ``_ANY`` is any network."""


def reason_of(
    *,
    model: str,
    file: str,
    code: str,
    what: str,
    every_input: bool,
    may_tie: bool,
    verdict: str,
) -> str:
    """Return why a mutant changes nothing that an input can show; empty where nobody has said it.

    Args:
        model: Name of the network.
        file: Of ``Mutant``, as the next two.
        code: The right line.
        what: How it was changed.
        every_input: All inputs that the network can have were tried.
        may_tie: As ``rounding_ties.may_tie`` says of the network.
        verdict: Of ``oracle.VERDICTS``.
    """
    if every_input:
        return _EVERY_INPUT
    if "for one value" not in what and verdict in _OF_CONTROL:
        return _OF_CONTROL[verdict]
    if (file, code) == _TIES and not may_tie:
        return _NO_TIES
    for name in (model, _ANY):
        if known := _REASONS.get((name, file, code, what)):
            return known
    if _LINEAR.fullmatch(file) and not _LOOKS_AT_VALUES.search(_COMMENT.sub("", code)):
        return _SHAPES_ALONE
    return ""
