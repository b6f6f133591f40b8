"""A CFU that exists as a Python file in Amaranth, as CFU-Playground's ``cfu.py``."""

import importlib.util
import inspect
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError, DoesNotBuild
from hw_templates.cfu.component import CfuComponent, to_verilog
from hw_templates.cfu.playground.imports import GONE, is_below, project_imports


def amaranth_verilog(path: Path, arguments: Mapping[str, Any]) -> str:
    """Return the Verilog of module ``Cfu`` that a file makes.

    Its code runs.

    Args:
        path: Defines or imports ``make_cfu`` or a class ``Cfu`` of its folder; may import
            ``amaranth_cfu``, or ``nmigen_cfu`` as it was called, and what is in that folder.
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
    folder = path.resolve().parent

    def is_own(each: object) -> bool:
        defined_in = sys.modules.get(getattr(each, "__module__", ""))
        return defined_in is module or is_below(defined_in, folder)

    for name in ("make_cfu", "Cfu"):
        maker = getattr(module, name, None)
        if maker is not None and is_own(maker):
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
    name = f"adopted_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path.name} is not a Python file", fix="name the file cfu.py")
    with project_imports(path.resolve().parent):
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except ImportError as error:
            raise _missing(error, path) from error
        yield module


def _missing(error: ImportError, path: Path) -> DoesNotBuild:
    """Return what a file could not import, where, and what to do."""
    folder = path.resolve().parent
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder)
    ]
    place = path.name
    if frames:
        place = f"{Path(frames[-1].filename).relative_to(folder).as_posix()}:{frames[-1].lineno}"
    if isinstance(error, ModuleNotFoundError):
        return DoesNotBuild(
            f"{place}: there is no module {error.name}",
            fix=f"copy it into {folder.name}: nothing outside of it is read but Amaranth and"
            " amaranth_cfu",
        )
    name = re.search(r"cannot import name '(\w+)'", str(error))
    return DoesNotBuild(
        f"{place}: {str(error).split(' (')[0]}",
        fix=f"this is Amaranth {metadata.version('amaranth')}: "
        + GONE.get(name[1] if name else "", "look in its list of changes for what stands for it"),
    )
