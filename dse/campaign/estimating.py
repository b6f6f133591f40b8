"""How long a study will take that no other is like: an estimate, and what it rests on.

A trial builds things, which takes much the same for every network, and simulates inferences, which
takes as long as the network is large. Both are known from other studies of the database, measured
where they ran; without any, figures of our own machine stand in for them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from contracts.measurement import Fidelity
from dse.config import StudyConfig
from dse.store import TrialWork
from dse.words import duration_text, plural

MOST_WORKS = 500
"""Newest trials that an estimate rests on."""
_WIDTH = 2.0
"""A study takes from this factor less to this factor more than estimated, mostly: which designs the
search chooses decides it, and those differ in cycles by a factor of fifty (docs/results.md)."""

_LEAST_TRIALS = 4
"""Of a study that tells anything: fewer may all be slow, or all be fast."""

_LARGE_CYCLES = 1_000_000
"""Of an inference: a smaller one tells what its simulator takes to start, not how fast it is."""

_FIRST_CPU_S = 120.0
"""Of what a machine builds once: the generator of CPUs, the simulator's runtime, golden inputs."""
_BUILD_CPU_S = {
    Fidelity.SIMULATED: 10.0,
    Fidelity.SYNTHESISED: 20.0,
    Fidelity.PLACED: 190.0,
    Fidelity.BOARD: 190.0,
}
"""Of a trial beside its simulation: generating, compiling, checks on the host, and as far as it
goes synthesis, placing and routing."""
_PLACE_CPU_S = 170.0
"""Of a design of the front that is placed and routed later."""
_PROMOTED_SHARE = 0.25
"""Of the designs, that are on or near the front."""
_CYCLES_A_MAC = 2.0
"""Of an inference, in the mean over the designs of a study: 5 without a CFU, 0.2 with a wide."""
_CYCLES_A_CPU_S = {"on-chip": 3.9e6, "sdram": 1.9e6}
"""What the simulated board does, by kind of main memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long a study is expected to take, with as many free cores as it has workers.

    Attributes:
        wall_s: In the middle.
        least_s: Likely at the least.
        most_s: Likely at the most, what a machine builds once included.
        workers: Trials at the same time.
        build_cpu_s: CPU-seconds of a trial beside its simulation.
        simulate_cpu_s: CPU-seconds of its simulation.
        cycles: Of an inference, in the mean over the designs.
        studies: Names of the studies that tell it; empty where figures of our machine do.
        trials: How many trials of theirs.
    """

    wall_s: float
    least_s: float
    most_s: float
    workers: int
    build_cpu_s: float
    simulate_cpu_s: float
    cycles: float
    studies: tuple[str, ...]
    trials: int

    @property
    def brief(self) -> str:
        """The time in words, with its width."""
        return (
            f"{duration_text(self.wall_s)}, {duration_text(self.least_s)} to"
            f" {duration_text(self.most_s)}, with {plural(self.workers, 'free core')}"
        )

    @property
    def basis(self) -> str:
        """What it rests on, in words."""
        if self.studies:
            named = ", ".join(self.studies[:3]) + (", …" if len(self.studies) > 3 else "")
            by = f"as {plural(self.trials, 'trial')} of {named} took"
        else:
            by = "as on our machine: the database has too few trials to go by"
        return (
            f"an estimate of {self.build_cpu_s:.0f} CPU-seconds a trial for building and"
            f" {self.simulate_cpu_s:.0f} for simulating {self.cycles / 1e6:.2g} Mcycles an"
            f" inference, {by}"
        )


def estimate(config: StudyConfig, *, macs: int, works: Sequence[TrialWork]) -> Estimate:
    """Return how long a study is expected to take.

    Args:
        config: Of the study.
        macs: Multiply-accumulates of an inference of its network.
        works: What trials of other studies cost, see ``Reader.trial_works``.
    """
    telling = _telling(works)
    cycles_a_mac = _CYCLES_A_MAC
    inferences = config.workload.golden_inputs + 1
    cpu_s_a_cycle = inferences / _CYCLES_A_CPU_S[config.target.memory.kind]
    large = [each for each in telling if fmean(w.cycles for w in each) >= _LARGE_CYCLES]
    if large:
        cycles_a_mac = fmean(fmean(w.cycles / w.macs for w in each) for each in large)
        cpu_s_a_cycle = fmean(
            sum(w.simulated_cpu_s for w in each) / sum(w.cycles for w in each) for each in large
        )
    cycles = min(cycles_a_mac * macs, config.limits.cycles)
    simulate_s = cycles * cpu_s_a_cycle
    as_far = [each for each in telling if each[0].fidelity is config.first_fidelity]
    build_s = _BUILD_CPU_S[config.first_fidelity]
    if as_far:
        build_s = fmean(fmean(w.other_cpu_s for w in each) for each in as_far)
    if config.promotes:
        build_s += _PROMOTED_SHARE * _PLACE_CPU_S
    used = [each for each in telling if each in large or each in as_far]
    wall_s = (build_s + simulate_s) * config.trials / config.workers
    return Estimate(
        wall_s=wall_s,
        least_s=wall_s / _WIDTH,
        most_s=wall_s * _WIDTH + _FIRST_CPU_S,
        workers=config.workers,
        build_cpu_s=build_s,
        simulate_cpu_s=simulate_s,
        cycles=cycles,
        studies=tuple(dict.fromkeys(each[0].study for each in used)),
        trials=sum(map(len, used)),
    )


def _telling(works: Sequence[TrialWork]) -> list[list[TrialWork]]:
    """Return the trials of each study that has enough of one fidelity to tell anything."""
    found: dict[tuple[str, Fidelity], list[TrialWork]] = defaultdict(list)
    for work in works:
        if work.macs > 0 and work.cycles > 0 and work.simulated_cpu_s > 0:
            found[work.study, work.fidelity].append(work)
    return [each for each in found.values() if len(each) >= _LEAST_TRIALS]
