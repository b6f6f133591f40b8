"""Which CFU families a study has: the built-in ones and those that its config brings.

There is no list of all families: whoever needs some loads them from the modules that a config
names and is given a value of its own. What one study loads, no other one sees.
"""

import functools
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from contracts.faults import ConfigError
from contracts.parameter import Parameter
from hw_templates.cfu import engine, none, simd, stream
from hw_templates.cfu.family import Family

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_HOW_TO = "see docs/how-to/add-a-cfu-family.md: FAMILY = Family(name=..., ...)"

_handed_over: ContextVar[list[Family] | None] = ContextVar("_handed_over", default=None)
"""What the module that is being imported by ``load_families`` registered; None outside."""


class Families(Mapping[str, Family]):
    """Families by name, in order, such that all of them fit into one design space. Never changes.

    Args:
        families: The same family given twice counts once.

    Raises:
        ConfigError: A name is malformed or used twice, a family has a model or kernels without
            hardware, or kernels without their folder, or two families have a parameter of one name
            with different values.
    """

    def __init__(self, families: Iterable[Family]) -> None:
        by_name: dict[str, Family] = {}
        for family in families:
            known = by_name.get(family.name)
            if known is family:
                continue
            _require_consistent(family)
            if known is not None:
                raise ConfigError(
                    f"there are two different CFU families of the name {family.name!r}",
                    fix="give one of them another name",
                )
            for other in by_name.values():
                _require_compatible(family, other)
            by_name[family.name] = family
        self._by_name = by_name

    def __getitem__(self, name: str) -> Family:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str) -> Family:
        """Return one family.

        Raises:
            ConfigError: There is no family of that name.
        """
        if name not in self._by_name:
            raise ConfigError(
                f"unknown CFU family {name!r}; there are {', '.join(self._by_name)}",
                fix="correct the name, or name the module that declares it under [cfu] families",
            )
        return self._by_name[name]


def load_families(modules: Sequence[str]) -> Families:
    """Return the built-in families and those that Python modules declare.

    A module declares ``FAMILY``, or several as ``FAMILIES``. It is imported, so its code runs: a
    caller that got the names from a database has asked the person first (``dse.config.trust``).
    A file is imported once for each content that it has; the same names give equal values.

    Args:
        modules: Dotted names of importable modules, and paths of ``.py`` files.

    Raises:
        ConfigError: A module cannot be imported or declares no family, or ``Families`` refuses
            what it declares.
    """
    if not modules:
        return BUILT_IN
    own = [family for module in modules for family in _declared_in(module)]
    return Families([*BUILT_IN.values(), *own])


def register(family: Family) -> Family:
    """Declare a family from within the module that ``load_families`` is importing.

    The older way to say ``FAMILIES = (family,)``. Outside such an import nothing happens, since
    there is no list that a family could join.
    """
    handed_over = _handed_over.get()
    if handed_over is not None:
        handed_over.append(family)
    return family


def _declared_in(module: str) -> tuple[Family, ...]:
    """Return the families of a module, each with the file that declares it among its sources."""
    if not module.endswith(".py"):
        return _declared_in_module(module)
    path = Path(module).resolve()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _not_importable(module, error) from error
    return _declared_in_file(path, hashlib.sha256(content).hexdigest())


@functools.cache
def _declared_in_module(name: str) -> tuple[Family, ...]:
    collected: list[Family] = []
    loaded = _imported(name, lambda: importlib.import_module(name), collected)
    return _families_of(name, loaded, collected)


@functools.cache
def _declared_in_file(path: Path, digest: str) -> tuple[Family, ...]:
    # the name tells equally named files of two folders and two contents of one file apart
    where = hashlib.sha256(f"{path}\0{digest}".encode()).hexdigest()[:16]
    name = f"cfu_family_{path.stem}_{where}"

    def execute() -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look themselves up there
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    collected: list[Family] = []
    return _families_of(str(path), _imported(str(path), execute, collected), collected)


def _imported(name: str, execute: Callable[[], ModuleType], collected: list[Family]) -> ModuleType:
    """Import a module; families that it registers meanwhile go to ``collected``."""
    token = _handed_over.set(collected)
    try:
        return execute()
    except Exception as error:  # a user's module may raise anything
        raise _not_importable(name, error) from error
    finally:
        _handed_over.reset(token)


