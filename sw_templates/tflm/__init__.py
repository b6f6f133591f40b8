"""Kernels as somebody wrote them for TensorFlow Lite Micro, compiled against a shim of our own.

``include/`` has what such headers use of TensorFlow Lite Micro, of CFU-Playground and of the C++
library, none of which is there for a bare-metal core. ``kernels/`` has a C++ function for each of
our kernels that calls the function of a header instead.
"""

import re
import shutil
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from contracts.faults import ConfigError
from contracts.kernel_headers import KernelHeaders
from sw_templates.layer import Layer, ReferenceKernel
from sw_templates.operator_set import find_operators

_HERE = Path(__file__).parent
INCLUDE_FOLDER = "tflm"
"""Of a firmware: the shim."""
ADOPTED_FOLDER = "adopted"
"""Of a firmware: the headers as they are."""
SUPPORT = "tflm_support.cc"

OURS = frozenset({"cfu.h", "perf.h", "riscv.h"})
"""Headers that say how the hardware is reached: those of a firmware stand for anybody's."""
_ROOTS = ("tensorflow/lite", "tflite")
_TFLM_HEADERS = (
    *("c/common.h", "core/c/common.h", "core/macros.h", "kernels/op_macros.h"),
    *("kernels/kernel_util.h", "micro/micro_log.h", "micro/micro_utils.h"),
    *(
        f"kernels/internal/{name}.h"
        for name in (
            *("common", "compatibility", "cppmath", "max", "min", "portable_tensor"),
            *("portable_tensor_utils", "quantization_util", "reference/portable_tensor_utils"),
            *("runtime_shape", "tensor_ctypes", "tensor_utils", "types"),
        )
    ),
)
_FORWARDED = {
    "tflm.h": (
        *(f"{root}/{name}" for root in _ROOTS for name in _TFLM_HEADERS),
        *("fixedpoint/fixedpoint.h", "ruy/profiler/instrumentation.h"),
    ),
    "std_shim.h": (
        *("algorithm", "array", "cmath", "cstddef", "cstdint", "cstdlib", "cstring"),
        *("initializer_list", "limits", "numeric", "type_traits", "utility", "climits"),
    ),
    "stdio.h": ("cstdio",),
    "assert.h": ("cassert",),
    "playground_util/silent.h": (
        *("playground_util/print_params.h", "playground_util/murmurhash.h"),
        *("playground_util/dump.h", "tf_util/print_params.h", "tf_util/murmurhash.h"),
    ),
}
"""Headers of the shim to the names by which kernels include them."""


