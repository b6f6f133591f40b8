"""Meters of power: one interface, one file a kind."""

import importlib.util

from contracts.faults import ConfigError, ToolMissing
from runners.boards.meters.kinds import meter_module, meter_names
from runners.boards.meters.meter import Meter, Reading, Recorder
from runners.boards.meters.settings import PowerSection

__all__ = ["Meter", "PowerSection", "Reading", "Recorder", "open_meter", "require_meter"]


def require_meter(settings: PowerSection, *, where: str) -> None:
    """Check a meter's section before anything is measured; no meter is touched.

    Args:
        settings: The section.
        where: What it is called in messages: ``[boards.left.power]``.

    Raises:
        ConfigError: There is no such kind, or a key that it needs is missing.
        ToolMissing: Its Python package is not installed.
    """
    known = meter_names()
    if settings.meter not in known:
        raise ConfigError(
            f"{where}: there is no meter {settings.meter!r}", fix=f"use one of: {', '.join(known)}"
        )
    kind = meter_module(settings.meter)
    missing = [key for key in kind.NEEDS if not getattr(settings, key)]
    if missing:
        raise ConfigError(
            f"{where}: a meter {settings.meter!r} needs {', '.join(missing)}", fix="add the key"
        )
    if kind.PACKAGE is not None:
        module, package = kind.PACKAGE
        if importlib.util.find_spec(module) is None:
            raise ToolMissing(
                f"{where}: a meter {settings.meter!r} needs the Python package {package}",
                fix=f"pip install {package}",
            )


def open_meter(settings: PowerSection, *, where: str) -> Recorder:
    """Open a meter and begin to listen to it.

    Args:
        settings: Its section.
        where: What the section is called in messages.

    Returns:
        The caller closes it.

    Raises:
        ConfigError: The section is wrong.
        ToolMissing: Its Python package is not installed.
        MeterMissing: The meter is not there, not permitted, or in use.
        MeterGarbled: Something else is there.
    """
    require_meter(settings, where=where)
    meter: Meter = meter_module(settings.meter).make(settings)
    return Recorder(meter, name=settings.meter)
