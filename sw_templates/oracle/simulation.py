"""A network in NumPy, layer by layer: what ``simulate`` compares with kernels and with TFLite."""

from collections.abc import Iterator, Sequence

import numpy as np

from contracts.faults import ConfigError
from sw_templates.constants import tensor_values
from sw_templates.layers.exact import Values
from sw_templates.model import Model
from sw_templates.reference import Inference


def simulate_network(model: Model, inputs: Sequence[bytes]) -> Iterator[Inference]:
    """Run a network in NumPy.

    Args:
        model: The network.
        inputs: Bytes of all input tensors, for each inference.

    Yields:
        One inference after the other, as ``reference_inferences`` does.

    Raises:
        ConfigError: A layer has nothing in NumPy, or an input has not the size of the tensors.
    """
    for number, content in enumerate(inputs):
        if len(content) != model.input_bytes:
            raise ConfigError(
                f"input {number} has {len(content)} bytes, {model.name} needs {model.input_bytes}",
                fix="give the bytes of all input tensors, one after the other",
            )
        yield _inference(model, content)


def _inference(model: Model, content: bytes) -> Inference:
    found: dict[int, Values] = {
        tensor.index: np.frombuffer(part, dtype=tensor.type.numpy_name).reshape(tensor.shape)
        for tensor, part in model.input_parts(content)
    }
    layers: list[tuple[Values, ...]] = []
    for layer in model.layers:
        values = [
            found[tensor.index] if tensor.data is None else tensor_values(tensor)
            for tensor in layer.inputs
        ]
        outputs = layer.evaluate(values)
        if outputs is None:
            raise ConfigError(
                f"{layer.name} ({layer.operator}) of {model.name} cannot be computed in NumPy",
                fix="add `evaluate` to its file in sw_templates/operators; `workload` and trials"
                " need none",
            )
        shaped = tuple(
            elements.astype(tensor.type.numpy_name, copy=False).reshape(tensor.shape)
            for tensor, elements in zip(layer.outputs, outputs, strict=True)
        )
        found |= {tensor.index: each for tensor, each in zip(layer.outputs, shaped, strict=True)}
        layers.append(shaped)
    return Inference(
        layers=tuple(layers),
        output=b"".join(found[tensor.index].tobytes() for tensor in model.outputs),
    )
