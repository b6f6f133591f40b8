"""One design becomes a measurement: what a worker does for a trial."""

from contracts.faults import DseError, Then
from contracts.measurement import (
    Completed,
    Fidelity,
    LayerProfile,
    Measurement,
    Metric,
    Outcome,
    outcome_of,
)
from runners.cache import Cache, default_root
from runners.fpga import PARTS, family_of_part
from runners.fpga.family import total
from runners.hardware_stages import SYNTHESISED
from runners.job import Job
from runners.pipeline import Pipeline, Report
from runners.simulate_stage import read_profile
from runners.stages import pipeline_of
from runners.synthesis import read_cost, require_fit
from runners.toolchain import all_identities
from runners.workload import workload_model


def measure(job: Job, *, report: Report, cache: Cache | None = None) -> Outcome:
    """Build a design, check it and measure it.

    What is cheap and can end a trial comes first: the cost, then the simulation.

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
    pipeline = pipeline_of(job, cache=cache or Cache(default_root()), report=report)
    workload_model(job.workload)  # a model that is missing or has changed is found here
    metrics: list[Metric] = []
    layers: tuple[LayerProfile, ...] = ()
    try:
        if job.fidelity is not Fidelity.SIMULATED:
            metrics += _synthesised(pipeline, job)
        cycles, layers = read_profile(pipeline.get("simulate").folder)
        metrics += _simulated(cycles, job)
    except DseError as error:
        if error.then is Then.STOP:
            raise
        return outcome_of(error, _measurement(pipeline, metrics, layers))
    return Completed(measurement=_measurement(pipeline, metrics, layers))


def _synthesised(pipeline: Pipeline, job: Job) -> list[Metric]:
    """Return the cells of a design that fits its part.

    Raises:
        DoesNotFit: It does not.
    """
    part = job.target.part
    family_of_part(part)
    cost = total(read_cost(pipeline.get(f"synthesise-{name}").folder) for name, _, _ in SYNTHESISED)
    require_fit(cost, PARTS[part], part=part)
    return [
        Metric(name=name, value=float(count), unit="cells", fidelity=Fidelity.SYNTHESISED)
        for name, count in cost.items()
    ]


def _simulated(cycles: int, job: Job) -> list[Metric]:
    return [
        Metric(name="cycles", value=float(cycles), unit="cycles", fidelity=Fidelity.SIMULATED),
        Metric(
            name="latency_us",
            value=cycles / job.target.clock_mhz,
            unit="us",
            fidelity=Fidelity.SIMULATED,
            estimate=True,  # until the design is placed, the clock is only wished for
        ),
    ]


def _measurement(
    pipeline: Pipeline, metrics: list[Metric], layers: tuple[LayerProfile, ...]
) -> Measurement:
    artefacts = pipeline.artefacts.values()
    return Measurement(
        metrics=tuple(metrics),
        layers=layers,
        stage_times=pipeline.stage_times,
        artefacts={artefact.stage: artefact.key for artefact in artefacts},
        tools=all_identities(),
    )
