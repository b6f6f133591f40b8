"""One design becomes a measurement: what a worker does for a trial."""

import logging

from contracts.faults import DesignFault, DoesNotBuild, DseError, Then
from contracts.measurement import (
    Completed,
    Fidelity,
    LayerProfile,
    Measurement,
    Metric,
    Outcome,
    Placement,
    StageTime,
    outcome_of,
)
from runners.fpga import family_of_part
from runners.fpga.family import UnplacedFamily, total
from runners.job import Job
from runners.measuring.clock import settle_clock
from runners.measuring.fit import require_fit
from runners.measuring.metrics import (
    ACCURACY_PERCENT,
    AUC,
    CLOCK_MHZ,
    CYCLES,
    FMAX_MHZ,
    LATENCY_US,
    PEAK_MACS_PER_CYCLE,
    PLACE_SEED,
    REQUESTED_CLOCK_MHZ,
)
from runners.measuring.on_board import measure_on_board
from runners.measuring.peak import own_peak_macs_per_cycle
from runners.measuring.reader import Measured, load_reader, read_metrics
from runners.pipeline import Cache, Pipeline, Remote, Report, default_root
from runners.stages.accuracy import read_score
from runners.stages.all import pipeline_of
from runners.stages.design import cfu_clock_percent, family_of
from runners.stages.place.stage import read_routed
from runners.stages.simulate import read_profile
from runners.stages.socs import asked_clock_hz, built_clock_hz
from runners.stages.synthesis import SYNTHESISED, read_cost
from runners.tools import all_identities
from runners.workload import workload_model


def measure(job: Job, *, report: Report, cache: Cache | None = None) -> Outcome:
    """Build a design, check it and measure it.

    What is cheap and can end a trial comes first: the cost, then the simulation, then place and
    route, which settles the clock. The cycles do not depend on it. A real board comes last, and
    loads the bitstream of that clock.

    Args:
        job: What to measure.
        report: Told when a stage starts and ends.
        cache: Where artefacts are; the user's own by default.

    Returns:
        Completed, or the outcome that the fault's kind prescribes, with what was learnt before.

    Raises:
        DseError: A fault that stops the study: configuration, missing tool.
        Exception: A bug.
    """
    cache = cache or cache_of(job)
    attempt = _Attempt(job, cache=cache, report=report)
    workload_model(job.workload)  # a model that is missing or has changed is found here
    try:
        attempt.run_on_what_stays()
    except DseError as error:
        if error.then is Then.STOP:
            raise
        return outcome_of(error, attempt.measurement())
    return Completed(measurement=attempt.measurement())


def cache_of(job: Job) -> Cache:
    """Return the user's cache, bounded and shared as the job says."""
    root = default_root()
    remote = None if job.cache_remote is None else Remote(job.cache_remote, cache_root=root)
    return Cache(root, limit_bytes=job.cache_limit_bytes, remote=remote)


_LOG = logging.getLogger(__name__)


