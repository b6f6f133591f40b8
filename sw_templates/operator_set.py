"""Finds the operators: every file of ``sw_templates/operators``, and of folders that are named.

No list of operators is kept anywhere. A file that is no operator is an error that says why: it was
meant to be one, and a model that needs it would otherwise be refused for a reason nobody sees.
"""

import hashlib
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from contracts.faults import ConfigError
from sw_templates import operators
from sw_templates.graph.host_steps import OPTIONS
from sw_templates.layer import Layer
from sw_templates.options import KERNELS_FOLDER, PROGRAM_FOLDER
from sw_templates.tflite_file import OptionsTables

_KERNEL = re.compile(r"[a-z][a-z0-9_]*")
_SOURCES = (".py", ".j2", ".inc")
_PAGE = "see docs/how-to/add-an-operator.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSet:
    """The operators that a model may use.

    Attributes:
        layers: Their classes: those of this project by file name, then those of the folders.
        templates: Name to text of the C templates that lie beside operators outside this project,
            and of what they include.
    """

    layers: tuple[type[Layer], ...]
    templates: Mapping[str, str]

    @property
    def by_name(self) -> dict[str, type[Layer]]:
        """TFLite's name of each operator to its class, save those for int16 or int4 weights."""
        return {
            layer.operator: layer
            for layer in self.layers
            if not (layer.for_int16 or layer.for_int4)
        }

    @property
    def for_int4(self) -> dict[str, type[Layer]]:
        """TFLite's name of each operator that has a class of its own for int4 weights to that."""
        return {layer.operator: layer for layer in self.layers if layer.for_int4}

    @property
    def for_int16(self) -> dict[str, type[Layer]]:
        """TFLite's name of each operator that has a class of its own for int16 to that."""
        return {layer.operator: layer for layer in self.layers if layer.for_int16}

    @property
    def options(self) -> OptionsTables:
        """TFLite's name of each operator to its options table."""
        return {**OPTIONS, **{name: layer.options for name, layer in self.by_name.items()}}

    @property
    def kernels(self) -> frozenset[str]:
        """Names of the kernels, which are those of their C templates too."""
        return frozenset(layer.kernel for layer in self.layers)

    @property
    def scratch_rows(self) -> int:
        """The most rows of scratch memory that a plain kernel wants."""
        return max(layer.scratch_rows for layer in self.layers)


def find_operators(folders: Sequence[Path] = ()) -> OperatorSet:
    """Return the operators of this project and those in further folders.

    Args:
        folders: Each ``*.py`` in one is an operator, its ``<kernel>.c.j2`` lies beside it. The
            Python files are run.

    Raises:
        ConfigError: A folder is not there, a file is no operator, or two have the same name.
    """
    found: list[tuple[Path, type[Layer]]] = []
    templates: dict[str, str] = {}
    for module in sorted(pkgutil.iter_modules(operators.__path__), key=lambda info: info.name):
        loaded = importlib.import_module(f"{operators.__name__}.{module.name}")
        _add(found, loaded, template_folder=KERNELS_FOLDER)
    for folder in folders:
        for path in operator_files(folder):
            if path.suffix == ".py":
                _add(found, _run(path), template_folder=folder)
            else:
                _require_new_name(path, templates)
                templates[path.name] = path.read_text(encoding="utf-8")
    return OperatorSet(layers=tuple(layer for _, layer in found), templates=templates)


def operators_digest(folders: Sequence[Path]) -> str:
    """Return a hash of all that ``find_operators`` reads of ``folders``, for keys; runs nothing.

    Raises:
        ConfigError: A folder is not there.
    """
    whole = hashlib.sha256()
    for folder in folders:
        for path in operator_files(folder):
            content = path.read_bytes()
            whole.update(f"{path.name}\0{len(content)}\0".encode())
            whole.update(content)
    return whole.hexdigest()


def operator_files(folder: Path) -> list[Path]:
    """Return the files of a folder, not of those in it, that can matter: operators, C, includes."""
    if not folder.is_dir():
        raise ConfigError(
            f"there is no folder of operators {folder}",
            fix="correct the path in workload.operator_folders",
        )
    return sorted(path for path in folder.iterdir() if path.suffix in _SOURCES and path.is_file())


def _require_new_name(template: Path, known: Mapping[str, str]) -> None:
    ours = ((folder / template.name).exists() for folder in (KERNELS_FOLDER, PROGRAM_FOLDER))
    if template.name in known or any(ours):
        raise ConfigError(
            f"{template} has the name of another C template of the firmware",
            fix="rename it; a kernel is renamed together with the operator's class",
        )


def _run(path: Path) -> ModuleType:
    """Run a file as a module; from its text, since a compiled one may be of another second."""
    name = f"operator_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    except Exception as error:  # a user's file may raise anything
        del sys.modules[name]
        raise ConfigError(
            f"operator file {path} cannot be imported: {type(error).__name__}: {error}", fix=_PAGE
        ) from error
    return module


def _add(
    found: list[tuple[Path, type[Layer]]], module: ModuleType, *, template_folder: Path
) -> None:
    """Add the operator of a module."""
    path = Path(module.__file__ or module.__name__)
    layer = _operator_of(module, path, template_folder)
    for other_path, other in found:
        is_same = _tells_apart(layer) == _tells_apart(other)
        if is_same or layer.kernel == other.kernel:
            raise ConfigError(
                f"operator file {path} is {layer.operator} with the kernel {layer.kernel!r},"
                f" {other_path} is {other.operator} with {other.kernel!r}",
                fix="give each operator of TFLite one file, and each kernel a name of its own",
            )
    found.append((path, layer))


def _tells_apart(layer: type[Layer]) -> tuple[str, bool, bool]:
    return layer.operator, layer.for_int16, layer.for_int4


def _operator_of(module: ModuleType, path: Path, template_folder: Path) -> type[Layer]:
    """Return a module's OPERATOR; ConfigError says why it is none that can be used."""
    layer = getattr(module, "OPERATOR", None)
    if not (isinstance(layer, type) and issubclass(layer, Layer)):
        raise _not_an_operator(path, "names no subclass of Layer OPERATOR")
    if inspect.isabstract(layer):
        missing = ", ".join(sorted(layer.__abstractmethods__))
        raise _not_an_operator(path, f"has an OPERATOR without {missing}")
    for name in ("operator", "kernel", "structure", "prototype"):
        if not isinstance(getattr(layer, name, None), str):
            raise _not_an_operator(path, f"has an OPERATOR without the text {name!r}")
    kernel = layer.kernel
    if not _KERNEL.fullmatch(kernel):
        raise _not_an_operator(
            path, f"has the kernel {kernel!r}, which does not match {_KERNEL.pattern}"
        )
    for name, text, wanted in (
        ("structure", layer.structure, f"struct {kernel}_layer {{"),
        ("prototype", layer.prototype, f"void {kernel}(const struct {kernel}_layer *layer,"),
    ):
        if wanted not in text:
            raise _not_an_operator(path, f"has a {name} without {wanted!r}")
    template = template_folder / f"{kernel}.c.j2"
    if not template.is_file():
        raise _not_an_operator(path, f"has the kernel {kernel!r}, but there is no {template}")
    return layer


def _not_an_operator(path: Path, what: str) -> ConfigError:
    return ConfigError(f"operator file {path} {what}", fix=_PAGE)
