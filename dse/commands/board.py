"""A trial's simulated board for other serial programs: its UART as a pseudo-terminal."""

import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from dse.config import config_from_json
from dse.store import Reader
from runners.job import StageEvent
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.simulate import load_firmware
from runners.stages.simulator import SIMULATOR


def run_board(
    store: Reader,
    name: str,
    number: int,
    *,
    link: Path | None,
    report: Callable[[StageEvent], None],
) -> int:
    """Run a trial's simulated board until Ctrl-C; it prints the path of its serial port.

    Args:
        store: Has the trial.
        name: Name of the study.
        number: Number of the trial.
        link: Made a symbolic link to the serial port; None for no link.
        report: Told when a stage starts and ends.

    Returns:
        The simulator's exit status.

    Raises:
        ConfigError: There is no such trial, or its model is missing or has changed.
        DseError: A stage failed.
    """
    study = store.study(name)
    config = config_from_json(study.config_json)
    job = config.job(store.detail(study, number).result.trial.design)
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=report)
    firmware, soc = (pipeline.get(stage).folder for stage in ("firmware", "soc"))
    command = [str(pipeline.get("simulator").folder / SIMULATOR)]
    if link is not None:
        command += ["--link", str(link.absolute())]
    with tempfile.TemporaryDirectory(prefix="dse-board-") as folder:
        load_firmware(firmware=firmware, soc=soc, folder=Path(folder))
        # Ctrl-C reaches both of us; the simulator ends by itself and tells its cycles
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return subprocess.run(
                command, cwd=folder, check=False, preexec_fn=_obey_ctrl_c
            ).returncode
        finally:
            signal.signal(signal.SIGINT, before)


def _obey_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
