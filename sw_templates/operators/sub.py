"""SUB: the first tensor less the second, each brought to a common scale first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sw_templates.graph.host_steps import HostFunction, arithmetic
from sw_templates.layers.elementwise_layer import elementwise_prototype, elementwise_structure
from sw_templates.layers.sum_layer import SUM_OPTIONS, SumLayer
from sw_templates.layers.sum_scaling import SUM_MEMBERS
from sw_templates.tflite_file import OptionsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Sub(SumLayer):
    """SUB; one of the inputs may be a constant."""

    operator: ClassVar[str] = "SUB"
    kernel: ClassVar[str] = "sub"
    options: ClassVar[OptionsTable | None] = OptionsTable(name="SubOptions", fields=SUM_OPTIONS)
    on_integers: ClassVar[Callable[..., npt.NDArray[Any]] | None] = np.subtract
    on_host: ClassVar[HostFunction | None] = arithmetic(np.subtract)
    structure: ClassVar[str] = elementwise_structure("sub", SUM_MEMBERS)
    prototype: ClassVar[str] = elementwise_prototype("sub")
    sign: ClassVar[int] = -1


OPERATOR = Sub
