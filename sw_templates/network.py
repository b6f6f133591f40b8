"""A model as hardware is told of it."""

from contracts.network import Network, NetworkLayer
from sw_templates.layer import Layer
from sw_templates.memory_plan import ALIGNMENT_BYTES
from sw_templates.model import Model


def network_of(model: Model) -> Network:
    """Return a model's layers with what each computes, where it is something that hardware may do.

    Tensors have their numbers in the file.
    """
    return Network(
        layers=tuple(
            NetworkLayer(
                name=layer.name,
                reads=tuple(tensor.index for tensor in layer.inputs if tensor.data is None),
                writes=tuple(tensor.index for tensor in layer.outputs),
                computation=None if _reads_constant(layer) else layer.computation(),
            )
            for layer in model.layers
        ),
        inputs=tuple(
            tensor.index
            for tensor, offset in zip(model.inputs, model.input_offsets, strict=True)
            if offset % ALIGNMENT_BYTES == 0  # others are copied at each inference
        ),
        outputs=tuple(tensor.index for tensor in model.outputs),
    )


def _reads_constant(layer: Layer) -> bool:
    """Return whether an activation is a constant, which only the CPU's memory holds."""
    return any(tensor.data is not None for tensor in layer.inputs)
