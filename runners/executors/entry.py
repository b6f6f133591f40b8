"""What a trial's process calls, and what its launcher prepares once for all of them."""

from contextlib import suppress

from contracts.faults import DseError
from contracts.measurement import Outcome
from runners.job import Job
from runners.measuring.measure import measure as measure_with
from runners.pipeline import Cache, Report, default_root
from runners.tools import all_identities


def measure(job: Job, *, report: Report) -> Outcome:
    """Measure a design with the user's cache of artefacts."""
    return measure_with(job, report=report)


def measure_again(job: Job, *, report: Report) -> Outcome:
    """Measure a design with every artefact built again; other bytes for the same key are a bug."""
    cache = Cache(default_root(), rebuild=True, limit_bytes=job.cache_limit_bytes)
    return measure_with(job, report=report, cache=cache)


def warm_up() -> None:
    """Ask every program for its version, so that no trial has to; a missing one is told there."""
    with suppress(DseError):
        all_identities()