class _Attempt:
    """What is learnt of one job, step by step; a later step's number replaces an earlier one's.

    Args:
        job: What to measure.
        cache: Where artefacts are.
        report: Told when a stage starts and ends.
    """

    def __init__(self, job: Job, *, cache: Cache, report: Report) -> None:
        self._job = job
        self._cache = cache
        self._report = report
        self._metrics: dict[str, Metric] = {}
        self._layers: tuple[LayerProfile, ...] = ()
        self._placements: list[Placement] = []
        self._pipelines: list[Pipeline] = [self._pipeline(job)]
        self._on_board: tuple[StageTime, ...] = ()
        self._readers = tuple(load_reader(path) for path in job.metric_files)

    def run_on_what_stays(self) -> None:
        """Run; neither a result nor a fault of the design counts if an artefact changed meanwhile.

        Raises:
            DseError: As ``run`` does, or an artefact changed.
        """
        try:
            self.run()
        except DesignFault:
            self._require_untouched()
            raise
        self._require_untouched()

    def _require_untouched(self) -> None:
        for pipeline in self._pipelines:
            pipeline.require_untouched()

    def run(self) -> None:
        """Go as far as the job's fidelity asks for.

        Raises:
            DseError: A fault; what was learnt before it stays.
        """
        job, (pipeline,) = self._job, self._pipelines
        is_placed = job.fidelity in (Fidelity.PLACED, Fidelity.BOARD)
        fpga = family_of_part(job.target.part)
        if is_placed and isinstance(fpga, UnplacedFamily):
            fpga.refuse(f"a design for the target {job.target.name} is to be placed")
        if family_of(job).compiler is not None:
            pipeline.get("host-firmware")  # whether the CFU's memories are large enough
        if job.fidelity is not Fidelity.SIMULATED:
            self._synthesise(pipeline)
        _check_on_host(pipeline)
        self._simulate(job, pipeline)
        if job.workload.samples is not None:
            self._score(pipeline)
        self._read(job, pipeline, Fidelity.SYNTHESISED if is_placed else job.fidelity)
        if is_placed:
            job, pipeline = self._place()
            self._read(job, pipeline, Fidelity.PLACED)
        if job.fidelity is Fidelity.BOARD:
            on_board = measure_on_board(
                job, pipeline, cache_root=self._cache.root, report=self._report
            )
            self._layers = on_board.layers
            self._on_board = (on_board.stage_time,)
            self._learn(*on_board.metrics)
            self._read(job, pipeline, Fidelity.BOARD)

    def measurement(self) -> Measurement:
        """Return all that was learnt so far."""
        times: list[StageTime] = []
        artefacts: dict[str, str] = {}
        for pipeline in self._pipelines:
            keys = {name: artefact.key for name, artefact in pipeline.artefacts.items()}
            times += [
                time
                for time in pipeline.stage_times
                # another clock or seed meets most artefacts again
                if not (time.cached and artefacts.get(time.stage) == keys.get(time.stage))
            ]
            artefacts |= keys
        return Measurement(
            metrics=tuple(self._metrics.values()),
            layers=self._layers,
            placements=tuple(self._placements),
            stage_times=(*times, *self._on_board),
            artefacts=artefacts,
            tools=all_identities(),
        )

    def _pipeline(self, job: Job) -> Pipeline:
        return pipeline_of(job, cache=self._cache, report=self._report)

    def _learn(self, *metrics: Metric) -> None:
        self._metrics |= {metric.name: metric for metric in metrics}

    def _read(self, job: Job, pipeline: Pipeline, reached: Fidelity) -> None:
        """Learn what the user's own metrics say of a job that has reached a fidelity."""
        measured = Measured(
            job=job,
            metrics=dict(self._metrics),
            layers=self._layers,
            folder=lambda stage: pipeline.get(stage).folder,
        )
        self._learn(*read_metrics(self._readers, measured, reached=reached))

    def _synthesise(self, pipeline: Pipeline) -> None:
        """Learn the cells.

        Raises:
            DoesNotFit: The part has too few.
        """
        family = family_of_part(self._job.target.part)
        costs = {
            name: read_cost(pipeline.get(f"synthesise-{name}").folder) for name, _, _ in SYNTHESISED
        }
        require_fit(costs, self._job)
        self._learn(*family.measured(total(costs.values()), Fidelity.SYNTHESISED))

    def _simulate(self, job: Job, pipeline: Pipeline) -> None:
        """Learn cycles and layers; until the design is placed, its clock is only requested."""
        cycles, self._layers = read_profile(pipeline.get("simulate").folder)
        latency_us = cycles / (job.target.clock_hz / 1e6)
        is_placed = bool(self._placements)
        fidelity = Fidelity.PLACED if is_placed else Fidelity.SIMULATED
        self._learn(
            CYCLES.measured(cycles),
            LATENCY_US.measured(latency_us, fidelity=fidelity, estimate=not is_placed),
        )
        peak = own_peak_macs_per_cycle(job)
        if peak is not None:
            self._learn(PEAK_MACS_PER_CYCLE.measured(peak))

    def _score(self, pipeline: Pipeline) -> None:
        """Learn how often the network is right, now that the design is known to answer as it."""
        score = read_score(pipeline.get("accuracy").folder)
        if score.accuracy_percent is not None:
            self._learn(ACCURACY_PERCENT.measured(score.accuracy_percent))
        if score.auc is not None:
            self._learn(AUC.measured(score.auc))

    def _place(self) -> tuple[Job, Pipeline]:
        """Settle on a clock, learn what the design is at that clock, and return it.

        Raises:
            TimingMissed: It settles on none.
        """
        target, percent = self._job.target, cfu_clock_percent(self._job)
        family = family_of_part(target.part)
        placement = settle_clock(
            target,
            self._route,
            tried=self._placements,
            wanted_hz=self._job.wanted_clock_hz,
            cfu_clock_percent=percent,
        )
        job = self._job.at(clock_hz=placement.clock_hz, place_seed=placement.seed)
        pipeline = self._pipeline(job)
        self._pipelines.append(pipeline)
        self._simulate(job, pipeline)
        pipeline.get("bitstream")
        routed = read_routed(
            pipeline.get("place-and-route").folder,
            seed=placement.seed,
            clock_hz=built_clock_hz(job.target, percent),
        )
        self._learn(
            *family.measured(family.used(routed.used), Fidelity.PLACED),
            CLOCK_MHZ.measured(placement.clock_hz / 1e6),
            REQUESTED_CLOCK_MHZ.measured(asked_clock_hz(target, percent) / 1e6),
            FMAX_MHZ.measured(placement.fmax_mhz),
            PLACE_SEED.measured(placement.seed),
        )
        return job, pipeline

    def _route(self, clock_hz: int, seed: int) -> Placement:
        """Route once, as the router was asked to."""
        pipeline = self._pipeline(self._job.at(clock_hz=clock_hz, place_seed=seed))
        self._pipelines.append(pipeline)
        folder = pipeline.get("place-and-route").folder
        return read_routed(folder, seed=seed, clock_hz=clock_hz).placement


def _check_on_host(pipeline: Pipeline) -> None:
    """Run the kernels on this computer, if they can be built for it: emulated, then in hardware.

    A family without a C model of its CFU, or with assembler in its kernels, is not refused for it:
    the simulation decides alone.

    Raises:
        WrongResult: A layer differs for some candidate.
        CfuHangs: The hardware does not answer.
    """
    try:
        pipeline.get("kernel-check")
        pipeline.get("cfu-check")
    except DoesNotBuild as error:
        _LOG.warning("the design is not checked on the host: %s", error.what)
