"""Registers of an ECP5's multipliers and block RAMs, which yosys leaves unused.

yosys gives a MULT18X18D or a DP16KD no output register: what is registered behind one goes into
flip-flops of the fabric. A block RAM takes 5.7 ns from its clock to its output then, and a product
has a wire, the multiplier and another wire in one cycle. ``absorb_output_registers`` moves such
registers into the block where nothing else reads its output.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

Module = dict[str, Any]
_CLOCKED_OUTPUTS = {
    "MULT18X18D": {"": re.compile(r"P\d+")},
    "DP16KD": {"A": re.compile(r"DOA\d+"), "B": re.compile(r"DOB\d+")},
}
"""Outputs that share a register's clock, by the suffix of what belongs to them."""
_WIDE_READ = 36
"""A read of so many bits takes the outputs of both ports."""


def absorb_output_registers(netlist: dict[str, Any], *, top: str) -> int:
    """Move flip-flops behind multipliers and block RAMs into them.

    Only those go that load in every cycle, have no reset and start at 0, on a block's own clock:
    they are what the block's register is.

    Args:
        netlist: As yosys' ``write_json`` writes it; changed in place.
        top: Name of its top module.

    Returns:
        How many flip-flops the whole design has less.
    """
    gone = {name: _absorb(module) for name, module in netlist["modules"].items()}
    return sum(gone[name] for name in _instances(netlist["modules"], top))


def _instances(modules: Mapping[str, Module], name: str) -> Iterator[str]:
    """Yield the name of each module as often as it stands in the design."""
    yield name
    for cell in modules[name].get("cells", {}).values():
        if cell["type"] in modules:
            yield from _instances(modules, cell["type"])


def _absorb(module: Module) -> int:
    cells = module.get("cells", {})
    readers: dict[int, list[str]] = defaultdict(list)
    for port in module.get("ports", {}).values():
        for bit in port["bits"]:
            readers[bit].append("")  # no cell of this module
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"].get(port) != "output":
                for bit in bits:
                    readers[bit].append(name)
    gone: set[str] = set()
    for cell in list(cells.values()):
        sides = _CLOCKED_OUTPUTS.get(cell["type"])
        if sides is None or not _is_plain(cell):
            continue
        found = {side: _registers(cells, readers, cell, outputs) for side, outputs in sides.items()}
        used = {side: flops for side, flops in found.items() if flops != {}}
        is_wide = len(used) > 1 and _WIDE_READ in (_width(cell, "A"), _width(cell, "B"))
        if is_wide and None in used.values():
            continue
        for side, flops in used.items():
            if flops is not None and _take(cells, cell, side, flops):
                gone |= set(flops.values())
    for name in gone:
        del cells[name]
    return len(gone)


def _is_plain(cell: Mapping[str, Any]) -> bool:
    """Return whether a block has no output register yet."""
    parameters = cell.get("parameters", {})
    return all(
        parameters.get(name, "NONE") in ("NONE", "NOREG")
        for name in ("REG_OUTPUT_CLK", "REG_PIPELINE_CLK", "REGMODE_A", "REGMODE_B")
    )


def _width(cell: Mapping[str, Any], port: str) -> int:
    return int(str(cell["parameters"].get(f"DATA_WIDTH_{port}", "0")), 2)


def _registers(
    cells: Mapping[str, Any],
    readers: Mapping[int, list[str]],
    cell: Mapping[str, Any],
    outputs: re.Pattern[str],
) -> dict[str, str] | None:
    """Return the flip-flop behind each output that is read; None where something else reads one."""
    found: dict[str, str] = {}
    for port, bits in cell["connections"].items():
        if not outputs.fullmatch(port) or not bits:
            continue
        behind = readers.get(bits[0], [])
        if not behind:
            continue
        if len(behind) > 1 or not _is_register(cells.get(behind[0]), bits[0]):
            return None
        found[port] = behind[0]
    return found


def _is_register(cell: Mapping[str, Any] | None, bit: int) -> bool:
    """Return whether a cell is a flip-flop that loads ``bit`` in every cycle and starts at 0."""
    if cell is None or cell["type"] != "TRELLIS_FF" or cell["connections"].get("DI") != [bit]:
        return False
    parameters, connections = cell["parameters"], cell["connections"]
    return (
        parameters.get("CLKMUX", "CLK") == "CLK"
        and parameters.get("REGSET", "RESET") == "RESET"
        and parameters.get("CEMUX", "1").strip() == "1"
        and connections.get("LSR", ["0"]) in (["0"], [])
        and "keep" not in cell.get("attributes", {})
    )


def _take(
    cells: Mapping[str, Any], cell: dict[str, Any], side: str, flops: Mapping[str, str]
) -> bool:
    """Give a block the registers behind one side of its outputs, if they have one clock."""
    clocks = {tuple(cells[name]["connections"]["CLK"]) for name in flops.values()}
    connections, parameters = cell["connections"], cell["parameters"]
    if len(clocks) != 1:
        return False
    clock = list(clocks.pop())
    if side:
        if connections.get(f"CLK{side}") != clock:
            return False
        if any(connections.get(f"CLK{port}") not in (clock, ["0"]) for port in "AB"):
            return False
        if connections.get(f"RST{side}", ["0"]) not in (["0"], []):  # it resets both
            return False
        parameters[f"REGMODE_{side}"] = "OUTREG"
        added = {f"OCE{side}": ["1"]}
    else:
        parameters |= {
            "REG_OUTPUT_CLK": "CLK0",
            "REG_OUTPUT_CE": "CE0",
            "REG_OUTPUT_RST": "RST0",
        }
        added = {"CLK0": clock, "CE0": ["1"], "RST0": ["0"]}
    connections |= added
    cell["port_directions"] |= dict.fromkeys(added, "input")
    for port, name in flops.items():
        connections[port] = list(cells[name]["connections"]["Q"])
    return True
