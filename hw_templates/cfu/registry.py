"""Which CFU families there are: the built-in ones and those that a user brings."""

import importlib
import importlib.util
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType

from contracts.faults import ConfigError
from contracts.parameter import Parameter
from hw_templates.cfu.family import Family

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


class Registry:
    """Families by name, such that all of them fit into one design space."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def register(self, family: Family) -> Family:
        """Add a family and return it; adding the same one again changes nothing.

        Raises:
            ConfigError: Its name is malformed or taken, its hardware comes without a model or
                the other way round, or it has a parameter whose values differ from those of
                another family's parameter of that name.
        """
        if self._families.get(family.name) is family:
            return family
        _require_consistent(family)
        if family.name in self._families:
            raise ConfigError(
                f"CFU family {family.name!r} is registered twice, by different definitions",
                fix="give one of them another name",
            )
        for other in self._families.values():
            _require_compatible(family, other)
        self._families[family.name] = family
        return family

    def families(self) -> Mapping[str, Family]:
        """Return all families in the order of their registration."""
        return MappingProxyType(dict(self._families))

    def family(self, name: str) -> Family:
        """Return one family.

        Raises:
            ConfigError: There is no family of that name.
        """
        if name not in self._families:
            raise ConfigError(
                f"unknown CFU family {name!r}; there are {', '.join(self._families)}",
                fix="correct the name, or name the module that registers it in the config",
            )
        return self._families[name]

    def register_module(self, module: str) -> Family:
        """Add the family that a Python module holds under the name ``FAMILY``.

        Args:
            module: Dotted name of an importable module, or path of a ``.py`` file.

        Raises:
            ConfigError: The module cannot be imported, has no ``FAMILY``, or the family is
                refused by ``register``.
        """
        family = getattr(_import(module), "FAMILY", None)
        if not isinstance(family, Family):
            raise ConfigError(
                f"module {module!r} has no CFU family under the name FAMILY",
                fix="see docs/how-to/add-a-cfu-family.md: FAMILY = Family(name=..., ...)",
            )
        return self.register(family)


def _require_consistent(family: Family) -> None:
    if not _NAME.fullmatch(family.name):
        raise ConfigError(
            f"CFU family name {family.name!r} does not match {_NAME.pattern}",
            fix="use lower case letters, digits, dashes and underscores",
        )
    if (family.verilog is None) != (family.model is None):
        raise ConfigError(
            f"CFU family {family.name!r} has only one of hardware and reference model",
            fix="give both verilog and model, or neither for a design without a CFU",
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


def _import(module: str) -> ModuleType:
    try:
        if not module.endswith(".py"):
            return importlib.import_module(module)
        path = Path(module).resolve()
        name = f"cfu_family_{path.stem}"
        loaded = sys.modules.get(name)
        if loaded is not None and loaded.__file__ == str(path):
            return loaded
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[name] = loaded
        try:
            spec.loader.exec_module(loaded)
        except BaseException:
            del sys.modules[name]
            raise
    except Exception as error:  # a user's module may raise anything
        raise ConfigError(
            f"CFU module {module!r} cannot be imported: {type(error).__name__}: {error}",
            fix="give a dotted name that Python can import from here, or the path of a .py file",
        ) from error
    return loaded


_registry = Registry()
register = _registry.register
register_module = _registry.register_module
families = _registry.families
family = _registry.family
