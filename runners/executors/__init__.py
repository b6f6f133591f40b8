"""Where trials run: an executor takes jobs and brings back stage events and outcomes."""

from contracts.faults import ConfigError, ToolMissing
from runners.executors.interface import Event, Executor, Finished, Progress
from runners.executors.kinds import executor_module, executor_names

MEASURE = "runners.executors.entry:measure"
"""What an executor calls for each job of a study, as ``package.module:function``."""

MEASURE_AGAIN = "runners.executors.entry:measure_again"
"""The same with every artefact built again, for ``rerun``."""


def make_executor(name: str, *, measure: str, address: str | None = None) -> Executor:
    """Return an executor; the caller closes it.

    Args:
        name: One of ``executor_names()``.
        measure: ``package.module:function`` that is called as ``function(job, report=...)``. If
            the module has a function ``warm_up``, it is called once before the first trial.
        address: Where those that run trials elsewhere find them.

    Raises:
        ConfigError: There is no such kind, or it needs an address, or takes none.
        ToolMissing: It is an extra that is not installed.
    """
    known = executor_names()
    if name not in known:
        raise ConfigError(f"there is no executor {name!r}", f"use one of: {', '.join(known)}")
    try:
        kind = executor_module(name)
    except ModuleNotFoundError as error:
        raise ToolMissing(
            f"executor {name!r} needs the Python package {error.name}",
            fix=f'install the extra: pip install "soft-soc-dse[{name}]"',
        ) from error
    found: Executor = kind.make(measure, address=address)
    return found


__all__ = [
    "MEASURE",
    "MEASURE_AGAIN",
    "Event",
    "Executor",
    "Finished",
    "Progress",
    "executor_names",
    "make_executor",
]
