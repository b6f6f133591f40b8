"""What a stranger's Verilog of a CFU is: where module ``Cfu`` is, its parameters, ports and clocks.

Called once, when a project is adopted. yosys computes the parameters' values; the rest is read from
the text, so that a message can name a line.
"""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError, DoesNotBuild
from hw_templates.cfu.family import PORTS
from hw_templates.cfu.verilog_elaboration import complaint, elaborate
from hw_templates.cfu.verilog_source import (
    VerilogSource,
    modules_in,
    read_source,
    verilog_files,
    without_comments,
)

_NETLIST = "dse_cfu.json"
_CLOCKS = ("CLK", "C", "WR_CLK", "RD_CLK")
"""Ports of yosys' cells that are clocks."""
_PROBE = "dse_parameter_"
_TEXT_BITS = 8 * 256
"""Longest text that a parameter can have here."""
_MARK = "cmd_payload_function_id"
"""A port that no other module has by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CfuFacts:
    """What was found.

    Attributes:
        source: The files.
        parameters: Name to default, of every parameter that can be set.
        notes: What a person should know and need not change.
    """

    source: VerilogSource
    parameters: Mapping[str, int | str]
    notes: tuple[str, ...]


def inspect_cfu(folder: Path) -> CfuFacts:
    """Return what the Verilog in a folder is.

    Args:
        folder: Nothing outside of it is read.

    Raises:
        ConfigError: There is no module ``Cfu``, or not with the ports of a CFU, or a parameter has
            no default.
        DoesNotBuild: It does not build, whatever the parameters are.
        ToolTimeout: yosys did not end.
    """
    top, others = _top_file(folder)
    source = read_source(folder / top, folder=folder)
    text = without_comments(source.texts[top])
    _require_defaults(top, text)
    module, is_slang = _elaborated(source)
    place = f"{top}:{_line_of_module(text, 'Cfu')}"
    unread = _require_ports(top, place, text, module)
    parameters = (
        _probed_parameters(source, text)
        if is_slang
        else {
            name: _value(value)
            for name, value in module.get("parameter_default_values", {}).items()
        }
    )
    notes = [f"{name} also has a module Cfu and was not taken" for name in others]
    if is_slang:
        notes.append("yosys reads it as SystemVerilog, by slang: its own reader does not take it")
    notes += [f"port {name} is no port of a CFU; it reads nothing there" for name in unread]
    notes += _notes_of_clocks(module)
    notes += [
        f"port {name} is no port of a CFU; nothing reads it"
        for name, port in module["ports"].items()
        if name not in PORTS and port["direction"] == "output"
    ]
    return CfuFacts(source=source, parameters=parameters, notes=tuple(notes))


def _top_file(folder: Path) -> tuple[str, list[str]]:
    """Return the file that has module ``Cfu``, and others that have one, too."""
    found, named, real = [], [], folder.resolve()
    for name in verilog_files(folder, is_deep=True):
        if not (folder / name).resolve().is_relative_to(real):
            if Path(name).stem == "cfu":
                read_source(folder / name, folder=folder)  # which says what is wrong with it
            continue
        text = (folder / name).read_text(encoding="utf-8", errors="replace")
        if "Cfu" in modules_in(text):
            found.append(name)
        elif _MARK in text:
            named.append((name, text))
    if not found:
        for name, text in named:
            plain = without_comments(text)
            for module in modules_in(text):
                if _MARK in _header(plain, module):
                    raise ConfigError(
                        f"{name}:{_line_of_module(plain, module)}: the module with the ports of"
                        f" a CFU is called {module}, not Cfu",
                        fix="rename it to Cfu: that is the name that the SoC instantiates",
                    )
        raise ConfigError(
            f"no Verilog file in {folder.name} has a module Cfu",
            fix="name the folder that holds cfu.v or cfu.sv; its module is to be called Cfu",
        )
    found.sort(key=lambda name: (Path(name).stem != "cfu", name.count("/"), name))
    return found[0], found[1:]


def _header(text: str, module: str) -> str:
    """Return a module up to the end of its ports."""
    start = re.search(rf"\bmodule\s+{module}\b", text)
    if start is None:
        return ""
    end = text.find("endmodule", start.start())
    return text[start.start() : end if end >= 0 else len(text)]


def _line_of_module(text: str, module: str) -> int:
    return _line(text, rf"module\s+{module}")


def _line(text: str, pattern: str) -> int:
    found = re.search(rf"\b{pattern}\b", text)
    return 1 if found is None else text.count("\n", 0, found.start()) + 1


def _require_defaults(top: str, text: str) -> None:
    """Refuse a parameter of ``Cfu`` without a default."""
    module = _header(text, "Cfu")
    begin = text.find(module)
    for found in re.finditer(r"\bparameter\b([^;)]*)", module):
        for each in _parts(found[1]):
            name = _parameter_name(each)
            if "=" in each or name is None:
                continue
            at = begin + found.start(1) + found[1].find(each) + each.find(name)
            line = text.count("\n", 0, at) + 1
            raise ConfigError(
                f"{top}:{line}: parameter {name} of module Cfu has no default",
                fix=f"give it one, for example parameter {name} = 4: a search starts there",
            )


def _parts(text: str) -> Sequence[str]:
    """Return what stands between the commas that are in no brackets."""
    parts, depth, last = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(text[last:at])
            last = at + 1
    return [*parts, text[last:]]


def _elaborated(source: VerilogSource) -> tuple[Mapping[str, Any], bool]:
    """Return module ``Cfu`` of a source as yosys writes it, and whether slang read it.

    Raises:
        DoesNotBuild: Neither reader takes the files.
    """
    with tempfile.TemporaryDirectory(prefix="dse-adopt-") as temporary:
        done = elaborate(
            source,
            top="Cfu",
            script=("proc", "flatten", "opt_clean", f"write_json {_NETLIST}"),
            written=_NETLIST,
            scratch=Path(temporary),
        )
    if done.text is None:
        found = complaint(done.said)
        place, what = found or ("", "yosys ended without a word")
        raise DoesNotBuild(
            f"{place}: {what}" if place else what,
            fix="correct the file; yosys must take it",
            detail=done.said[-2000:],
        )
    modules = json.loads(done.text)["modules"]
    return next(each for name, each in modules.items() if name.split("$")[0] == "Cfu"), (
        done.is_slang
    )


def _probed_parameters(source: VerilogSource, text: str) -> dict[str, int | str]:
    """Return the defaults of the parameters of ``Cfu`` where yosys does not write them.

    Each drives a wire that is added to the module for that.

    Args:
        source: What slang takes.
        text: Of the top file, without comments.
    """
    module = _header(text, "Cfu")
    names = {
        name: each.partition("=")[2].strip()
        for found in re.finditer(r"\bparameter\b(?!\s+type\b)([^;)]*)", module)
        for each in _parts(found[1])
        if (name := _parameter_name(each))
    }
    probes = "".join(
        f"(* keep *) wire [{_TEXT_BITS - 1 if default.startswith(chr(34)) else 31}:0]"
        f" {_PROBE}{name} = {name};"
        for name, default in names.items()
    )
    end = text.find("endmodule", text.find(module))
    whole = source.texts[source.top]
    texts = {**source.texts, source.top: f"{whole[:end]}{probes}{whole[end:]}"}
    netlist, _ = _elaborated(replace(source, texts=texts))
    values: dict[str, int | str] = {}
    for name, default in names.items():
        bits = "".join(map(str, reversed(netlist["netnames"][_PROBE + name]["bits"])))
        if default.startswith('"'):
            number = int(bits, 2)
            values[name] = number.to_bytes(_TEXT_BITS // 8, "big").lstrip(b"\0").decode()
        else:
            values[name] = _value(bits)
    return values


def _parameter_name(declaration: str) -> str | None:
    """Return the name in ``int unsigned [3:0] LANES = 4``; None where there is none."""
    name = re.search(r"(\w+)\s*(?:\[[^\]]*\]\s*)?$", declaration.split("=")[0].strip())
    return None if name is None or name[1] == "parameter" else name[1]


def _require_ports(top: str, place: str, text: str, module: Mapping[str, Any]) -> list[str]:
    """Refuse ports that are no CFU's; return the inputs more that the module does not read."""
    faults, fixes, unread = [], [], []
    ports = module["ports"]
    read = {
        bit
        for each in (
            *(bits for cell in module["cells"].values() for bits in cell["connections"].values()),
            *(port["bits"] for port in ports.values() if port["direction"] == "output"),
        )
        for bit in each
    }
    for name, (direction, width) in PORTS.items():
        found = ports.get(name)
        if found is None:
            faults.append(f"{place}: module Cfu has no port {name}")
            fixes.append(f"declare {direction} {f'[{width - 1}:0] ' if width > 1 else ''}{name}")
        elif (found["direction"], len(found["bits"])) != (direction, width):
            faults.append(
                f"{top}:{_line(text, name)}: port {name} of Cfu is an {found['direction']} of"
                f" {len(found['bits'])} bits, not an {direction} of {width}"
            )
            fixes.append(f"declare {direction} {f'[{width - 1}:0] ' if width > 1 else ''}{name}")
    for name, port in ports.items():
        if name in PORTS or port["direction"] == "output":
            continue
        if port["direction"] == "input" and read.isdisjoint(port["bits"]):
            unread.append(name)
            continue
        is_clock = "clk" in name.lower() or "clock" in name.lower()
        kind = "a second clock" if is_clock else "an extra port"
        faults.append(f"{top}:{_line(text, name)}: {kind}, {name}, which nothing drives")
        fixes.append(
            f"clock what {name} clocks by clk"
            if is_clock
            else f"take {name} out, or make it a wire of the module with a value"
        )
    if faults:
        raise ConfigError("; ".join(faults), fix="; ".join(dict.fromkeys(fixes)))
    return unread


