"""Modules that a design has many times: converted and synthesised once, then only named."""

import re

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, Signal, Value
from amaranth.lib import wiring

from hw_templates.cfu.verilog import convert

_LISTED_ZEROS = re.compile(r"  initial begin\n((?:    words\[\d+\] = \d+'[hd]0+;\n)+)  end\n")


def with_looped_zeros(text: str) -> str:
    """Return Verilog whose memories ``words`` are set to zero by a loop, not word by word.

    Of a list of thousands of words Verilator makes megabytes of C++, and the compiler minutes.
    """

    def loop(found: re.Match[str]) -> str:
        depth = found[1].count("\n")
        count = f"for (zeroed = 0; zeroed < {depth}; zeroed = zeroed + 1)"
        return f"  integer zeroed;\n  initial {count} words[zeroed] = 0;\n"

    return _LISTED_ZEROS.sub(loop, text)


class SharedModule:
    """A module without a reset, and the places where it stands.

    Synthesis keeps it a module (``keep_hierarchy``): it is synthesised once, and registers that
    copy what all of them read are not merged again.

    Args:
        name: Of the module in Verilog.
        component: What it is; its registers start at their initial values.
    """

    def __init__(self, name: str, component: wiring.Component) -> None:
        self._name = name
        self._component = component

    def instance(self, m: Module, name: str) -> "Ports":
        """Put the module into another one.

        Args:
            m: The module that gets a submodule.
            name: Of the submodule.
        """
        signals = {}
        connections = {"i_clk": ClockSignal()}
        for port, member in self._component.signature.members.items():
            # without a reset, as the module: a block RAM's own register can be what drives it
            signals[port] = Signal(member.shape, name=f"{name}_{port}", reset_less=True)
            direction = "i" if member.flow is wiring.In else "o"
            connections[f"{direction}_{port}"] = Value.cast(signals[port])
        m.submodules[name] = Instance(self._name, **connections)
        return Ports(signals)

    def verilog(self) -> str:
        """Return the text of the module."""
        domain = ClockDomain("sync", reset_less=True)
        domain.clk = Signal(name="clk")
        top = Module()
        top.domains += domain
        top.submodules.only = self._component
        ports = [getattr(self._component, name) for name in self._component.signature.members]
        text = convert(top, self._name, [domain.clk, *(Value.cast(port) for port in ports)])
        return text.replace(f"module {self._name}(", f"(* keep_hierarchy *)\nmodule {self._name}(")


class Ports:
    """The ports of one instance, as signals by name."""

    def __init__(self, signals: dict[str, Signal]) -> None:
        self._signals = signals

    def __getattr__(self, name: str) -> Signal:
        return self._signals[name]
