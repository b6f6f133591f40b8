"""A CFU that exists as a Python file in Amaranth, as CFU-Playground's ``cfu.py``."""

import importlib
import importlib.util
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from hw_templates.cfu.component import CfuComponent, to_verilog

_SHIMS = {
    "amaranth_cfu": "hw_templates.cfu.playground.amaranth_cfu",
    "amaranth_cfu.util": "hw_templates.cfu.playground.amaranth_cfu",
    "amaranth_cfu.cfu": "hw_templates.cfu.playground.amaranth_cfu",
}


def amaranth_verilog(path: Path, arguments: Mapping[str, Any]) -> str:
    """Return the Verilog of module ``Cfu`` that a file makes.

    Its code runs.

    Args:
        path: Defines ``make_cfu`` or a class ``Cfu``; may import ``amaranth_cfu`` and files beside
            it.
        arguments: Of either; what is not named keeps its default.

    Raises:
        ConfigError: It defines neither, or what it makes is no CFU.
        Exception: Whatever the file raises.
    """
    with _loaded(path) as module:
        made = _maker(module, path)(**arguments)
        if not isinstance(made, CfuComponent):
            raise ConfigError(
                f"{path.name}: what it makes is a {type(made).__name__}, not a CFU",
                fix="make one by simple_cfu, or derive it from Cfu of amaranth_cfu or from"
                " hw_templates.cfu.component.CfuComponent",
            )
        return to_verilog(made)


def arguments_of(path: Path) -> dict[str, int | str]:
    """Return what a file's CFU can be given, with the defaults.

    Its code runs, as far as importing it does.

    Raises:
        ConfigError: It defines no CFU, or an argument has no default.
    """
    with _loaded(path) as module:
        maker = _maker(module, path)
        found = {}
        for parameter in inspect.signature(maker).parameters.values():
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                continue
            if parameter.default is parameter.empty:
                raise ConfigError(
                    f"{path.name}: parameter {parameter.name} of {maker.__name__} has no default",
                    fix="give it one: a search starts there",
                )
            if isinstance(parameter.default, int | str):
                found[parameter.name] = parameter.default
        return found


def _maker(module: types.ModuleType, path: Path) -> Callable[..., Any]:
    for name in ("make_cfu", "Cfu"):
        maker = getattr(module, name, None)
        if maker is not None and getattr(maker, "__module__", "") == module.__name__:
            return maker  # type: ignore[no-any-return]
    own = [
        each
        for each in vars(module).values()
        if inspect.isclass(each)
        and issubclass(each, CfuComponent)
        and each.__module__ == module.__name__
    ]
    if len(own) == 1:
        return own[0]
    raise ConfigError(
        f"{path.name} defines no CFU: neither make_cfu nor a class Cfu",
        fix="define make_cfu(), which returns one",
    )


@contextmanager
def _loaded(path: Path) -> Iterator[types.ModuleType]:
    """Within it a file is imported, with those beside it and CFU-Playground's library to import."""
    folder = path.resolve().parent
    before = dict(sys.modules)
    for name, real in _SHIMS.items():
        sys.modules.setdefault(name, importlib.import_module(real))
    sys.path.insert(0, str(folder))
    name = f"adopted_{path.stem}"
    try:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ConfigError(f"{path.name} is not a Python file", fix="name the file cfu.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(folder))
        for each, loaded in list(sys.modules.items()):
            origin = getattr(loaded, "__file__", None) or ""
            if each in before and before[each] is loaded:
                continue
            if each in _SHIMS or each == name or Path(origin).is_relative_to(folder):
                del sys.modules[each]  # two projects may have files of one name
