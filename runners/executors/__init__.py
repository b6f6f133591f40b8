"""Where trials run: an executor takes jobs and brings back stage events and outcomes."""

from contracts.faults import ConfigError
from runners.executors.interface import Event, Executor, Finished, Progress
from runners.executors.kinds import executor_module, executor_names

MEASURE = "runners.executors.entry:measure"
"""What an executor calls for each job of a study, as ``package.module:function``."""

MEASURE_AGAIN = "runners.executors.entry:measure_again"
"""The same with every artefact built again, for ``rerun``."""


def make_executor(name: str, *, measure: str) -> Executor:
    """Return an executor; the caller closes it.

    Args:
        name: One of ``executor_names()``.
        measure: ``package.module:function`` that is called as ``function(job, report=...)``. If
            the module has a function ``warm_up``, it is called once before the first trial.

    Raises:
        ConfigError: There is no such kind.
    """
    known = executor_names()
    if name not in known:
        raise ConfigError(f"there is no executor {name!r}", f"use one of: {', '.join(known)}")
    found: Executor = executor_module(name).make(measure)
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
