"""UNIDIRECTIONAL_SEQUENCE_LSTM: a recurrent layer over a whole sequence, from an empty state."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from sw_templates.constants import (
    Constant,
    int8_values,
    int32_constant,
    padded,
    padded_rows,
    table_constant,
)
from sw_templates.layer import Layer
from sw_templates.quantise import Multiplier, quantise_multiplier, to_float32, wrap_int32
from sw_templates.tensor import ElementType, Tensor
from sw_templates.tflite_file import OptionsTable
from sw_templates.tflite_node import Node

_GATE_SCALE = 2.0**-12
_TANH = 4  # TFLite's code of the activation
_MAX_SHIFT = 30
# Positions of the inputs, by the order of the kernel's gates: forget, cell, input, output.
_INPUT_WEIGHTS, _STATE_WEIGHTS, _BIASES = (2, 3, 1, 4), (6, 7, 5, 8), (13, 14, 12, 15)
_INPUT_GATE = 2
_PEEPHOLES, _PROJECTION, _NORMALISATION = (9, 10, 11), (16, 17), (20, 21, 22, 23)
_OUTPUT_STATE, _CELL_STATE = 18, 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What one gate has of its own; ``bias`` may be None."""

    input_weights: Tensor
    state_weights: Tensor
    bias: Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnidirectionalSequenceLstm(Layer):
    """UNIDIRECTIONAL_SEQUENCE_LSTM with int8 weights and an int16 cell state.

    Without peepholes, projection and normalisation, which Keras never writes.

    Attributes:
        gates: Forget, cell, input and output; the input gate is None where it is coupled.
        state: Scale and zero point of the output as the next step reads it.
        cell_exponent: The cell state's scale is two to this.
        cell_clip: Largest magnitude of the cell state; 0 for none.
        hidden: Scale and zero point of the output as it is computed.
        is_time_major: Steps come before batches.
    """

    operator: ClassVar[str] = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    kernel: ClassVar[str] = "sequence_lstm"
    options: ClassVar[OptionsTable | None] = OptionsTable(
        name="UnidirectionalSequenceLSTMOptions",
        fields=("FusedActivationFunction", "CellClip", "ProjClip", "TimeMajor"),
    )
    structure: ClassVar[str] = """
struct sequence_lstm_layer {
    int32_t batches, steps;
    int32_t batch_stride, step_stride; /* in vectors */
    int32_t input_depth, cells;
    int32_t has_input_gate; /* else it is one less the forget gate */
    int32_t state_zero_point, hidden_zero_point;
    int32_t cell_integer_bits, cell_shift, cell_clip;
    int32_t output_multiplier, output_shift;
    int32_t input_row_bytes, state_row_bytes;
    int32_t scratch_bytes;       /* at least 9 x cells */
    const int8_t *input_weights; /* [4][cells][input_row_bytes]: forget, cell, input, output */
    const int8_t *state_weights; /* [4][cells][state_row_bytes] */
    const int32_t *input_bias;   /* [4][cells] */
    const int32_t *state_bias;   /* [4][cells] */
    const int32_t *multipliers;  /* [4][2]: of the input's and of the state's products */
    const int32_t *shifts;       /* [4][2] */
};
"""
    prototype: ClassVar[str] = """
void sequence_lstm(const struct sequence_lstm_layer *layer, const int8_t *input, int8_t *output,
                   int8_t *scratch);
"""

    gates: tuple[Gate | None, ...]
    state: Tensor
    cell_exponent: int
    cell_clip: int
    hidden: Tensor
    is_time_major: bool

    @classmethod
    def read(cls, node: Node) -> Self:
        """See ``Layer.read``."""
        node.inputs(20, 24)
        for positions, what in (
            (_PEEPHOLES, "peepholes"),
            (_PROJECTION, "a projection"),
            (_NORMALISATION, "normalisation"),
        ):
            if any(node.has_input(position) for position in positions):
                node.refuse(None, f"has {what}, which is not supported")
        if int(node.option("FusedActivationFunction")) != _TANH:
            node.refuse(None, "has another activation than tanh")
        source, output = node.activation(0), node.output()
        if len(source.shape) != 3:
            node.refuse(source.index, f"has the shape {source.shape}, not 3 sizes")
        gates = tuple(_gate(node, which, is_optional=which == _INPUT_GATE) for which in range(4))
        cells = output.shape[-1]
        for gate in gates:
            if gate is not None:
                node.require_shape(gate.input_weights, (cells, source.shape[2]))
                node.require_shape(gate.state_weights, (cells, cells))
        node.require_shape(output, (*source.shape[:2], cells))
        is_time_major = bool(node.option("TimeMajor"))
        batches = source.shape[1 if is_time_major else 0]
        state = node.variable(_OUTPUT_STATE)
        cell = node.variable(_CELL_STATE, (ElementType.INT16,))
        for tensor in (state, cell):
            if tensor.elements != batches * cells:
                node.refuse(tensor.index, f"has {tensor.elements} elements for {cells} cells")
        if (state.scale, state.zero_point) != (output.scale, output.zero_point):
            node.refuse(state.index, "must have the scale and zero point of the output")
        mantissa, exponent = math.frexp(cell.scale)
        if mantissa != 0.5 or not -15 <= exponent - 1 <= -9:
            node.refuse(cell.index, f"has the scale {cell.scale}, not a power of two up to 2^-9")
        clip = to_float32(float(node.option("CellClip")) / cell.scale)
        layer = cls(
            index=node.index,
            inputs=(source,),
            outputs=(output,),
            gates=gates,
            state=state,
            cell_exponent=exponent - 1,
            cell_clip=int(min(max(clip, 0.0), 32767.0)),
            hidden=node.intermediate(4),
            is_time_major=is_time_major,
        )
        if any(scaling.shift > _MAX_SHIFT for scaling in (*layer.scalings, layer.output_scaling)):
            raise ValueError("a scale is far above 2^-12, which its gates have")
        return layer

    @property
    def scalings(self) -> tuple[Multiplier, ...]:
        """By gate, from products with the input and with the state to the gate's scale."""
        factors: list[float] = []
        for gate in self.gates:
            if gate is None:
                factors += (0.0, 0.0)
                continue
            of_input = to_float32(gate.input_weights.scale * self.input.scale)
            of_state = to_float32(gate.state_weights.scale * self.state.scale)
            factors += (to_float32(of_input / _GATE_SCALE), to_float32(of_state / _GATE_SCALE))
        return tuple(quantise_multiplier(factor) for factor in factors)

    @property
    def output_scaling(self) -> Multiplier:
        """From the product of two gates to the output's scale."""
        scale = to_float32(to_float32(2.0**-15 / self.hidden.scale) * 2.0**-15)
        return quantise_multiplier(scale)

    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """See ``Layer.fields``."""
        first, second, depth = self.input.shape
        steps, batches = (first, second) if self.is_time_major else (second, first)
        arrays = (
            "input_weights",
            "state_weights",
            "input_bias",
            "state_bias",
            "multipliers",
            "shifts",
        )
        return {
            "batches": batches,
            "steps": steps,
            "batch_stride": 1 if self.is_time_major else steps,
            "step_stride": batches if self.is_time_major else 1,
            "input_depth": depth,
            "cells": self.cells,
            "has_input_gate": int(self.gates[_INPUT_GATE] is not None),
            "state_zero_point": self.state.zero_point,
            "hidden_zero_point": self.hidden.zero_point,
            "cell_integer_bits": 15 + self.cell_exponent,
            "cell_shift": 30 + self.cell_exponent,
            "cell_clip": self.cell_clip,
            "output_multiplier": self.output_scaling.multiplier,
            "output_shift": self.output_scaling.shift,
            "input_row_bytes": padded(depth, row_align_bytes),
            "state_row_bytes": padded(self.cells, row_align_bytes),
            **{name: f"{self.name}_{name}" for name in arrays},
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return weights by padded rows, folded biases, multipliers and shifts, by gate."""
        of_input, of_state = [], []
        biases_of_input: list[int] = []
        biases_of_state: list[int] = []
        for gate in self.gates:
            if gate is None:  # zeros, which the kernel does not look at
                rows = np.zeros((self.cells, self.input.shape[2]), np.int8)
                state_rows = np.zeros((self.cells, self.cells), np.int8)
            else:
                rows, state_rows = int8_values(gate.input_weights), int8_values(gate.state_weights)
            of_input.append(padded_rows(rows, row_align_bytes))
            of_state.append(padded_rows(state_rows, row_align_bytes))
            bias = np.zeros(self.cells, np.int64)
            if gate is not None and gate.bias is not None:
                bias += np.frombuffer(gate.bias.data or b"", "<i4")
            biases_of_input += _folded(bias, rows, self.input.zero_point)
            biases_of_state += _folded(np.zeros_like(bias), state_rows, self.state.zero_point)
        name = self.name
        return (
            table_constant(f"{name}_input_weights", np.concatenate(of_input)),
            table_constant(f"{name}_state_weights", np.concatenate(of_state)),
            int32_constant(f"{name}_input_bias", biases_of_input),
            int32_constant(f"{name}_state_bias", biases_of_state),
            int32_constant(f"{name}_multipliers", [each.multiplier for each in self.scalings]),
            int32_constant(f"{name}_shifts", [each.shift for each in self.scalings]),
        )

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """Return room for the cell state, three gates in int16 and an empty state."""
        del row_align_bytes, scratch_rows
        return 9 * self.cells

    @property
    def cells(self) -> int:
        """How many cells there are, each with one output."""
        return self.output.shape[-1]

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """Weights and biases of all gates."""
        return tuple(
            tensor
            for gate in self.gates
            if gate is not None
            for tensor in (gate.input_weights, gate.state_weights, gate.bias)
            if tensor is not None
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all steps; products of two gates do not count."""
        vectors = self.input.shape[0] * self.input.shape[1]
        weights = sum(
            gate.input_weights.elements + gate.state_weights.elements
            for gate in self.gates
            if gate is not None
        )
        return vectors * weights


def _gate(node: Node, which: int, *, is_optional: bool) -> Gate | None:
    """Return what the file has of one gate; None where an input gate is left out."""
    positions = (_INPUT_WEIGHTS[which], _STATE_WEIGHTS[which])
    if is_optional and not any(node.has_input(position) for position in positions):
        return None
    weights, state_weights = (node.weights(0, 2, position=position) for position in positions)
    for tensor in (weights, state_weights):
        node.require_one_scale(tensor)
    return Gate(
        input_weights=weights,
        state_weights=state_weights,
        bias=node.bias(weights.shape[0], position=_BIASES[which]),
    )


def _folded(bias: npt.NDArray[np.int64], rows: npt.NDArray[np.int8], zero_point: int) -> list[int]:
    folded = bias - zero_point * rows.sum(axis=1, dtype=np.int64)
    return [wrap_int32(value) for value in folded.tolist()]


OPERATOR = UnidirectionalSequenceLstm
