"""How many labelled samples a trial's firmware gets right, and whether every answer is exact."""

from collections.abc import Callable
from dataclasses import dataclass

from contracts.faults import ConfigError
from dse.results.trial import open_trial
from dse.store import Reader
from runners.job import StageEvent
from runners.measuring.samples import Place, Sample, read_samples, run_samples
from runners.pipeline import Cache, default_root
from runners.workload import workload_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Labelled samples through one firmware.

    Attributes:
        study: Name of the study.
        trial: Number of the trial.
        on: ``host`` or ``board``.
        samples: How many were run.
        correct: How many the firmware classifies as their label says.
        reference_correct: How many TFLite's reference kernels do.
        exact: How many outputs are the reference's, byte for byte.
        mistakes: Names of the samples that are classified wrongly.
        inexact: Names of the samples whose output differs from the reference's.
    """

    study: str
    trial: int
    on: Place
    samples: int
    correct: int
    reference_correct: int
    exact: int
    mistakes: tuple[str, ...]
    inexact: tuple[str, ...]


def accuracy_of_trial(
    store: Reader,
    name: str,
    number: int,
    *,
    on: Place,
    samples: int | None,
    report: Callable[[StageEvent], None],
    progress: Callable[[int], None],
) -> Accuracy:
    """Run the labelled samples of a study's workload, or the first of them.

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
    model = workload_model(config.workload)
    chosen = read_samples(config.workload.samples, model)[:samples]
    answers = run_samples(
        opened.settled_job,
        chosen,
        on=on,
        cache=Cache(default_root()),
        report=report,
        progress=progress,
    )
    mistakes = _mistakes(chosen, answers.firmware)
    inexact = [
        sample.name
        for sample, ours, theirs in zip(chosen, answers.firmware, answers.reference, strict=True)
        if ours != theirs
    ]
    return Accuracy(
        study=name,
        trial=number,
        on=on,
        samples=len(chosen),
        correct=len(chosen) - len(mistakes),
        reference_correct=len(chosen) - len(_mistakes(chosen, answers.reference)),
        exact=len(chosen) - len(inexact),
        mistakes=tuple(mistakes),
        inexact=tuple(inexact),
    )


def accuracy_text(accuracy: Accuracy) -> str:
    """Lay out an accuracy."""
    count = accuracy.samples
    share = f"{accuracy.correct / count:.1%}" if count else "-"
    lines = [
        f"trial {accuracy.trial} of study {accuracy.study}, on the {accuracy.on}",
        f"correct    {accuracy.correct}/{count} ({share})",
        f"reference  {accuracy.reference_correct}/{count} with TFLite's reference kernels",
        f"exact      {accuracy.exact}/{count} outputs are the reference's, byte for byte",
    ]
    if accuracy.inexact:
        lines.append(f"differ     {', '.join(accuracy.inexact[:10])}")
    return "\n".join(lines)


def best_class(output: bytes) -> int:
    """Return the index of the largest int8 value, the first of equal ones."""
    signed = [value - 256 if value > 127 else value for value in output]
    return signed.index(max(signed))


def _mistakes(samples: tuple[Sample, ...], outputs: tuple[bytes, ...]) -> list[str]:
    return [
        sample.name
        for sample, output in zip(samples, outputs, strict=True)
        if best_class(output) != sample.label
    ]
