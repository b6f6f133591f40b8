"""How the numbers of a sample file are written, and how they become input tensors.

A file holds one number for each element of the model's inputs, one input after the other: as int8,
as uint8, or as little-endian float32. A quantised input takes floats through its own scale and zero
point; int8 and uint8 differ by 128, as TFLite's converter has it. Where the file computes with its
input before it quantises it, the numbers are what that takes, and the host computes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError
from runners.job import SampleEncoding
from sw_templates.graph.float_edges import dequantise_values, quantise_values
from sw_templates.graph.host_steps import HostStep, applied
from sw_templates.model import Model
from sw_templates.tensor import ElementType, Tensor

ENCODINGS: tuple[SampleEncoding, ...] = get_args(SampleEncoding)

Floats = npt.NDArray[np.float64]

_DTYPES: dict[SampleEncoding, str] = {"int8": "<i1", "uint8": "<u1", "float32": "<f4"}
_BYTE_TYPES = (ElementType.INT8, ElementType.UINT8)
_LOOKED_AT_BYTES = 1 << 22
_CLEARLY = 1.2
"""So many times larger is no chance."""
_BACKGROUND = 0.05
"""What more of the numbers are than this is no chance."""
_WIDEST_UNSCALED = 1e6
"""Floats that a network scales itself are smaller than this."""
_PLAUSIBLE_RANGES = 8.0
"""Floats lie within so many times the range that the input was quantised for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """The encoding of a folder of samples.

    Attributes:
        name: Of the config's ``workload.sample_encoding``.
        reason: Why it is that one, for people.
    """

    name: SampleEncoding
    reason: str

    @property
    def element_bytes(self) -> int:
        """Bytes of one number in a file."""
        return element_bytes(self.name)


def element_bytes(name: SampleEncoding) -> int:
    """Return the bytes of one number in a file."""
    return np.dtype(_DTYPES[name]).itemsize


def input_elements(model: Model) -> int:
    """Return how many numbers one inference takes."""
    return sum(tensor.elements for tensor in model.inputs)


def given_encoding(name: SampleEncoding) -> Encoding:
    """Return the encoding that a config names."""
    return Encoding(name=name, reason="workload.sample_encoding")


def guessed_encoding(model: Model, files: Sequence[bytes], *, window_bytes: int) -> Encoding:
    """Return the encoding that samples without a stated one probably have.

    Args:
        model: Takes them.
        files: Contents, at least one.
        window_bytes: How many bytes of a file are one inference.
    """
    elements = input_elements(model)
    if all(tensor.type is ElementType.FLOAT32 for tensor in model.inputs):
        return Encoding(name="float32", reason="the model's input is float32")
    float_bytes = elements * element_bytes("float32")
    if window_bytes == float_bytes:
        return Encoding(name="float32", reason="four bytes for each element of the model's input")
    if window_bytes % float_bytes == 0 and _are_floats(model, files):
        return Encoding(name="float32", reason="as floats, the files are in the input's range")
    if model.steps_of_input(0):
        return Encoding(name="uint8", reason="the network scales its input itself, as of pixels")
    if all(tensor.type is ElementType.UINT8 for tensor in model.inputs):
        return Encoding(name="uint8", reason="the model's input is uint8")
    return _signed_or_not(model.inputs[0], files)


def tensors_of(window: bytes, encoding: SampleEncoding, model: Model) -> bytes:
    """Return a window of a file as the bytes of all input tensors, one after the other.

    Raises:
        ConfigError: An input has a type that cannot be made of this encoding, or a float is none.
    """
    steps = [model.steps_of_input(position) for position in range(len(model.inputs))]
    are_bytes = all(tensor.type in _BYTE_TYPES for tensor in model.inputs)
    if encoding == "float32" or any(steps) or not are_bytes:
        parts = _parts(_numbers(window, encoding), model.inputs)
        return b"".join(
            quantise_values(tensor, _prepared(values, encoding, in_file, mine)).tobytes()
            if mine
            else _tensor(values, encoding, tensor)
            for tensor, in_file, values, mine in zip(
                model.inputs, model.file_inputs, parts, steps, strict=True
            )
        )
    parts = _parts(np.frombuffer(window, dtype="<u1"), model.inputs)
    return b"".join(
        (part if tensor.type.value.lower() == encoding else part ^ 0x80).tobytes()
        for tensor, part in zip(model.inputs, parts, strict=True)
    )


def real_numbers(window: bytes, encoding: SampleEncoding, model: Model) -> Floats:
    """Return what a window of a file means in the units of the network that was quantised."""
    numbers = _parts(_numbers(window, encoding), model.inputs)
    parts = []
    for position, (tensor, part) in enumerate(zip(model.inputs, numbers, strict=True)):
        steps = model.steps_of_input(position)
        if steps:
            given = _prepared(part, encoding, model.file_inputs[position], steps)
            parts.append(given.astype(np.float64).reshape(-1))
        elif encoding == "float32":
            parts.append(part)
        else:
            parts.append((part - _offset(encoding, tensor) - tensor.zero_point) * _scale(tensor))
    return np.concatenate(parts)