def reference_kernels() -> Mapping[str, ReferenceKernel]:
    """Return our kernels for which a header can stand, and what it must be."""
    return {
        layer.kernel: layer.reference
        for layer in find_operators().layers
        if layer.reference is not None
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What of a firmware is C++.

    Attributes:
        sources: Files to compile, relative to the firmware's folder.
        flags: Include path and macros.
    """

    sources: tuple[str, ...]
    flags: tuple[str, ...]


def write_kernels(
    headers: KernelHeaders, *, layers: Sequence[Layer], used: Container[str], out: Path
) -> Adopted:
    """Write the C++ of a firmware: the shim, the headers as they are, and who calls them.

    Args:
        headers: What somebody wrote.
        layers: Of the network.
        used: The kernels that a layer is run by.
        out: Folder of the firmware.

    Raises:
        ConfigError: A header is not there, or lacks a function that a layer needs.
    """
    known = reference_kernels()
    if unknown := sorted(headers.headers.keys() - known.keys()):
        raise ConfigError(
            f"no header can stand for the kernels {', '.join(unknown)}",
            fix=f"headers can stand for {', '.join(known)}",
        )
    write_shim(out / INCLUDE_FOLDER)
    adopted = out / ADOPTED_FOLDER
    shutil.rmtree(adopted, ignore_errors=True)
    for path in sorted(headers.folder.rglob("*")):
        if path.is_file() and path.name not in OURS:
            target = adopted / path.relative_to(headers.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(_HERE / "support.cc", out / SUPPORT)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "kernels"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # C++, not HTML
    )
    sources = [SUPPORT, *(f"{ADOPTED_FOLDER}/{name}" for name in headers.sources)]
    for kernel, header in sorted(headers.headers.items()):
        if kernel not in used:
            continue
        functions = functions_of(headers.folder, header)
        for layer in layers:
            if layer.kernel == kernel:
                _require_functions(header, functions, layer)
        text = environment.get_template(f"{kernel}.cc.j2").render(
            header=header, functions=functions
        )
        (out / f"{kernel}.cc").write_text(text, encoding="utf-8")
        sources.append(f"{kernel}.cc")
    return Adopted(
        sources=tuple(sources),
        flags=(
            *(f"-D{name}={value}" for name, value in sorted(headers.defines.items())),
            *("-nostdinc++", f"-I{ADOPTED_FOLDER}", f"-I{INCLUDE_FOLDER}", "-I."),
        ),
    )


def write_shim(folder: Path) -> None:
    """Write the headers of the shim, under every name by which kernels include them."""
    shutil.copytree(_HERE / "include", folder, dirs_exist_ok=True)
    for real, names in _FORWARDED.items():
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            up = "../" * name.count("/")
            path.write_text(f'#pragma once\n#include "{up}{real}"\n', encoding="utf-8")


def functions_of(folder: Path, header: str) -> frozenset[str]:
    """Return every name that is called or defined in a header or in what it includes of its own.

    Args:
        folder: Root of the include path.
        header: Path in it.

    Raises:
        ConfigError: It is not there.
    """
    names: set[str] = set()
    for text in _texts(folder, header):
        names.update(re.findall(r"\b([A-Za-z_]\w*)\s*\(", text))
    return frozenset(names)


def _texts(folder: Path, header: str) -> Iterator[str]:
    """Yield a header's text, then those of the files in the folder that it includes."""
    if not (folder / header).is_file():
        raise ConfigError(
            f"there is no header {header} in {folder.name}",
            fix="correct the path in the family's kernel_headers",
        )
    waiting, seen = [folder / header], set[Path]()
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        text = path.read_text(encoding="utf-8", errors="replace")
        yield text
        for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, re.MULTILINE):
            waiting += [path.parent / name, folder / name]


def _require_functions(header: str, functions: frozenset[str], layer: Layer) -> None:
    assert layer.reference is not None
    for names in ((layer.reference.function,), layer.further_reference_functions()):
        if names and functions.isdisjoint(names):
            raise ConfigError(
                f"{header} does not define {' or '.join(names)}, which layer {layer.name} needs",
                fix=f"define it as TensorFlow Lite Micro does, or leave {layer.kernel} out of the"
                " family's kernel_headers, and our own kernel runs such layers",
            )


_MISSING = (
    re.compile(r"(\S+?:\d+):\d+: (?:fatal )?error: (\S+): No such file or directory"),
    re.compile(r"(\S+?:\d+):\d+: error: ['‘](.+?)['’] (?:was not declared|does not name a type)"),
    re.compile(
        r"(\S+?:\d+):\d+: error: ['‘](.+?)['’] (?:is not a member of|has not been declared)"
    ),
    re.compile(r"(\S+?:\d+):\d+: error: .* has no member named ['‘](.+?)['’]"),
    re.compile(r"(\S+?:\d+):\d+: error: there are no arguments to ['‘](.+?)['’]"),
    re.compile(r"(\S+?): in function .*: undefined reference to [`‘](.+?)['’]"),
    re.compile(r"(\S+?):\(.*: undefined reference to [`‘](.+?)['’]"),
)


def missing_symbol(said: str) -> tuple[str, str] | None:
    """Return where a compiler or linker missed something, and what; None where it missed nothing.

    Args:
        said: Its output.
    """
    found = [match for pattern in _MISSING if (match := pattern.search(said))]
    if not found:
        return None
    first = min(found, key=lambda match: match.start())
    return first[1].removeprefix(f"{ADOPTED_FOLDER}/"), first[2]
