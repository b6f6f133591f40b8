"""The firmware as a program of the host: many inferences in seconds, compared layer by layer."""

import array
import struct
from collections.abc import Sequence
from pathlib import Path

from contracts.faults import ToolCrashed
from sw_templates.model import Model
from sw_templates.oracle.lone_layers import LoneInput
from sw_templates.reference import Golden

_INPUTS, _OUTPUTS, _CRCS = BATCH_FILES = ("inputs", "outputs", "crcs")
"""What a batch needs and leaves in its folder: inputs one after the other, each the bytes of all
input tensors; outputs likewise; for each input one uint32 per layer, in native byte order."""

_LONE_INPUTS, _LONE_CRCS = LONE_FILES = ("lone_inputs", "lone_crcs")
"""The same for single layers: each input behind the int32 number of its layer; an int64 each."""


def batch_command(program: Path, inputs: Sequence[bytes], *, folder: Path) -> tuple[str, ...]:
    """Write the inputs of a batch and return the command that runs them.

    Args:
        program: Path of ``firmware_host``.
        inputs: Bytes of all input tensors, for each inference.
        folder: Where ``BATCH_FILES`` are; must exist.
    """
    (folder / _INPUTS).write_bytes(b"".join(inputs))
    return (str(program.absolute()), *(str(folder / name) for name in BATCH_FILES))


def batch_answers(model: Model, folder: Path) -> tuple[Golden, ...]:
    """Return what the command of ``batch_command`` has left in its folder.

    Raises:
        ToolCrashed: It did not write whole inferences.
    """
    return parse_batch(model, (folder / _OUTPUTS).read_bytes(), (folder / _CRCS).read_bytes())


def parse_batch(model: Model, outputs: bytes, crcs: bytes) -> tuple[Golden, ...]:
    """Take apart the two files that a batch has written.

    Raises:
        ToolCrashed: They do not hold whole inferences, or not the same number.
    """
    output_bytes, layers = model.output_bytes, len(model.layers)
    count, rest = divmod(len(outputs), output_bytes)
    if rest or len(crcs) != count * layers * 4:
        raise ToolCrashed(
            f"the host firmware wrote {len(outputs)} bytes of outputs and {len(crcs)} of CRCs, "
            f"not whole inferences of {output_bytes} and {layers * 4}",
            fix="look into its log",
        )
    return tuple(
        Golden(
            output=outputs[number * output_bytes : (number + 1) * output_bytes],
            layer_crcs=struct.unpack_from(f"={layers}I", crcs, number * layers * 4),
        )
        for number in range(count)
    )


def lone_command(program: Path, inputs: Sequence[LoneInput], *, folder: Path) -> tuple[str, ...]:
    """Write inputs of single layers and return the command that runs them.

    Args:
        program: Path of ``firmware_host``.
        inputs: In the order in which they are run.
        folder: Where ``LONE_FILES`` are; must exist.
    """
    with (folder / _LONE_INPUTS).open("wb") as sink:
        for each in inputs:
            sink.write(struct.pack("=i", each.position) + each.content)
    return (str(program.absolute()), *(str(folder / name) for name in LONE_FILES))


def lone_answers(folder: Path, *, count: int) -> tuple[int | None, ...]:
    """Return what the command of ``lone_command`` has left in its folder.

    Args:
        folder: As there.
        count: How many inputs there were.

    Returns:
        The CRC-32 of the layer's outputs for each input, None where a unit runs the layer together
        with others only.

    Raises:
        ToolCrashed: It did not write as many.
    """
    content = (folder / _LONE_CRCS).read_bytes()
    if len(content) != 8 * count:
        raise ToolCrashed(
            f"the host firmware wrote {len(content)} bytes for {count} inputs of single layers",
            fix="look into its log",
        )
    crcs = array.array("q", content)
    return tuple(None if crc < 0 else crc for crc in crcs)