def _notes_of_clocks(module: Mapping[str, Any]) -> list[str]:
    """Return what is to be said of registers that not every rise of ``clk`` clocks."""
    clock = module["ports"]["clk"]["bits"][0]
    names = {
        bit: name for name, net in module["netnames"].items() for bit in net["bits"] if net["bits"]
    }
    other, falling = set(), False
    for cell in module["cells"].values():
        for port in _CLOCKS:
            for bit in cell["connections"].get(port, ()):
                if bit in ("0", "1", "x"):
                    continue
                if bit != clock:
                    other.add(names.get(bit, str(bit)))
                polarity = str(cell.get("parameters", {}).get("CLK_POLARITY", "1"))
                falling |= port == "CLK" and polarity.strip("0") == ""
    notes = [
        f"registers are clocked by {name} beside clk: its clock is not constrained"
        for name in sorted(other)
    ]
    if falling:
        notes.append("registers are clocked by the fall of clk: they have half a cycle")
    return notes


def _value(text: str) -> int | str:
    """Return a parameter's value of yosys' JSON: bits, or a text."""
    if re.fullmatch(r"[01]{2,}|[01]", text):
        number = int(text, 2)
        is_negative = len(text) == 32 and text.startswith("1")
        return number - 2**32 if is_negative else number
    return text.rstrip() if re.fullmatch(r"[01xz ]+ ", text) else text
