"""What a CFU family is: parameters, hardware, C kernels and a reference model in one value.

A custom function unit (CFU) is a state machine that the CPU reaches with one instruction: two
32-bit operands and a 10-bit function id go in, one 32-bit answer comes out. A family describes
all CFUs that one piece of source can become. See docs/how-to/add-a-cfu-family.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from contracts.kernel_headers import KernelHeaders
from contracts.least_hardware import LeastHardware
from contracts.network import Network, Program
from contracts.parameter import Parameter, Rule, Value

Values = Mapping[str, Value]
"""The active parameters of a design that are the family's own; it is told no others."""

PORTS: Mapping[str, tuple[str, int]] = {
    "clk": ("input", 1),
    "reset": ("input", 1),
    "cmd_valid": ("input", 1),
    "cmd_ready": ("output", 1),
    "cmd_payload_function_id": ("input", 10),
    "cmd_payload_inputs_0": ("input", 32),
    "cmd_payload_inputs_1": ("input", 32),
    "rsp_valid": ("output", 1),
    "rsp_ready": ("input", 1),
    "rsp_payload_outputs_0": ("output", 32),
}
"""Direction and width of every port of module ``Cfu``; ``reset`` is active high, synchronous."""
OWN_CLOCK = "cfu_clk"
"""Input of a CFU that has a clock of its own beside the CPU's, ``clk``."""


def ports_for(clock_percent: int) -> Mapping[str, tuple[str, int]]:
    """Return the ports of module ``Cfu``: ``PORTS``, and ``OWN_CLOCK`` where it has one.

    Args:
        clock_percent: The CFU's clock in percent of the CPU's.
    """
    if clock_percent == CPU_CLOCK_PERCENT:
        return PORTS
    return {**PORTS, OWN_CLOCK: ("input", 1)}


class ReferenceModel(Protocol):
    """What the hardware must answer, instruction by instruction, starting from reset."""

    def op(self, funct3: int, funct7: int, a: int, b: int) -> int:
        """Execute one instruction and return its answer.

        Args:
            funct3: 0 to 7; the low bits of the function id.
            funct7: 0 to 127; the high bits of the function id.
            a: First operand, 0 to 2^32 - 1.
            b: Second operand, 0 to 2^32 - 1.

        Returns:
            The answer, 0 to 2^32 - 1. Every combination of arguments has one, also those that
            the kernels never use: hardware cannot raise an exception, and must not hang.
        """
        ...


def _four(values: Values) -> int:
    del values
    return 4


def _one(values: Values) -> int:
    del values
    return 1


def _no_variables(values: Values) -> Mapping[str, object]:
    del values
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFolder:
    """C kernels that replace plain ones of the same file name.

    Attributes:
        folder: Holds ``<operator>.c.j2`` for what the CFU speeds up and, if there is one,
            ``cfu_emulation.c.j2``: a C model of the CFU (``cfu_emulate`` of cfu.h) for builds on
            the host. Without it the Verilog is the model there.
        variables: Template variables for a design.
        weight_row_align_bytes: Rows of weights are zero-padded up to a multiple of this.
        scratch_rows: Rows of ``row_bytes`` that a convolution needs as scratch memory.
    """

    folder: Path
    variables: Callable[[Values], Mapping[str, object]] = _no_variables
    weight_row_align_bytes: Callable[[Values], int] = _four
    scratch_rows: Callable[[Values], int] = _one


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """What makes a program of a network, for hardware that runs several layers at one command.

    Attributes:
        compile: Returns which layers of a network the hardware of a design runs, and what its C
            needs for it; a network without layers gives a program without segments. A layer that
            it cannot run stays the CPU's. Raises DoesNotFit where memory is too small for a layer,
            naming it, the bytes it needs and the bytes there are.
        sources: Files or folders that it depends on beside those of the family.
        room: Parameters of the family that say how large its memories are: what one value holds
            a larger one holds, too. A space leaves out what is too small for its network.
        decided_by: The other parameters that decide how much a network takes of them.
    """

    compile: Callable[[Values, Network], Program]
    sources: tuple[Path, ...] = ()
    room: tuple[str, ...] = ()
    decided_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOf:
    """A clock of the CFU's own, and what it follows from.

    It comes from the same PLL as the CPU's and keeps its ratio to that whatever both settle on, so
    that cycles do not depend on the clocks. What crosses between the two must not rely on
    the ratio: routers do not check such paths.

    Attributes:
        parameters: Those of the family that decide it.
        percent: Returns the CFU's clock in percent of the CPU's for values of these, more than
            100; or 100 for the CPU's own clock, without the port ``OWN_CLOCK``.
    """

    parameters: tuple[str, ...]
    percent: Callable[[Values], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeastOf:
    """A lower bound of what the hardware of a family takes, and what it follows from.

    Attributes:
        parameters: Those of the family that decide it. The fewer, the more of the CPU a space can
            look at together with it.
        hardware: Returns the bound for values of these.
    """

    parameters: tuple[str, ...]
    hardware: Callable[[Values], LeastHardware]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One way to build a CFU, with everything that a study needs to search over it.

    Attributes:
        name: The value of parameter ``cfu``; lower case with dashes or underscores.
        summary: One line for people.
        parameters: Choices that exist only while ``cfu`` is this family; the space adds that
            condition.
        rules: Combinations of the family's parameters that are legal.
        verilog: Returns the text of module ``Cfu`` for a design; None when there is no CFU.
            The same values give the same bytes, whatever the folder, process or time.
        model: Returns a fresh reference model for a design; None when there is no CFU, or where
            the Verilog is all that says what it answers.
        kernels: C kernels; None keeps the plain ones.
        kernel_headers: Kernels as they were written against TensorFlow Lite Micro, in the place
            of plain ones; None for none.
        compiler: Makes programs of networks; needs ``kernels``, which bring the functions of
            ``unit.h``. None leaves each layer to its kernel.
        macs_per_cycle: Returns the most multiply-accumulates that the hardware of a design does in
            a cycle of the CPU's clock, which layers are compared with; None where nobody has said
            it.
        clock: The clock that the hardware of a design has; None for the CPU's.
        least: Lower bounds of what the hardware takes of an FPGA, each by itself: a design that
            takes more than a part has is in no space. Empty where nobody has said any.
        sources: Files or folders that ``verilog`` depends on, of different names; what they
            contain is part of the key of everything that is built from it. The folder of
            ``kernels`` need not be named.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    rules: tuple[Rule, ...] = ()
    verilog: Callable[[Values], str] | None = None
    model: Callable[[Values], ReferenceModel] | None = None
    kernels: KernelFolder | None = None
    kernel_headers: KernelHeaders | None = None
    compiler: Compiler | None = None
    macs_per_cycle: Callable[[Values], float] | None = None
    clock: ClockOf | None = None
    least: tuple[LeastOf, ...] = ()
    sources: tuple[Path, ...] = ()

    def clock_percent(self, design: Values) -> int:
        """Return the clock of a design's CFU in percent of the CPU's.

        Of the design only what decides it is read: a SoC depends on nothing else of a CFU.
        """
        if self.clock is None:
            return CPU_CLOCK_PERCENT
        names = [name for name in self.clock.parameters if name in design]
        return self.clock.percent({name: design[name] for name in names})
