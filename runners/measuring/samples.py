"""Labelled samples of a workload, run through a trial's firmware and the reference kernels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contracts.faults import ToolCrashed
from hw_templates.cfu.on_host import CFU_OBJECT
from runners.job import Job
from runners.pipeline import Cache, Pipeline, Report
from runners.samples.files import Samples
from runners.stages.all import pipeline_of
from runners.stages.cfu_check import link_with_cfu
from runners.stages.design import family_of
from runners.stages.firmware import is_modelled_by_verilog
from runners.stages.simulate import device_on, open_simulated_board
from runners.tools import run_tool
from runners.workload import workload_model
from sw_templates.build import HOST_NAME
from sw_templates.host import batch_answers, batch_command
from sw_templates.reference import golden_inferences

Place = Literal["host", "board"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came out of each inference, in order.

    Attributes:
        firmware: Output tensors of the trial's firmware.
        reference: Output tensors of TFLite's reference kernels.
    """

    firmware: tuple[bytes, ...]
    reference: tuple[bytes, ...]


def run_samples(
    job: Job,
    samples: Samples,
    *,
    on: Place,
    cache: Cache,
    report: Report,
    progress: Callable[[int], None],
) -> Answers:
    """Run samples through a design's firmware and through the reference kernels.

    Args:
        job: The trial's design and surroundings.
        samples: What to run; a sample of several windows is several inferences.
        on: ``host``: the same C on this computer with the CFU emulated, in seconds, or with its
            Verilog, where a family has no emulation; ``board``: the simulated board, as long as
            its inferences take.
        cache: Where artefacts are.
        report: Told when a stage starts and ends.
        progress: Told how many inferences are done.

    Raises:
        DseError: A stage, a tool or the board failed.
    """
    pipeline = pipeline_of(job, cache=cache, report=report)
    inputs = samples.inputs
    model = workload_model(job.workload)
    run = _run_on_host if on == "host" else _run_on_board
    with cache.scratch_folder("samples") as folder:
        firmware = run(pipeline, job, inputs, folder, progress)
    reference = golden_inferences(job.workload.model, model, inputs)
    if len(firmware) != len(inputs):
        raise ToolCrashed(
            f"{len(firmware)} answers came for {len(inputs)} inferences", fix="run it again"
        )
    return Answers(firmware=firmware, reference=tuple(golden.output for golden in reference))


def _run_on_host(
    pipeline: Pipeline,
    job: Job,
    inputs: Sequence[bytes],
    folder: Path,
    progress: Callable[[int], None],
) -> tuple[bytes, ...]:
    program = _host_program(pipeline, job, folder)
    run_tool(
        batch_command(program, inputs, folder=folder),
        cwd=folder,
        log=folder / "log",
        timeout_s=job.limits.stage_timeout_s,
    )
    answers = batch_answers(workload_model(job.workload), folder)
    progress(len(inputs))
    return tuple(answer.output for answer in answers)


def _host_program(pipeline: Pipeline, job: Job, folder: Path) -> Path:
    """Return the firmware for this computer, with the CFU's Verilog where nothing emulates it."""
    built = pipeline.get("host-firmware").folder
    if not is_modelled_by_verilog(family_of(job)):
        return built / HOST_NAME
    program = folder / HOST_NAME
    link_with_cfu(
        host_firmware=built,
        cfu=pipeline.get("cfu-on-host").folder / CFU_OBJECT,
        runtime=pipeline.get("simulator-runtime").folder,
        out=program,
        limits=job.limits,
    )
    return program


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
