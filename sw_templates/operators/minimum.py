"""MINIMUM: the smaller of two stored numbers, whatever their scales, as the reference has it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.extremum_layer import ExtremumLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum(ExtremumLayer):
    """MINIMUM; one of the inputs may be a constant."""

    operator: ClassVar[str] = "MINIMUM"
    kernel: ClassVar[str] = "minimum"
    on_integers: ClassVar[Callable[..., npt.NDArray[Any]] | None] = np.minimum
    structure: ClassVar[str] = elementwise_structure("minimum", "")
    prototype: ClassVar[str] = elementwise_prototype("minimum")


OPERATOR = Minimum