def dequantised(content: bytes, model: Model) -> Floats:
    """Return the bytes of a model's outputs as the numbers that its file gives for them."""
    values = []
    for position, (tensor, part) in enumerate(model.output_parts(content)):
        numbers = np.frombuffer(part, dtype=tensor.type.numpy_name)
        steps = model.steps_of_output(position)
        if steps:
            given = dequantise_values(tensor, numbers.reshape(tensor.shape))
            values.append(applied(steps, given).astype(np.float64).reshape(-1))
        else:
            values.append((numbers.astype(np.float64) - tensor.zero_point) * _scale(tensor))
    return np.concatenate(values)


def _prepared(
    values: Floats, encoding: SampleEncoding, in_file: Tensor, steps: Sequence[HostStep]
) -> npt.NDArray[np.float32]:
    """Return what the file's operators before its QUANTIZE make of the numbers of a sample."""
    given = values - _offset(encoding, in_file)
    if in_file.type is not ElementType.FLOAT32:
        given = np.clip(np.rint(given), *in_file.type.limits)
    made = applied(steps, given.astype(in_file.type.numpy_name).reshape(in_file.shape))
    return made.astype(np.float32, copy=False)


def _numbers(window: bytes, encoding: SampleEncoding) -> Floats:
    return np.frombuffer(window, dtype=_DTYPES[encoding]).astype(np.float64)


def _parts(numbers: npt.NDArray[Any], tensors: Iterable[Tensor]) -> list[npt.NDArray[Any]]:
    ends = np.cumsum([tensor.elements for tensor in tensors])
    return np.split(numbers, ends[:-1])


def _offset(encoding: SampleEncoding, tensor: Tensor) -> int:
    """Return what a number of this encoding is larger by than the tensor's."""
    if encoding == "uint8" and tensor.type is ElementType.INT8:
        return 128
    return -128 if encoding == "int8" and tensor.type is ElementType.UINT8 else 0


def _scale(tensor: Tensor) -> float:
    return tensor.scale if tensor.scales else 1.0


def _tensor(values: Floats, encoding: SampleEncoding, tensor: Tensor) -> bytes:
    """Return numbers of one encoding as a tensor."""
    if tensor.type is ElementType.FLOAT32:
        return values.astype("<f4").tobytes()
    if encoding == "float32" and tensor.scales:
        return quantise_values(tensor, values.astype(np.float32)).tobytes()
    if tensor.type in _BYTE_TYPES:
        return (values - _offset(encoding, tensor)).astype(tensor.type.numpy_name).tobytes()
    raise ConfigError(
        f"samples that are {encoding} cannot become the input {tensor.name!r}, which is"
        f" {tensor.type.value.lower()}",
        fix="give float32 samples, and say so: workload.sample_encoding = 'float32'",
    )


def _are_floats(model: Model, files: Sequence[bytes]) -> bool:
    """Tell whether files are within the inputs' range as float32: other bytes hardly ever are."""
    scales = [tensor for tensor in model.inputs if tensor.scales]
    if not scales:
        return False
    widest = max(256 * tensor.scale for tensor in scales) * _PLAUSIBLE_RANGES
    if any(map(model.steps_of_input, range(len(model.inputs)))):
        widest = _WIDEST_UNSCALED
    seen = 0
    for content in files:
        if len(content) % 4:
            return False
        numbers = np.frombuffer(content[:_LOOKED_AT_BYTES], dtype="<f4")
        sizes = np.abs(numbers[numbers != 0])
        # bytes that are none have exponents of all sizes
        if not np.isfinite(sizes).all() or (sizes > widest).any() or (sizes < 1e-20).any():
            return False
        seen += len(sizes)
        if seen > _LOOKED_AT_BYTES:
            break
    return seen > 0


def _signed_or_not(tensor: Tensor, files: Sequence[bytes]) -> Encoding:
    """Tell int8 from uint8: by what is often there, by steps between neighbours, by the model.

    A background is the smallest number or stands for zero. Without one, read with the wrong sign,
    small steps across the middle of the range become large ones.
    """
    content = np.frombuffer(b"".join(files)[:_LOOKED_AT_BYTES], dtype="<u1").astype(np.int16)
    zero_point = tensor.zero_point - (128 if tensor.type is ElementType.UINT8 else 0)
    signed, unsigned = {0x80, zero_point % 256}, {0x00, zero_point + 128}
    signed_count = int(np.isin(content, list(signed - unsigned)).sum())
    unsigned_count = int(np.isin(content, list(unsigned - signed)).sum())
    if signed_count > max(2 * unsigned_count, _BACKGROUND * len(content)):
        return Encoding(name="int8", reason="with a sign, much is the smallest number or zero")
    if unsigned_count > max(2 * signed_count, _BACKGROUND * len(content)):
        return Encoding(name="uint8", reason="without a sign, much is the smallest number or zero")
    unsigned_steps = float(np.abs(np.diff(content)).sum())
    signed_steps = float(np.abs(np.diff(content ^ 0x80)).sum())
    if signed_steps > _CLEARLY * unsigned_steps:
        return Encoding(name="uint8", reason="neighbours in the files are closer without a sign")
    if unsigned_steps > _CLEARLY * signed_steps:
        return Encoding(name="int8", reason="neighbours in the files are closer with a sign")
    if zero_point == -128:
        return Encoding(name="uint8", reason="the model's input begins at zero, as pixels do")
    return Encoding(name="int8", reason=f"the model's input is int8 with zero point {zero_point}")
