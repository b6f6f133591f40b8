"""What a trial that was handed in is worth: plain data, and a few words about it."""

from dataclasses import dataclass

from dse.results.trial import OpenedTrial
from dse.words import plural
from runners.job import Job
from runners.measuring.session import Session
from runners.samples.files import Samples, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """Another trial beside the one that is handed in.

    Attributes:
        trial: Its number.
        what: Which one that is, in words.
        latency_us: Its latency, as the study has it.
        is_estimate: Its clock was only requested.
        cycles: Of one inference.
        factor: How many times faster the trial that is handed in is.
        cycles_factor: How many times fewer cycles it takes: what no clock decides.
    """

    trial: int
    what: str
    latency_us: float
    is_estimate: bool
    cycles: float
    factor: float
    cycles_factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a trial is worth, as it was measured for this.

    Attributes:
        study: Name of the study.
        trial: Number of the trial.
        board: ``simulated``, or its name in ``boards.toml``.
        is_simulated: No FPGA was involved.
        clock_mhz: That its time is told by.
        is_estimate: That clock was only requested: the design is not placed.
        golden: Golden inputs that were right in every byte of every layer.
        samples: How many were run.
        all_samples: How many there are.
        inferences: How many that were; a recording is several.
        task: ``classification`` or ``anomaly``.
        encoding: Of the samples' files.
        correct: Samples classified as labelled; None for anomalies.
        reference_correct: The same by TFLite's reference kernels.
        auc: Area under the ROC curve: of anomaly scores, or of classes one against the rest.
        exact: Outputs that are the reference's, byte for byte.
        mistakes: Names of the samples that are classified wrongly.
        inexact: Names of the samples with an output that differs from the reference's.
        latency_us: Mean of the inferences: ``cycles`` at the clock, as everywhere in a study.
        latency_least_us: The shortest.
        latency_most_us: The longest.
        elapsed_us: Mean time between the two timestamps of the protocol, which has the printing of
            the first of them in it.
        cycles: Mean of what the CPU counted.
        energy_uj: Of one inference; None where no meter measured it.
        energy_half_width_uj: How well that is known; None likewise.
        baseline: What the speed-up is over; None where there is no CPU alone.
        best_alone: The fastest CPU alone, where that is another one.
        reference_us: As wished for.
        reference_factor: How many times faster than that it is.
        wall_s: What the session took.
    """

    study: str
    trial: int
    board: str
    is_simulated: bool
    clock_mhz: float
    is_estimate: bool
    golden: int
    samples: int
    all_samples: int
    inferences: int
    task: Task
    encoding: str
    correct: int | None
    reference_correct: int | None
    auc: float | None
    exact: int
    mistakes: tuple[str, ...]
    inexact: tuple[str, ...]
    latency_us: float
    latency_least_us: float
    latency_most_us: float
    elapsed_us: float
    cycles: float
    energy_uj: float | None
    energy_half_width_uj: float | None
    baseline: Against | None
    best_alone: Against | None
    reference_us: float | None
    reference_factor: float | None
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedIn:
    """A submission, and what it was made of.

    Attributes:
        submission: Its figures.
        opened: The trial.
        job: What ran: the design, the firmware and the clock.
        samples: What was run.
        session: What the board said.
    """

    submission: Submission
    opened: OpenedTrial
    job: Job
    samples: Samples
    session: Session


def accuracy_text(submission: Submission) -> str:
    """Say how often the network was right: a share of the samples, or the AUC."""
    if submission.correct is not None:
        share = submission.correct / submission.samples
        return f"{submission.correct}/{submission.samples} ({share:.1%})"
    auc = submission.auc
    return "AUC -: all samples are of one kind" if auc is None else f"AUC {auc:.4f}"


def samples_text(submission: Submission) -> str:
    """Say how many samples were run, and of how many."""
    few = submission.samples < submission.all_samples
    return (
        f"{submission.samples} of {submission.all_samples} samples"
        if few
        else (f"all {plural(submission.samples, 'sample')}")
    )
