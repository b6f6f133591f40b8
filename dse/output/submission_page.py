"""One page about a trial that is handed in: its figures, its place on the front, its layers."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from dse import program
from dse.config import StudyConfig
from dse.output.comparison_report import factor_text
from dse.output.document import Document, Item, Section, Table
from dse.output.drawing.layers import layers_drawing
from dse.output.drawing.svg import Drawing
from dse.output.plot import front_drawing
from dse.output.report import table_text
from dse.results.front import Front
from dse.results.handed_in import Against, HandedIn, Submission, accuracy_text, samples_text
from dse.results.layers import layer_figures
from dse.store import TrialDetail
from dse.words import (
    duration_text,
    latency_text,
    metric_text,
    metric_title,
    number_text,
    plural,
    value_text,
)

FRONT_FILE, LAYERS_FILE = "front.svg", "layers.svg"


def submission_data(submission: Submission) -> dict[str, Any]:
    """Return the figures as JSON has them."""
    return asdict(submission)


def submission_text(submission: Submission) -> str:
    """Lay out the figures as the command prints them."""
    title = f"{submission.study} {submission.trial}"
    return "\n".join([table_text((title, ""), _figures(submission), left=2), *_notes(submission)])


def pictures(front: Front, handed_in: HandedIn) -> dict[str, Drawing]:
    """Return the pictures of the page by their file names; a front without a point has none."""
    found: dict[str, Drawing] = {}
    result = handed_in.opened.detail.result
    if front.points:
        has_all = all(name in result.metrics for name in front.objectives)
        found[FRONT_FILE] = front_drawing(
            front, handed_in.opened.config, chosen=result if has_all else None
        )
    layers = layers_drawing(handed_in.session.layers)
    if layers is not None:
        found[LAYERS_FILE] = layers
    return found


def submission_document(handed_in: HandedIn, drawings: dict[str, Drawing]) -> Document:
    """Return the page.

    Args:
        handed_in: What it is about.
        drawings: As ``pictures`` returns them.
    """
    submission, config = handed_in.submission, handed_in.opened.config
    detail = handed_in.opened.detail

    def picture(name: str) -> tuple[str, str]:
        if name not in drawings:
            return "", ""
        return str(drawings[name].markup(standalone=True)), name

    front_svg, front_file = picture(FRONT_FILE)
    layers_svg, layers_file = picture(LAYERS_FILE)
    design = detail.result.trial.design
    network = handed_in.job.workload.model.name
    return Document(
        title=f"{network} on {config.target.name}: trial {submission.trial}",
        sections=[
            Section(
                heading="Result",
                lines=_notes(submission),
                table=Table(header=("", ""), rows=_figures(submission)),
            ),
            Section(
                heading="Its place on the front",
                lines=[f"In the ring: trial {submission.trial} of study {submission.study}."]
                if front_svg
                else ["The study has no front."],
                picture=front_svg,
                picture_file=front_file,
            ),
            Section(
                heading="Where the cycles go",
                table=_layers(handed_in, config),
                picture=layers_svg,
                picture_file=layers_file,
            ),
            Section(
                heading="What it is made of",
                table=Table(
                    header=("metric", "value", "fidelity"),
                    rows=_metrics(detail),
                ),
            ),
            Section(
                heading="Design",
                table=Table(
                    header=("parameter", "value"),
                    rows=[(name, value_text(value)) for name, value in design.items()],
                ),
            ),
            Section(
                heading="How it was measured",
                lines=_method(submission),
                items=[
                    Item(
                        text="Measure it again:",
                        command=f"{program.name()} submission {submission.study}"
                        f" {submission.trial}",
                    )
                ],
            ),
        ],
    )


def _figures(submission: Submission) -> list[tuple[str, str]]:
    mark = "~" if submission.is_estimate else ""
    spread = (
        f" ({latency_text(submission.latency_least_us)} to"
        f" {latency_text(submission.latency_most_us)})"
        if submission.latency_least_us != submission.latency_most_us
        else ""
    )
    rows = [
        ("board", submission.board),
        ("clock", f"{mark}{submission.clock_mhz:.8g} MHz"),
        ("golden test", f"{plural(submission.golden, 'input')}, every byte of every layer right"),
        ("latency", f"{mark}{latency_text(submission.latency_us)}{spread}"),
        ("cycles", number_text(round(submission.cycles))),
        (
            "timestamps",
            f"{mark}{latency_text(submission.elapsed_us)} between the two of an inference, the"
            " printing of the first included",
        ),
        ("accuracy", accuracy_text(submission)),
    ]
    if submission.reference_correct is not None:
        share = f"{submission.reference_correct}/{submission.samples}"
        rows.append(("reference", f"{share} by TFLite's reference kernels"))
    rows += [
        ("samples", f"{samples_text(submission)} over the serial line"),
        ("exact", f"{submission.exact}/{submission.inferences} outputs byte for byte"),
    ]
    if submission.energy_uj is not None:
        half = submission.energy_half_width_uj or 0.0
        rows.append(("energy", f"{number_text(submission.energy_uj)} ± {number_text(half)} uJ"))
    for each in (submission.baseline, submission.best_alone):
        if each is not None:
            rows.append(("speed-up", _speed_up(each)))
    if submission.reference_us is not None and submission.reference_factor is not None:
        rows.append(
            (
                "against",
                f"{factor_text(submission.reference_factor)} over the given"
                f" {latency_text(submission.reference_us)}",
            )
        )
    return rows


def _speed_up(each: Against) -> str:
    mark = "~" if each.is_estimate else ""
    return (
        f"{factor_text(each.factor)} over trial {each.trial} ({each.what}):"
        f" {mark}{latency_text(each.latency_us)}; in cycles {factor_text(each.cycles_factor)}"
    )


def _notes(submission: Submission) -> list[str]:
    notes = []
    if submission.is_simulated:
        notes.append("The board is simulated, cycle for cycle: no FPGA was involved.")
    if submission.is_estimate:
        notes.append("~: the design is not placed, so its clock is only requested.")
    if submission.baseline is None:
        notes.append(
            "No speed-up: the study has no CPU alone that completed; name a trial with --baseline."
        )
    if submission.inexact:
        some = ", ".join(submission.inexact[:10])
        notes.append(f"Outputs that differ from the reference kernels': {some}.")
    if submission.samples < submission.all_samples:
        notes.append(f"Only {samples_text(submission)} were run.")
    return notes


def _layers(handed_in: HandedIn, config: StudyConfig) -> Table:
    measurement = replace(handed_in.opened.detail.measurement, layers=handed_in.session.layers)
    design = handed_in.opened.detail.result.trial.design
    figures = layer_figures(measurement, design, config.target)
    rows = [
        (
            layer.name,
            layer.operator,
            number_text(layer.macs),
            number_text(layer.cycles),
            latency_text(figure.time_us),
            "-" if figure.macs_per_cycle is None else f"{figure.macs_per_cycle:.3g}",
        )
        for layer, figure in zip(measurement.layers, figures, strict=True)
    ]
    return Table(header=("layer", "operator", "MAC", "cycles", "time", "MAC/cycle"), rows=rows)


def _metrics(detail: TrialDetail) -> Sequence[tuple[str, str, str]]:
    return [
        (
            metric_title(metric.name),
            metric_text(metric.name, metric.value),
            f"{metric.fidelity}{', estimate' if metric.estimate else ''}",
        )
        for metric in detail.measurement.metrics
    ]


def _method(submission: Submission) -> list[str]:
    return [
        f"The firmware was booted on the {submission.board} board and answered the published"
        " serial protocol.",
        f"Latency is what the CPU counted in each of {plural(submission.inferences, 'inference')},"
        " at the clock. Every output was compared with that of TFLite's reference kernels.",
        f"The session took {duration_text(submission.wall_s)}.",
    ]
