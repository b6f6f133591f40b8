"""Handing in a trial: golden test, all samples over the serial line, and what it is worth."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from contracts.faults import Bug, ConfigError
from contracts.measurement import Fidelity, Metric
from contracts.parameter import Value
from dse.commands.flash import CLOCK_CHECK_S, settled_job
from dse.config.variants import PARAMETER
from dse.output.mlperf_tiny import Benchmark
from dse.results.columns import StudyColumns
from dse.results.front import Verdict
from dse.results.handed_in import Against, HandedIn, Submission
from dse.results.trial import OpenedTrial, open_trial
from dse.store import Reader, TrialState
from dse.words import duration_text
from runners.boards import Board
from runners.job import Job, StageEvent
from runners.measuring.measure import cache_of
from runners.measuring.on_board import check_boards, measure_on_board
from runners.measuring.session import (
    WINDOWS,
    Plan,
    Session,
    hold_simulated_session,
    session_on,
)
from runners.samples.files import Samples, by_sample, read_samples
from runners.samples.scoring import Judge, area_under_curve
from runners.stages.all import pipeline_of
from runners.stages.golden import read_golden
from runners.workload import workload_model
from sw_templates.reference import golden_inferences

ALONE = "none"
"""Value of ``cfu`` of a CPU without a custom function unit."""
_TELL_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a person asks of ``submit_trial`` beside the trial.

    Attributes:
        samples: How many samples are run, the first ones; None for all.
        baseline: Number of the trial that the speed-up is over; None for the slowest CPU alone.
        reference_us: A latency of somebody else, such as the course's; None for none.
        board: Name of a board in ``boards.toml``; None for the simulated one.
        benchmark: One of MLPerf Tiny's, whose names and formats the firmware then has, and whose
            rows for throughput are run; None for the firmware as the trial has it.
        window_s: How long each of these rows lasts at the least, by the board's clock.
    """

    samples: int | None = None
    baseline: int | None = None
    reference_us: float | None = None
    board: str | None = None
    benchmark: Benchmark | None = None
    window_s: float = 10.0


def submit_trial(
    store: Reader,
    columns: StudyColumns,
    number: int,
    wishes: Wishes,
    *,
    report: Callable[[StageEvent], None],
    tell: Callable[[str], None],
) -> HandedIn:
    """Boot a trial's design, check it, run the samples over the serial line, and compare.

    Args:
        store: Has the trial.
        columns: Of its study, with designs and cycles.
        number: Of the trial.
        wishes: How it is handed in.
        report: Told when a stage starts and ends.
        tell: Told how far it is.

    Raises:
        ConfigError: There is no such trial, it or the baseline did not complete, or the workload
            has no samples.
        WrongResult: A golden input differs from the reference kernels.
        DseError: A stage or the board failed.
    """
    opened = open_trial(store, columns.config.name, number)
    if opened.trial.state is not TrialState.COMPLETED:
        raise ConfigError(
            f"trial {number} of study {columns.config.name} is {opened.trial.state}: what did not"
            " complete cannot be handed in",
            fix="name a trial that completed; `front` lists the best ones",
        )
    model = workload_model(opened.job.workload)
    samples = read_samples(opened.job.workload, model)
    all_samples = len(samples.samples)
    samples = replace(samples, samples=samples.samples[: wishes.samples])
    baseline, best_alone = _others(columns, opened, wishes)
    job, session, board, metrics, wall_s = _run(opened, samples, wishes, report=report, tell=tell)
    outputs = [answer.output for answer in session.answers]
    reference = golden_inferences(job.workload.model, model, samples.inputs)
    same = [ours == theirs.output for ours, theirs in zip(outputs, reference, strict=True)]
    judge = Judge(samples, model)
    score, theirs = judge.of_tensors(outputs), judge.of_tensors([g.output for g in reference])
    labels = [sample.label for sample in samples.samples]
    classes = judge.classes(outputs)
    counted = [answer.cycles for answer in session.answers]
    cycles, clock_mhz = statistics.fmean(counted), job.target.clock_hz / 1e6
    latency_us = cycles / clock_mhz
    is_estimate = board is None and not any(
        metric.name == "clock_mhz" for metric in opened.detail.measurement.metrics
    )

    def against(each: "tuple[int, str] | None") -> Against | None:
        return None if each is None else _against(store, opened, *each, latency_us, cycles)

    submission = Submission(
        study=columns.config.name,
        trial=number,
        board=board or "simulated",
        is_simulated=board is None,
        clock_mhz=clock_mhz,
        is_estimate=is_estimate,
        golden=session.golden,
        samples=len(samples.samples),
        all_samples=all_samples,
        inferences=len(outputs),
        task=samples.task,
        encoding=samples.encoding.name,
        correct=score.correct,
        reference_correct=theirs.correct,
        auc=_mean_auc(session, labels) if samples.task == "classification" else score.auc,
        exact=sum(same),
        mistakes=tuple(
            sample.name
            for sample, answer in zip(samples.samples, classes or labels, strict=True)
            if answer != sample.label
        ),
        inexact=tuple(
            sample.name
            for sample, parts in zip(samples.samples, by_sample(samples, same), strict=True)
            if not all(parts)
        ),
        latency_us=latency_us,
        latency_least_us=min(counted) / clock_mhz,
        latency_most_us=max(counted) / clock_mhz,
        elapsed_us=statistics.fmean(answer.elapsed_us for answer in session.answers),
        cycles=cycles,
        energy_uj=_value(metrics, "energy_uj"),
        energy_half_width_uj=_value(metrics, "energy_half_width_uj"),
        baseline=against(baseline),
        best_alone=against(best_alone),
        reference_us=wishes.reference_us,
        reference_factor=None if wishes.reference_us is None else wishes.reference_us / latency_us,
        wall_s=wall_s,
    )
    return HandedIn(submission=submission, opened=opened, job=job, samples=samples, session=session)


