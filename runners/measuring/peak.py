"""What a CFU family of the study's own says of its multipliers, asked while its code may run."""

import math

from contracts.faults import DoesNotBuild
from runners.job import Job
from runners.stages.design import family_of, family_values, is_own
from runners.stages.own_source import calling


def own_peak_macs_per_cycle(job: Job) -> float | None:
    """Return the most MAC a cycle that a job's family says of this design.

    Returns:
        None where the family says nothing, or is built in: then anybody can ask it at any time.

    Raises:
        DoesNotBuild: The family's function raised, or returned no number of MAC.
    """
    family = family_of(job)
    if family.macs_per_cycle is None or not is_own(family):
        return None
    whose = f"macs_per_cycle of the CFU family {family.name}"
    with calling(whose):
        peak = float(family.macs_per_cycle(family_values(job, family)))
    if not math.isfinite(peak) or peak <= 0:
        raise DoesNotBuild(
            f"{whose} is {peak} for this design",
            fix="return the most multiply-accumulates of a cycle of the CPU, a number above 0",
        )
    return peak
