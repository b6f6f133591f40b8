"""Labelled samples of a workload, run through a trial's firmware.

The format is that of MLPerf Tiny's performance samples: ``y_labels.csv`` with lines
``file,number of classes,label`` beside the files or above their folder; a file holds one input,
its bytes as uint8 pixels (128 is taken from each) where the network's input has that meaning.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contracts.faults import ConfigError, ToolCrashed
from runners.job import Job
from runners.pipeline import Cache, Pipeline, Report
from runners.stages.all import pipeline_of
from runners.stages.simulate import device_on, open_simulated_board
from runners.tools import run_tool
from runners.workload import workload_model
from sw_templates.host import batch_command, parse_batch
from sw_templates.model import Model
from sw_templates.reference import golden_inferences

Place = Literal["host", "board"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One labelled input.

    Attributes:
        name: File name.
        label: Index of the right class.
        content: Raw int8 input tensor.
    """

    name: str
    label: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came out for each sample, in order.

    Attributes:
        firmware: Output tensors of the trial's firmware.
        reference: Output tensors of TFLite's reference kernels.
    """

    firmware: tuple[bytes, ...]
    reference: tuple[bytes, ...]


def read_samples(folder: Path, model: Model) -> tuple[Sample, ...]:
    """Read all samples below ``folder``.

    Raises:
        ConfigError: The labels are missing or malformed, a file is missing, or its size is not
            that of the model's input.
    """
    labels = folder / "y_labels.csv"
    try:
        with labels.open(newline="", encoding="utf-8") as source:
            rows = [row for row in csv.reader(source) if row]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the labels {labels} cannot be read: {error}",
            fix="let workload.samples name a folder with y_labels.csv in it",
        ) from error
    files = {path.name: path for path in folder.rglob("*") if path.is_file()}
    return tuple(_sample(row, files, model, labels) for row in rows)


def _sample(row: Sequence[str], files: dict[str, Path], model: Model, labels: Path) -> Sample:
    if len(row) != 3 or not row[2].strip().isdigit():
        raise ConfigError(
            f"{labels}: the line {','.join(row)!r} is not file,classes,label",
            fix="write one such line for each sample",
        )
    name, label = row[0].strip(), int(row[2])
    if name not in files:
        raise ConfigError(
            f"{labels} names {name}, and there is no such file below {labels.parent}",
            fix="bring the file back, or take its line out",
        )
    content = files[name].read_bytes()
    if len(content) != model.input_bytes:
        raise ConfigError(
            f"{files[name]} has {len(content)} bytes, the model's input {model.input_bytes}",
            fix="use samples of this model's input shape",
        )
    return Sample(name=name, label=label, content=bytes(byte ^ 0x80 for byte in content))


def run_samples(
    job: Job,
    samples: Sequence[Sample],
    *,
    on: Place,
    cache: Cache,
    report: Report,
    progress: Callable[[int], None],
) -> Answers:
    """Run samples through a design's firmware and through the reference kernels.

    Args:
        job: The trial's design and surroundings.
        samples: What to run.
        on: ``host``: the same C on this computer with the CFU emulated, in seconds; ``board``:
            the simulated board, as long as its inferences take.
        cache: Where artefacts are.
        report: Told when a stage starts and ends.
        progress: Told how many samples are done.

    Raises:
        DseError: A stage, a tool or the board failed.
    """
    pipeline = pipeline_of(job, cache=cache, report=report)
    inputs = [sample.content for sample in samples]
    model = workload_model(job.workload)
    run = _run_on_host if on == "host" else _run_on_board
    with cache.scratch_folder("samples") as folder:
        firmware = run(pipeline, job, inputs, folder, progress)
    reference = golden_inferences(job.workload.model, model, inputs)
    if len(firmware) != len(samples):
        raise ToolCrashed(
            f"{len(firmware)} answers came for {len(samples)} samples", fix="run it again"
        )
    return Answers(firmware=firmware, reference=tuple(golden.output for golden in reference))


def _run_on_host(
    pipeline: Pipeline,
    job: Job,
    inputs: Sequence[bytes],
    folder: Path,
    progress: Callable[[int], None],
) -> tuple[bytes, ...]:
    program = pipeline.get("host-firmware").folder / "firmware_host"
    model = workload_model(job.workload)
    (folder / "inputs").write_bytes(b"".join(inputs))
    run_tool(
        batch_command(
            program,
            inputs=folder / "inputs",
            outputs=folder / "outputs",
            crcs=folder / "crcs",
        ),
        cwd=folder,
        log=folder / "log",
        timeout_s=job.limits.stage_timeout_s,
    )
    answers = parse_batch(model, (folder / "outputs").read_bytes(), (folder / "crcs").read_bytes())
    progress(len(inputs))
    return tuple(answer.output for answer in answers)


def _run_on_board(
    pipeline: Pipeline,
    job: Job,
    inputs: Sequence[bytes],
    folder: Path,
    progress: Callable[[int], None],
) -> tuple[bytes, ...]:
    board = open_simulated_board(
        simulator=pipeline.get("simulator").folder,
        firmware=pipeline.get("firmware").folder,
        soc=pipeline.get("soc").folder,
        folder=folder,
        limits=job.limits,
    )
    try:
        device = device_on(board, job.limits)
        device.connect()
        outputs = []
        for number, content in enumerate(inputs, start=1):
            device.load(job.serial.on_the_line(content))
            device.infer()
            outputs.append(device.output())
            progress(number)
        return tuple(outputs)
    finally:
        board.close()