def _not_importable(name: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"CFU module {name!r} cannot be imported: {type(error).__name__}: {error}",
        fix="give a dotted name that Python can import from here, or the path of a .py file",
    )


def _families_of(name: str, module: ModuleType, registered: Sequence[Family]) -> tuple[Family, ...]:
    several = getattr(module, "FAMILIES", ())
    declared = [*several] if isinstance(several, tuple | list) else [several]
    declared += [module.FAMILY] if hasattr(module, "FAMILY") else []
    declared += registered
    if not declared or not all(isinstance(family, Family) for family in declared):
        raise ConfigError(
            f"module {name!r} has no CFU family under the name FAMILY, or something else there",
            fix=_HOW_TO,
        )
    distinct = {id(family): family for family in declared}.values()
    file = Path(str(module.__file__))
    return tuple(_with_source(family, file) for family in distinct)


def _with_source(family: Family, file: Path) -> Family:
    """Return the family with the file that declares it among its sources.

    Parameters, kernel variables and the call that makes the Verilog stand there; a change of it
    must not find what was built before.
    """
    known = {source.resolve() for source in family.sources}
    is_covered = not known.isdisjoint((file.resolve(), *file.resolve().parents))
    if is_covered or not known or BUILT_IN.get(family.name) is family:
        return family
    return replace(family, sources=(*family.sources, file))


def _require_consistent(family: Family) -> None:
    if not _NAME.fullmatch(family.name):
        raise ConfigError(
            f"CFU family name {family.name!r} does not match {_NAME.pattern}",
            fix="use lower case letters, digits, dashes and underscores",
        )
    if family.verilog is None and family.model is not None:
        raise ConfigError(
            f"CFU family {family.name!r} has a reference model, but no hardware",
            fix="give verilog, or leave out model for a design without a CFU",
        )
    for kernels in (family.kernels, family.kernel_headers):
        if kernels is None:
            continue
        if family.verilog is None:
            raise ConfigError(
                f"CFU family {family.name!r} has kernels, but no hardware that they could use",
                fix="give verilog; kernels that need no CFU belong into an operator of your own"
                " (docs/how-to/add-an-operator.md)",
            )
        if not kernels.folder.is_dir():
            raise ConfigError(
                f"CFU family {family.name!r} names the folder of kernels {kernels.folder},"
                " and there is none",
                fix="correct the path: Path(__file__).parent / 'kernels' starts at the module",
            )
    if family.compiler is not None and family.kernels is None:
        raise ConfigError(
            f"CFU family {family.name!r} compiles networks, but has no C that runs the programs",
            fix="give kernels with the functions of unit.h (docs/how-to/add-a-cfu-family.md)",
        )
    if family.verilog is not None and not family.sources:
        raise ConfigError(
            f"CFU family {family.name!r} names no source files, so a change would go unnoticed",
            fix="set sources, for example sources=(Path(__file__),)",
        )
    names = [parameter.name for parameter in family.parameters]
    known = set(names)
    if len(known) != len(names) or "cfu" in known:
        raise ConfigError(
            f"CFU family {family.name!r} has parameters {', '.join(names)}",
            fix="give each parameter a name of its own, and none the name cfu",
        )
    for rule in family.rules:
        strangers = set(rule.parameters) - known
        if strangers:
            raise ConfigError(
                f"rule {rule.name!r} of CFU family {family.name!r} reads "
                f"{', '.join(sorted(strangers))}, which the family does not have",
                fix="let a rule read parameters of its own family only",
            )


def _require_compatible(family: Family, other: Family) -> None:
    theirs = {parameter.name: parameter for parameter in other.parameters}
    for parameter in family.parameters:
        same_name = theirs.get(parameter.name)
        if same_name is not None and _choice(parameter) != _choice(same_name):
            raise ConfigError(
                f"parameter {parameter.name!r} of CFU family {family.name!r} has the values "
                f"{parameter.values}, that of family {other.name!r} has {same_name.values}",
                fix="rename the parameter, or give it the same values and order",
            )


def _choice(parameter: Parameter) -> tuple[str, bool]:
    return repr(parameter.values), parameter.ordered


BUILT_IN = Families([none.FAMILY, simd.FAMILY, stream.FAMILY, engine.FAMILY])
"""The families that every study has."""
