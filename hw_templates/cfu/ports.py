"""Whether a text of module ``Cfu`` has the ports of a CFU, and something drives each output.

What it takes a program for is only described here: yosys runs ``SCRIPT``, ``port_faults`` reads
what it writes.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from hw_templates.cfu.family import ports_for

NOT_DRIVEN_FIX = "assign the port for these values, or add a rule that forbids them"
NETLIST = "ports.json"
_NO_VALUE = {"x", "z"}


def script(source: str) -> tuple[str, ...]:
    """Return the commands of yosys that read a Verilog file and write ``NETLIST``.

    Modules that are not in the file are left to whoever builds from it.
    """
    return (
        f"read_verilog -sv {source}",
        "hierarchy -top Cfu",
        "proc",
        "flatten",
        "opt_clean",
        f"write_json {NETLIST}",
    )


def port_faults(netlist: str, *, clock_percent: int = CPU_CLOCK_PERCENT) -> Iterator[str]:
    """Yield what is wrong with the ports of module ``Cfu``, each with the port's name.

    Args:
        netlist: What yosys wrote.
        clock_percent: The CFU's clock in percent of the CPU's.
    """
    wanted = ports_for(clock_percent)
    module = json.loads(netlist)["modules"]["Cfu"]
    ports: Mapping[str, Any] = module["ports"]
    driven = _driven_bits(module)
    for name, (direction, width) in wanted.items():
        if name not in ports:
            yield f"module Cfu has no port {name}"
            continue
        found = ports[name]
        if direction == "output" and found["direction"] == "input":  # so Amaranth makes it
            yield f"nothing drives port {name} of Cfu"
        elif (found["direction"], len(found["bits"])) != (direction, width):
            yield (
                f"port {name} of Cfu is an {found['direction']} of {len(found['bits'])} bits,"
                f" not an {direction} of {width}"
            )
        elif direction == "output":
            loose = [at for at, bit in enumerate(found["bits"]) if bit not in driven]
            if loose:
                yield f"nothing drives port {name}{_range(loose, width)} of Cfu"
    for name, found in ports.items():
        if name not in wanted and found["direction"] != "output":
            yield f"nothing drives port {name} of Cfu, which no CFU has"


def _driven_bits(module: Mapping[str, Any]) -> set[int | str]:
    """Return every bit that has a value: of constants, inputs and outputs of cells.

    All bits at a cell of unknown directions count: it is somebody else's module.
    """
    driven: set[int | str] = {"0", "1"}
    for port in module["ports"].values():
        if port["direction"] != "output":
            driven.update(port["bits"])
    for cell in module["cells"].values():
        directions = cell.get("port_directions", {})
        for name, bits in cell["connections"].items():
            if directions.get(name) != "input":
                driven.update(bits)
    return driven - _NO_VALUE


def _range(bits: list[int], width: int) -> str:
    """Return which bits of a port, in brackets; nothing for all of them."""
    if len(bits) == width:
        return ""
    return f"[{bits[-1]}:{bits[0]}]" if len(bits) > 1 else f"[{bits[0]}]"
