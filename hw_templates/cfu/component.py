"""From an Amaranth component to the text of module ``Cfu``."""

from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw_templates.cfu.family import OWN_CLOCK, PORTS
from hw_templates.cfu.verilog import convert


class CfuComponent(wiring.Component):
    """Base of CFUs written in Amaranth: the ports, and nothing else.

    Members:
        cmd_valid, cmd_ready (In, Out): A command is taken in a cycle in which both are high.
        cmd_payload_function_id (In, 10): funct7 above funct3.
        cmd_payload_inputs_0, cmd_payload_inputs_1 (In, 32): Operands rs1 and rs2.
        rsp_valid, rsp_ready (Out, In): An answer is given in a cycle in which both are high, in
            the cycle of its command or later; one answer per command, in order. ``rsp_valid``
            must not wait for ``rsp_ready``, ``cmd_ready`` may follow it.
        rsp_payload_outputs_0 (Out, 32): The answer; stable while ``rsp_valid`` is high.
    """

    def __init__(self) -> None:
        directions = {"input": In, "output": Out}
        super().__init__(
            {
                name: directions[direction](width)
                for name, (direction, width) in PORTS.items()
                if name not in ("clk", "reset")
            }
        )

    @property
    def funct3(self) -> Signal:
        """The low three bits of the function id."""
        return self.cmd_payload_function_id[:3]

    @property
    def funct7(self) -> Signal:
        """The high seven bits of the function id."""
        return self.cmd_payload_function_id[3:]


def to_verilog(component: CfuComponent, *, own_clock: str | None = None) -> str:
    """Return module ``Cfu`` around ``component``, clocked by ``clk``.

    The text depends on nothing but the component: no paths, no dates.

    Args:
        component: What it is.
        own_clock: Domain that port ``cfu_clk`` clocks; the component drives its reset. None for a
            CFU without that port.
    """
    domain = ClockDomain("sync")
    domain.clk = Signal(name="clk")
    domain.rst = Signal(name="reset")
    top = Module()
    top.domains += domain
    top.submodules.cfu = component
    ports = [domain.clk, domain.rst, *(getattr(component, name) for name in _own_ports())]
    if own_clock is not None:
        own = ClockDomain(own_clock)
        own.clk = Signal(name=OWN_CLOCK)
        top.domains += own
        ports.append(own.clk)
    return convert(top, "Cfu", ports)


def _own_ports() -> tuple[str, ...]:
    return tuple(name for name in PORTS if name not in ("clk", "reset"))
