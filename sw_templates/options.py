"""What can be chosen about a firmware, and the parameters that a search may turn."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from contracts.faults import ConfigError
from contracts.kernel_headers import KernelHeaders
from contracts.network import Program
from contracts.parameter import Parameter, Rule, Value

KERNELS_FOLDER = Path(__file__).parent / "kernels"
PROGRAM_FOLDER = Path(__file__).parent / "program"

OPTIMISATIONS = ("O2", "O3", "Os")
UNROLLS = (1, 2, 4, 8)

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="optimisation",
        values=OPTIMISATIONS,
        default="O2",
        description="optimisation level of the firmware's compiler",
    ),
    Parameter(
        name="unroll",
        values=UNROLLS,
        default=4,
        description="steps of the kernels' inner loops written out",
        ordered=True,
    ),
)
"""Both change the machine code of the plain kernels; a test holds that true."""

RULES: tuple[Rule, ...] = ()

NAME_LENGTH = 64
"""Most characters of a name on the serial line."""

_LETTERS = "A-Za-z0-9 ._:+/-"
_PRINTABLE = re.compile(rf"[{_LETTERS}]{{1,{NAME_LENGTH}}}")


def printable_name(text: str) -> str:
    """Return a text as a name that the firmware can print in brackets, cut and cleaned.

    What is not a letter, digit, blank or one of ``. _ : + / -`` becomes ``_``.
    """
    return re.sub(f"[^{_LETTERS}]", "_", text)[:NAME_LENGTH] or "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareOptions:
    """Choices about one firmware.

    Attributes:
        optimisation: ``O2``, ``O3`` or ``Os``.
        unroll: 1, 2, 4 or 8.
        device_name: Answer to ``name%``: ``m-name-dut-[device_name]``.
        model_name: Answer to ``profile%``: ``m-model-[model_name]``; empty for the file's name,
            as ``printable_name`` makes it.
        results: ``integers`` prints the output tensor as it is, ``floats`` dequantised ``%0.3f``.
        inputs: What ``db`` brings: ``int8`` bytes of the input tensor, or ``uint8`` pixels from
            which 128 is taken (the perf samples of MLPerf Tiny's image classification).

    Raises:
        ConfigError: A value is none of the above, or a name cannot be printed in brackets.
    """

    optimisation: str = "O2"
    unroll: int = 4
    device_name: str = "soft-soc-dse"
    model_name: str = ""
    results: Literal["integers", "floats"] = "integers"
    inputs: Literal["int8", "uint8"] = "int8"

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("optimisation", self.optimisation, OPTIMISATIONS),
            ("unroll", self.unroll, UNROLLS),
            ("results", self.results, ("integers", "floats")),
            ("inputs", self.inputs, ("int8", "uint8")),
        ):
            if value not in allowed or isinstance(value, bool):
                raise ConfigError(
                    f"firmware option {name} is {value!r}",
                    fix=f"use one of {', '.join(map(str, allowed))}",
                )
        for name, text in (("device_name", self.device_name), ("model_name", self.model_name)):
            if (text and not _PRINTABLE.fullmatch(text)) or (name == "device_name" and not text):
                raise ConfigError(
                    f"firmware option {name} is {text!r}",
                    fix="use 1 to 64 letters, digits, blanks or . _ : + / -",
                )

    @classmethod
    def from_values(
        cls,
        values: Mapping[str, Value],
        *,
        device_name: str = "soft-soc-dse",
        model_name: str = "",
        results: Literal["integers", "floats"] = "integers",
        inputs: Literal["int8", "uint8"] = "int8",
    ) -> "FirmwareOptions":
        """Take what a design says about the firmware; absent parameters have their defaults."""
        defaults = {parameter.name: parameter.default for parameter in PARAMETERS}
        chosen = {name: values.get(name, default) for name, default in defaults.items()}
        unroll = chosen["unroll"]
        return cls(
            optimisation=str(chosen["optimisation"]),
            unroll=unroll if isinstance(unroll, int) else 0,
            device_name=device_name,
            model_name=model_name,
            results=results,
            inputs=inputs,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSet:
    """Which kernel templates a firmware is made of.

    Attributes:
        folders: Searched in order before the plain kernels, so a file replaces the plain one of
            the same name and an additional ``*.c.j2`` is compiled too.
        variables: What the templates in ``folders`` may use beside the common variables.
        weight_row_align_bytes: Rows of weights are zero-padded to a multiple of this: a power of
            two up to 64. The plain kernels need ``unroll``; the larger of both is used.
        scratch_rows: Rows of ``row_bytes`` that CONV_2D has as scratch memory, at least.
        program: What a unit runs of the network by itself; None where every layer is a kernel's.
        headers: Kernels that are compiled as they were written against TensorFlow Lite Micro; None
            for none.
    """

    folders: tuple[Path, ...] = ()
    variables: Mapping[str, object] = field(default_factory=dict)
    weight_row_align_bytes: int = 4
    scratch_rows: int = 1
    program: Program | None = None
    headers: KernelHeaders | None = None

    def __post_init__(self) -> None:
        if self.weight_row_align_bytes not in (1, 2, 4, 8, 16, 32, 64):
            raise ValueError(
                f"weight_row_align_bytes is {self.weight_row_align_bytes}, not a power of two <= 64"
            )
        if self.scratch_rows < 1:
            raise ValueError(f"scratch_rows is {self.scratch_rows}, must be >= 1")


PLAIN_KERNELS = KernelSet()