def _run(
    opened: OpenedTrial,
    samples: Samples,
    wishes: Wishes,
    *,
    report: Callable[[StageEvent], None],
    tell: Callable[[str], None],
) -> tuple[Job, Session, str | None, Sequence[Metric], float]:
    """Hold the session; return the job, what came of it, the board, its metrics, and seconds."""
    job, benchmark = opened.settled_job, wishes.benchmark
    if benchmark is not None:
        serial = replace(
            job.serial,
            model_name=benchmark.name,
            results="floats",
            # the samples go over the line as they are in their files
            inputs="uint8" if samples.encoding.name == "uint8" else job.serial.inputs,
        )
        job = replace(job, serial=serial)
    plan = Plan(
        serial=job.serial,
        golden=(),
        inputs=samples.inputs,
        window_s=None if benchmark is None else wishes.window_s,
        windows=_first_inputs(samples),
    )
    progress = Told(tell)
    cache = cache_of(job)
    started_s = time.monotonic()
    if wishes.board is None:
        expected = opened.detail.measurement.value("cycles")
        session = hold_simulated_session(
            job, plan, expected_cycles=expected, cache=cache, report=report, progress=progress
        )
        return job, session, None, (), time.monotonic() - started_s
    for entry in check_boards(job.target.name, name=wishes.board):
        if entry.target != job.target.name:
            raise ConfigError(
                f"board {entry.name} is a {entry.target}, the study is for {job.target.name}",
                fix=f"name a board of target {job.target.name}",
            )
    asked = replace(opened.job, serial=job.serial, fidelity=Fidelity.PLACED)
    job, _ = settled_job(asked, report)
    pipeline = pipeline_of(job, cache=cache, report=report)
    plan = replace(plan, golden=read_golden(pipeline.get("golden").folder))
    held: list[Session] = []

    def hold(board: Board) -> None:
        held.append(session_on(board, job, plan, progress=progress))

    found = measure_on_board(
        job,
        pipeline,
        cache_root=cache.root,
        report=report,
        holder=f"submission {opened.study.name} {opened.trial.number}",
        board=wishes.board,
        clock_check_s=CLOCK_CHECK_S,
        then=hold,
        tell=tell,
    )
    if not held:
        raise Bug("the board was measured and no session held", fix="report it")
    return job, held[-1], found.board, found.metrics, time.monotonic() - started_s


