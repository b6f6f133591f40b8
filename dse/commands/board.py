"""A trial's simulated board for other serial programs: its UART as a pseudo-terminal."""

import signal
from collections.abc import Callable
from pathlib import Path

from dse.results.trial import open_trial
from dse.store import Reader
from runners.job import StageEvent
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.simulate import load_firmware
from runners.stages.simulator import SIMULATOR
from runners.tools import child


def run_board(
    store: Reader,
    name: str,
    number: int,
    *,
    link: Path | None,
    report: Callable[[StageEvent], None],
    tell: Callable[[str], None],
) -> int:
    """Run a trial's simulated board until Ctrl-C; it prints the path of its serial port.

    It is the one that the trial was measured on: a placed trial's has the clock that it settled on.

    Args:
        store: Has the trial.
        name: Name of the study.
        number: Number of the trial.
        link: Made a symbolic link to the serial port; None for no link.
        report: Told when a stage starts and ends.
        tell: Told which board this is, before it starts.

    Returns:
        The simulator's exit status.

    Raises:
        ConfigError: There is no such trial, or its model is missing or has changed.
        DseError: A stage failed.
    """
    opened = open_trial(store, name, number)
    job = opened.settled_job
    cache = Cache(default_root())
    pipeline = pipeline_of(job, cache=cache, report=report)
    firmware, soc = (pipeline.get(stage).folder for stage in ("firmware", "soc"))
    command = [str(pipeline.get("simulator").folder / SIMULATOR)]
    is_requested = job.target.clock_hz == opened.config.target.clock_hz
    tell(
        f"this is the simulated board of trial {number} of study {name}, not one on a cable; its"
        f" time is that of a clock of {job.target.clock_hz / 1e6:.8g} MHz,"
        f" {'as requested' if is_requested else 'on which the trial settled'}"
    )
    if link is not None:
        command += ["--link", str(link.absolute())]
    with cache.scratch_folder("board") as folder:
        load_firmware(firmware=firmware, soc=soc, folder=folder, clock_hz=job.target.clock_hz)
        # also where a shell that started this in the background has it ignore Ctrl-C
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = child.start(command, is_tied=True, cwd=folder)
        try:
            return process.wait()
        except KeyboardInterrupt:  # the simulator ends by itself and tells its cycles
            child.signal_group(process.pid, signal.SIGINT)
            return process.wait()
        finally:
            child.end(process)
            signal.signal(signal.SIGINT, before)
