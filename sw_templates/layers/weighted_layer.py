"""What convolutions and fully connected layers share: weights by padded rows, bias, multipliers."""

from abc import ABC
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from contracts.network import Requantisation
from sw_templates import quantise
from sw_templates.constants import (
    Constant,
    int8_values,
    int32_constant,
    padded,
    padded_rows,
    table_constant,
)
from sw_templates.layer import Layer
from sw_templates.tensor import ActivationRange, ElementType, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedLayer(Layer, ABC):
    """A layer with weights; the weights are symmetric int8, one scale or one per output.

    Class attributes:
        weight_types: Of the weights in the file.
        channels_in_row: A row of weights holds one tap of all output channels, not all taps of one.
        multiplies_as_double: The reference kernel scales its sums in double, not by a multiplier.

    Attributes:
        weights: Of the file.
        bias: Of the file; None for none.
        activation: The limits of its outputs.
        is_for_reference_kernel: See ``Layer.for_reference_kernel``.
    """

    weight_types: ClassVar[tuple[ElementType, ...]] = (ElementType.INT8,)
    channels_in_row: ClassVar[bool] = False
    multiplies_as_double: ClassVar[bool] = False

    weights: Tensor
    bias: Tensor | None
    activation: ActivationRange
    is_for_reference_kernel: bool = False

    def for_reference_kernel(self) -> Self:
        """See ``Layer.for_reference_kernel``."""
        return replace(self, is_for_reference_kernel=True)

    @property
    def output_range(self) -> ActivationRange:
        """See ``Layer.output_range``."""
        return self.activation

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """Weights and bias, as far as there are any."""
        return (self.weights,) if self.bias is None else (self.weights, self.bias)

    def row_bytes(self, row_align_bytes: int) -> int:
        """Return the bytes of one row of weights with its padding."""
        return padded(self._stored_rows().shape[1], self._align_bytes(row_align_bytes))

    def weight_fields(self, row_align_bytes: int) -> dict[str, int | str]:
        """Return the members ``row_bytes``, ``weights``, ``bias``, ``multipliers``, ``shifts``."""
        names = ("weights", "bias", "multipliers", "shifts")
        return {
            "row_bytes": self.row_bytes(row_align_bytes),
            **{name: f"{self.name}_{name}" for name in names},
        }

    def output_fields(self) -> dict[str, int | str]:
        """Return zero points and limits, as the structures of all weighted layers name them."""
        return {
            "input_zero_point": self.input.zero_point,
            "output_zero_point": self.output.zero_point,
            **self.activation.fields,
        }

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return weights by padded rows, the folded bias, multipliers and shifts by channel."""
        table = padded_rows(self._stored_rows(), self._align_bytes(row_align_bytes))
        is_folded = not self.is_for_reference_kernel
        biases = self._folded_biases() if is_folded else self._biases().tolist()
        factors = self._factors()
        name = self.name
        return (
            table_constant(f"{name}_weights", table),
            int32_constant(f"{name}_bias", biases),
            int32_constant(f"{name}_multipliers", [factor.multiplier for factor in factors]),
            int32_constant(f"{name}_shifts", [factor.shift for factor in factors]),
        )

    def requantisation(self) -> Requantisation:
        """Return how the kernel makes outputs of its sums, for hardware."""
        return Requantisation(
            biases=tuple(self._folded_biases()),
            scales=tuple(factor.scale for factor in self._factors()),
            rounds_once=self.multiplies_as_double,
            zero_point=self.output.zero_point,
            least=self.activation.minimum,
            greatest=self.activation.maximum,
        )

    def _folded_biases(self) -> list[int]:
        """Return each channel's bias with what the input's zero point adds to its sum."""
        sums = self._rows().sum(axis=0 if self.channels_in_row else 1, dtype=np.int64)
        folded = self._biases() - self.input.zero_point * sums
        return [quantise.wrap_int32(value) for value in folded.tolist()]

    def _biases(self) -> npt.NDArray[np.int64]:
        """Return each channel's bias as the file has it, zeros where it has none."""
        bias = np.zeros(self._rows().shape[1 if self.channels_in_row else 0], dtype=np.int64)
        if self.bias is not None:
            bias += np.frombuffer(self.bias.data or b"", dtype="<i4")
        return bias

    def _align_bytes(self, row_align_bytes: int) -> int:
        return 1 if self.is_for_reference_kernel else row_align_bytes

    def _factors(self) -> tuple[quantise.Multiplier, ...]:
        channels = self._rows().shape[1 if self.channels_in_row else 0]
        return quantise.channel_multipliers(
            self.input.scale,
            self.weights.scales,
            self.output.scale,
            channels,
            is_rounded_up=self.multiplies_as_double,
        )

    def _stored_rows(self) -> npt.NDArray[np.int8]:
        """Return the rows of weights as the kernel reads them."""
        return self._rows()

    def _rows(self) -> npt.NDArray[np.int8]:
        weights = int8_values(self.weights)
        channels = weights.shape
        return weights.reshape((-1, channels[-1]) if self.channels_in_row else (channels[0], -1))