class Told:
    """Says every few seconds how many inferences are done, and how long the others will take.

    Args:
        tell: Takes a line.
        now_s: The clock.
    """

    def __init__(
        self, tell: Callable[[str], None], *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._now_s = now_s
        self._began_s = self._told_s = now_s()
        self._done = 0
        self._row = False

    def __call__(self, done: int, count: int) -> None:
        """Take how many are done; a number that does not grow begins the rows for throughput."""
        now_s = self._now_s()
        if done <= self._done:
            self._began_s, self._row = self._told_s, True
        self._done = done
        if done < count and now_s - self._told_s < _TELL_EVERY_S:
            return
        self._told_s = now_s
        what = "rows for throughput" if self._row else "inferences"
        left_s = (now_s - self._began_s) / done * (count - done)
        rest = f", about {duration_text(max(left_s, 1))} left" if done < count else ""
        self._tell(f"{done} of {count} {what}{rest}")


def _first_inputs(samples: Samples) -> tuple[int, ...]:
    """Return the numbers of the inferences that begin the first samples."""
    numbers, at = [], 0
    for sample in samples.samples[:WINDOWS]:
        numbers.append(at)
        at += len(sample.inputs)
    return tuple(numbers)


def _mean_auc(session: Session, labels: Sequence[int]) -> float | None:
    """Return the mean area under the ROC curves of the classes, each against all others."""
    found = []
    columns = len(session.answers[0].results)
    if columns == 1:  # the probability of class 1
        return area_under_curve(labels, [answer.results[0] for answer in session.answers])
    for number in range(columns):
        of_class = [int(label == number) for label in labels]
        scores = [answer.results[number] for answer in session.answers]
        area = area_under_curve(of_class, scores)
        if area is not None:
            found.append(area)
    return statistics.fmean(found) if found else None


def _value(metrics: Sequence[Metric], name: str) -> float | None:
    return next((metric.value for metric in metrics if metric.name == name), None)


def _others(
    columns: StudyColumns, opened: OpenedTrial, wishes: Wishes
) -> "tuple[tuple[int, str] | None, tuple[int, str] | None]":
    """Return the baseline and the fastest CPU alone: number and words; None where there is none."""
    alone = _cpus_alone(columns, opened.trial.design)
    by_cycles = sorted(alone, key=lambda at: float(columns.column("cycles")[at]))
    numbers = [int(columns.numbers[at]) for at in by_cycles]
    if wishes.baseline is not None:
        return (wishes.baseline, "as asked for"), None
    if not numbers:
        return None, None
    slowest = (numbers[-1], "CPU alone, the slowest of the study")
    if len(numbers) == 1:
        return (numbers[0], "CPU alone, the only one of the study"), None
    return slowest, (numbers[0], "CPU alone, the fastest of the study")


def _cpus_alone(columns: StudyColumns, design: "dict[str, Value]") -> list[int]:
    """Return where trials completed without a CFU, on the same network as a design."""
    cfu = columns.parameters.get("cfu")
    network = columns.parameters.get(PARAMETER)
    found = []
    for at in columns.is_state(TrialState.COMPLETED).nonzero()[0].tolist():
        if columns.standing.verdicts[at] == Verdict.SUPERSEDED:
            continue
        if cfu is not None and (cfu.codes[at] < 0 or cfu.values[cfu.codes[at]] != ALONE):
            continue
        is_same = network is None or (
            network.codes[at] >= 0 and network.values[network.codes[at]] == design.get(PARAMETER)
        )
        if is_same:
            found.append(at)
    return found


def _against(
    store: Reader, opened: OpenedTrial, number: int, what: str, latency_us: float, cycles: float
) -> Against:
    detail = store.detail(opened.study, number)
    metrics = {metric.name: metric for metric in detail.measurement.metrics}
    if detail.result.trial.state is not TrialState.COMPLETED or "latency_us" not in metrics:
        raise ConfigError(
            f"trial {number} of study {opened.study.name} is {detail.result.trial.state}: nothing"
            " can be compared with it",
            fix="name a trial that completed with --baseline",
        )
    theirs = metrics["latency_us"]
    return Against(
        trial=number,
        what=what,
        latency_us=theirs.value,
        is_estimate=theirs.estimate,
        cycles=metrics["cycles"].value,
        factor=theirs.value / latency_us,
        cycles_factor=metrics["cycles"].value / cycles,
    )
