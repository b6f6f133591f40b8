"""MAXIMUM: the larger of two stored numbers, whatever their scales, as the reference has it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.extremum_layer import ExtremumLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum(ExtremumLayer):
    """MAXIMUM; one of the inputs may be a constant."""

    operator: ClassVar[str] = "MAXIMUM"
    kernel: ClassVar[str] = "maximum"
    on_integers: ClassVar[Callable[..., npt.NDArray[Any]] | None] = np.maximum
    structure: ClassVar[str] = elementwise_structure("maximum", "")
    prototype: ClassVar[str] = elementwise_prototype("maximum")


OPERATOR = Maximum
