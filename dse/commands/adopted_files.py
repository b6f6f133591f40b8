"""The files of an adopted project: a family that a person can read and edit, and a study of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dse.config.file import DEFAULT_TARGET

HARDWARE = "hardware"
KERNELS = "kernels"
FAMILY_FILE = "family.py"
STUDY_FILE = "study.toml"
TARGET = DEFAULT_TARGET
"""Of the study: the open tools go all the way there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A search parameter that stands for a parameter of the hardware.

    Attributes:
        name: Of the search parameter.
        hardware_name: Of the module's parameter.
        values: To be searched, in order; just the default where it is left alone.
        default: What the file says.
    """

    name: str
    hardware_name: str
    values: tuple[int | str, ...]
    default: int | str

    @property
    def is_searched(self) -> bool:
        """Whether there is more than one value."""
        return len(self.values) > 1


def family_text(
    *,
    name: str,
    project: str,
    top: str,
    proposals: Sequence[Proposal],
    headers: Mapping[str, str],
    sources: Sequence[str],
    defines: Mapping[str, str],
) -> str:
    """Return ``family.py``.

    Args:
        name: Of the family.
        project: Name of the adopted folder.
        top: The file of the CFU in ``hardware``; its ending says which language it is.
        proposals: The hardware's parameters.
        headers: Kernel to its header in ``kernels``.
        sources: C++ files in ``kernels``.
        defines: Macros for the kernels.
    """
    is_verilog = not top.endswith(".py")
    reader = "with_parameters" if is_verilog else "amaranth_verilog"
    module = "verilog_file" if is_verilog else "amaranth_file"
    searched = [each for each in proposals if each.is_searched]
    values = ", ".join(f'"{each.hardware_name}": values["{each.name}"]' for each in searched)
    folder = f', folder=HERE / "{HARDWARE}"' if is_verilog else ""
    lines = [
        f'"""The CFU of {project}, adopted. This file is yours: nothing writes it again."""',
        "",
        "from pathlib import Path",
        "",
        *(["from contracts.parameter import Parameter"] if searched else []),
        f"from hw_templates.cfu import Family{', KernelHeaders' if headers else ''}",
        f"from hw_templates.cfu.{module} import {reader}",
        "",
        "HERE = Path(__file__).parent",
        "",
        "FAMILY = Family(",
        f'    name="{name}",',
        f'    summary="the CFU of {project}",',
    ]
    if searched:
        lines.append("    parameters=(")
        for each in searched:
            values_text = ", ".join(map(repr, each.values))
            lines += [
                "        Parameter(",
                f'            name="{each.name}",',
                f"            values=({values_text}),",
                f"            default={each.default!r},",
                f'            description="{each.hardware_name} of the hardware; guessed values",',
                *(["            ordered=True,"] if isinstance(each.default, int) else []),
                "        ),",
            ]
        lines.append("    ),")
    lines += [
        f"    # left at their defaults: {each.hardware_name} = {each.default!r}"
        for each in proposals
        if not each.is_searched
    ]
    lines += [
        f"    verilog=lambda values: {reader}(",
        f'        HERE / "{HARDWARE}" / "{top}", {{{values}}}{folder}',
        "    ),",
        "    # no model and no emulation in C: the Verilog itself is the model on the host",
    ]
    if headers:
        lines += [
            "    kernel_headers=KernelHeaders(",
            f'        folder=HERE / "{KERNELS}",',
            "        headers={",
            *(f'            "{kernel}": "{path}",' for kernel, path in headers.items()),
            "        },",
        ]
        if defines:
            lines += [
                "        defines={",
                *(f'            "{macro}": "{value}",' for macro, value in defines.items()),
                "        },",
            ]
        if sources:
            lines.append(f"        sources=({', '.join(map(repr, sources))},),")
        lines.append("    ),")
    lines += [f'    sources=(HERE / "{HARDWARE}", Path(__file__)),', ")", ""]
    return "\n".join(lines)


def study_text(*, name: str, model: str) -> str:
    """Return ``study.toml``: the CPU alone, our family ``simd`` and the adopted one.

    Args:
        name: Of family and study.
        model: Path of the network from the file's folder.
    """
    return f"""\
# The CPU alone, our own SIMD unit and {name}: every key is in docs/reference/config.md.

[study]
name = "{name}"
trials = 16
workers = 2
seed = 1
fidelity = "synthesise"

[workload]
model = "{model}"

[target]
name = "{TARGET}"

# [objectives]  # without: latency, and the look-up tables that the target's part has

[cfu]
families = ["{FAMILY_FILE}"]

[space]
# few cores, so that each is generated once and shared; the CFU is what is searched
icache_bytes = [4096, 8192]
icache_ways = 1
icache_line_bytes = 32
dcache_bytes = [4096, 8192]
dcache_ways = 1
dcache_line_bytes = 32
multiplier = "pipelined"
divider = "iterative"
shifter = "full"
branch_prediction = "static"
bypass = true
branch_stage = "memory"
relaxed_fetch = false
cfu = ["none", "simd", "{name}"]
simd_width = [4, 8, 16]
buffer_depth = [512, 2048]
optimisation = "O2"
unroll = 4
"""


def proposal(family: str, name: str, default: int | str) -> Proposal:
    """Return a search parameter for a parameter of the hardware.

    Half and double of a power of two, either value of a flag; others are left alone.
    """
    values: tuple[int | str, ...] = (default,)
    if isinstance(default, int):
        if default in (0, 1):
            values = (0, 1)
        elif default > 1 and default & (default - 1) == 0:
            values = (default // 2, default, default * 2)
    prefix = "".join(letter if letter.isalnum() else "_" for letter in family)
    return Proposal(
        name=f"{prefix}_{name.lower()}", hardware_name=name, values=values, default=default
    )


def copy_texts(texts: Mapping[str, str], folder: Path) -> None:
    """Write texts to files below a folder."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
