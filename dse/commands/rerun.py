"""Reproducing a trial from the database alone, and comparing every metric."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from contracts.faults import ConfigError
from contracts.measurement import Completed, Failed, Measurement, Outcome
from dse.campaign.networks import check_network
from dse.config.provenance import source_hash
from dse.output.report import table_text
from dse.results.going_on import going_on
from dse.results.trial import open_trial
from dse.store import Reader, TrialState
from runners.executors import MEASURE_AGAIN, Executor, Finished, make_executor
from runners.job import Job, StageEvent

_POLL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A value of a trial that was stored and is another one when the trial is measured again.

    Attributes:
        name: Metric, layer, artefact, tool or outcome.
        stored: What the database has; None when it has nothing.
        measured: What came out now; None when nothing did.
    """

    name: str
    stored: str | None
    measured: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A trial measured again.

    Attributes:
        study: Name of the study.
        trial: Number of the trial.
        compared: How many metrics and layers were compared.
        differences: Results that differ: the trial does not reproduce.
        remarks: Changed surroundings, such as another tool version.
    """

    study: str
    trial: int
    compared: int
    differences: tuple[Difference, ...]
    remarks: tuple[Difference, ...]


def rerun_trial(
    store: Reader, name: str, number: int, *, report: Callable[[StageEvent], None]
) -> Comparison:
    """Measure a trial again with the stored design and config, and compare.

    Every artefact is built again, also those that the cache has. ``report`` takes the stages.

    Raises:
        ConfigError: There is no such trial, it has no result yet, or the model has changed.
        DseError: The infrastructure failed.
    """
    opened = open_trial(store, name, number)
    detail = opened.detail
    state = opened.trial.state
    if state not in (TrialState.COMPLETED, TrialState.INFEASIBLE):
        raise ConfigError(
            f"trial {number} of study {name} is {state}, so there is no result to compare with",
            fix=f"let it run first: {going_on(store, name)}",
        )
    check_network(opened.config, opened.job.workload)
    executor = make_executor(
        opened.config.executor, measure=MEASURE_AGAIN, address=opened.config.scheduler
    )
    outcome = _measure(opened.job, executor, report)
    if isinstance(outcome, Failed):
        raise outcome.fault.error()
    reached = TrialState.COMPLETED if isinstance(outcome, Completed) else TrialState.INFEASIBLE
    before, after = detail.measurement, outcome.measurement
    metrics = _compare("metric", _values(before), _values(after))
    layers = _compare("cycles of", _cycles(before), _cycles(after))
    outcomes = _compare("outcome", {"": state.value}, {"": reached.value})
    return Comparison(
        study=name,
        trial=number,
        compared=len(before.metrics) + len(before.layers),
        differences=(*outcomes, *metrics, *layers),
        remarks=(
            *_compare("sources", {"": opened.study.source_hash[:12]}, {"": source_hash()[:12]}),
            *_compare("tool", before.tools, after.tools),
            *_compare("artefact", before.artefacts, after.artefacts),
        ),
    )


def comparison_text(comparison: Comparison) -> str:
    """Lay out a comparison."""
    where = f"trial {comparison.trial} of study {comparison.study}"
    if comparison.differences:
        head = f"{where} does NOT reproduce: {len(comparison.differences)} values differ"
    else:
        head = f"{where} reproduces: {comparison.compared} values are the same"
    lines = [head]
    for title, found in (("", comparison.differences), ("changed since:", comparison.remarks)):
        if found:
            rows = [[d.name, d.stored or "-", d.measured or "-"] for d in found]
            lines += ["", *([title] if title else [])]
            lines.append(table_text(["what", "stored", "now"], rows, left=1))
    if comparison.differences and comparison.remarks:
        lines += ["", "fix: use the sources and tools that the trial was measured with"]
    return "\n".join(lines)


def _measure(job: Job, executor: Executor, report: Callable[[StageEvent], None]) -> Outcome:
    try:
        executor.submit(1, job)
        while True:
            for event in executor.poll(_POLL_S):
                if isinstance(event, Finished):
                    return event.outcome
                report(event.event)
    finally:
        executor.close()


def _values(measurement: Measurement) -> dict[str, str]:
    """Return every metric to its last digit."""
    return {metric.name: f"{float(metric.value)!r} {metric.unit}" for metric in measurement.metrics}


def _cycles(measurement: Measurement) -> dict[str, str]:
    return {f"{layer.index} {layer.name}": str(layer.cycles) for layer in measurement.layers}


def _compare(
    what: str, stored: Mapping[str, str], measured: Mapping[str, str]
) -> tuple[Difference, ...]:
    return tuple(
        Difference(
            name=f"{what} {name}".strip(), stored=stored.get(name), measured=measured.get(name)
        )
        for name in {**stored, **measured}
        if stored.get(name) != measured.get(name)
    )
