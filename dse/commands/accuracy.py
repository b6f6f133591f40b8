"""How well a trial's firmware does on labelled samples, and whether every answer is exact."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ConfigError
from dse.output.report import table_text
from dse.results.trial import open_trial
from dse.store import Reader
from runners.job import Job, StageEvent
from runners.measuring.float_model import run_float_model
from runners.measuring.samples import Place, run_samples
from runners.pipeline import Cache, default_root
from runners.samples.files import Task, by_sample, read_samples
from runners.samples.scoring import Judge, Score, confusion
from runners.workload import workload_model
from sw_templates.model import Model

_MOST_CLASSES = 40
"""A wider confusion matrix is left to ``--json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Labelled samples through one firmware.

    Attributes:
        study: Name of the study.
        trial: Number of the trial.
        on: ``host`` or ``board``.
        task: ``classification`` or ``anomaly``.
        encoding: Of the files.
        encoding_reason: Why it is taken for that.
        samples: How many were run.
        inferences: How many that were; a recording is several.
        correct: How many samples the firmware classifies as their label says; None for anomalies.
        reference_correct: How many TFLite's reference kernels do.
        float_correct: How many the float model does; None without one.
        auc: Area under the ROC curve of the firmware's anomaly scores; None for a classifier.
        reference_auc: That of TFLite's reference kernels.
        float_auc: That of the float model.
        exact: How many outputs are the reference's, byte for byte.
        mistakes: Names of the samples that are classified wrongly.
        inexact: Names of the samples that have an output which differs from the reference's.
        confusion: How often each class (row) was answered as each class (column); None for
            anomalies.
    """

    study: str
    trial: int
    on: Place
    task: Task = "classification"
    encoding: str = "int8"
    encoding_reason: str = ""
    samples: int
    inferences: int
    correct: int | None = None
    reference_correct: int | None = None
    float_correct: int | None = None
    auc: float | None = None
    reference_auc: float | None = None
    float_auc: float | None = None
    exact: int
    mistakes: tuple[str, ...] = ()
    inexact: tuple[str, ...] = ()
    confusion: list[list[int]] | None = None


def accuracy_of_trial(
    store: Reader,
    name: str,
    number: int,
    *,
    on: Place,
    samples: int | None,
    report: Callable[[StageEvent], None],
    progress: Callable[[int], None],
    float_model: Path | None = None,
) -> Accuracy:
    """Run the labelled samples of a study's workload, or the first of them.

    Args:
        store: Has the study.
        name: Of the study.
        number: Of the trial.
        on: Where the firmware runs.
        samples: How many; None for all.
        report: Told when a stage starts and ends.
        progress: Told how many inferences are done.
        float_model: File of the model before it was quantised, to be compared with; None for none.

    Raises:
        ConfigError: There is no such trial, the workload has no samples, or they are malformed.
        DseError: A stage or the board failed.
    """
    opened = open_trial(store, name, number)
    config = opened.config
    if config.workload.samples is None:
        raise ConfigError(
            f"the workload of study {name} has no labelled samples",
            fix="name their folder as workload.samples in the config, then start the study again",
        )
    job = opened.settled_job
    model = workload_model(job.workload)
    chosen = read_samples(job.workload, model, count=samples)
    cache = Cache(default_root())
    answers = run_samples(job, chosen, on=on, cache=cache, report=report, progress=progress)
    judge = Judge(chosen, model)
    ours = judge.of_tensors(answers.firmware)
    theirs = judge.of_tensors(answers.reference)
    unquantised = None if float_model is None else _of_float(float_model, judge, model, job, cache)
    same = [a == b for a, b in zip(answers.firmware, answers.reference, strict=True)]
    classes = judge.classes(answers.firmware)
    labels = [sample.label for sample in chosen.samples]
    return Accuracy(
        study=name,
        trial=number,
        on=on,
        task=chosen.task,
        encoding=chosen.encoding.name,
        encoding_reason=chosen.encoding.reason,
        samples=len(chosen.samples),
        inferences=len(answers.firmware),
        correct=ours.correct,
        reference_correct=theirs.correct,
        float_correct=None if unquantised is None else unquantised.correct,
        auc=ours.auc,
        reference_auc=theirs.auc,
        float_auc=None if unquantised is None else unquantised.auc,
        exact=sum(same),
        mistakes=tuple(
            sample.name
            for sample, answer in zip(chosen.samples, classes or labels, strict=True)
            if answer != sample.label
        ),
        inexact=tuple(
            sample.name
            for sample, parts in zip(chosen.samples, by_sample(chosen, same), strict=True)
            if not all(parts)
        ),
        confusion=None if classes is None else confusion(labels, classes, chosen.classes),
    )


def _of_float(path: Path, judge: Judge, model: Model, job: Job, cache: Cache) -> Score:
    """Return the score of a float model."""
    inputs = [window for windows in judge.real() for window in windows]
    with cache.scratch_folder("float-model") as folder:
        outputs = run_float_model(path, inputs, folder=folder, timeout_s=job.limits.stage_timeout_s)
    elements = sum(tensor.elements for tensor in model.outputs)
    if len(outputs[0]) != elements:
        raise ConfigError(
            f"the float model {path} gives {len(outputs[0])} numbers, the quantised one {elements}",
            fix="give the model that was quantised",
        )
    return judge.of_numbers(outputs)


def accuracy_text(accuracy: Accuracy) -> str:
    """Lay out an accuracy."""
    lines = [
        f"trial {accuracy.trial} of study {accuracy.study}, on the {accuracy.on}",
        f"samples    {accuracy.samples}, read as {accuracy.encoding}: {accuracy.encoding_reason}",
        *(_anomaly_lines(accuracy) if accuracy.task == "anomaly" else _class_lines(accuracy)),
        f"exact      {accuracy.exact}/{accuracy.inferences} outputs are the reference's, byte for"
        " byte",
    ]
    if accuracy.inexact:
        lines.append(f"differ     {', '.join(accuracy.inexact[:10])}")
    if accuracy.confusion is not None and len(accuracy.confusion) <= _MOST_CLASSES:
        lines += ["", "how often each class (row) was taken for each class (column):"]
        lines.append(_confusion_text(accuracy.confusion))
    return "\n".join(lines)


def _class_lines(accuracy: Accuracy) -> list[str]:
    count = accuracy.samples

    def share(correct: int | None) -> str:
        return (
            f"{correct}/{count} ({correct / count:.1%})" if correct is not None and count else "-"
        )

    lines = [
        f"correct    {share(accuracy.correct)}",
        f"reference  {accuracy.reference_correct}/{count} with TFLite's reference kernels",
    ]
    if accuracy.float_correct is not None:
        lines.append(f"float      {share(accuracy.float_correct)} with the float model")
    return lines


def _anomaly_lines(accuracy: Accuracy) -> list[str]:
    def area(auc: float | None) -> str:
        return "- (all samples are of one kind)" if auc is None else f"{auc:.4f}"

    lines = [
        f"AUC        {area(accuracy.auc)} over {accuracy.inferences} windows",
        f"reference  {area(accuracy.reference_auc)} with TFLite's reference kernels",
    ]
    if accuracy.float_auc is not None:
        lines.append(f"float      {area(accuracy.float_auc)} with the float model")
    return lines


def _confusion_text(counts: Sequence[Sequence[int]]) -> str:
    header = ["class", *(str(number) for number in range(len(counts))), "right"]
    rows = [
        [str(label), *map(str, row), f"{row[label] / sum(row):.0%}" if sum(row) else "-"]
        for label, row in enumerate(counts)
    ]
    return table_text(header, rows)
