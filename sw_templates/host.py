"""The firmware as a program of the host: many inferences in seconds, compared layer by layer."""

import struct
from pathlib import Path

from contracts.faults import ToolCrashed
from sw_templates.model import Model
from sw_templates.reference import Golden


def batch_command(program: Path, *, inputs: Path, outputs: Path, crcs: Path) -> tuple[str, ...]:
    """Return the command that runs every input of a file.

    Args:
        program: Path of ``firmware_host``.
        inputs: Inputs one after the other, each the bytes of all input tensors.
        outputs: Written: outputs one after the other, each the bytes of all output tensors.
        crcs: Written: for each input one uint32 per layer, in native byte order.
    """
    return (str(program.absolute()), str(inputs), str(outputs), str(crcs))


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
