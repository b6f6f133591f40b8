import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import serial

from tests.fast_design import CPU, FAST_CFU, FIRMWARE, space_toml

ROOT = Path(__file__).parents[2]
CONFIG = f"""
[study]
name = "one"
trials = 1
workers = 1
fidelity = "simulate"
[suggest]
algorithm = "grid"
[workload]
model = "{ROOT}/models/imgc/imgc_resnet8_int8.tflite"
[target]
name = "on_chip_85f"
[objectives]
minimise = ["latency_us", "cycles"]
{space_toml({**CPU, **FAST_CFU, **FIRMWARE})}"""


def study_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "dse.study", *words]


@pytest.mark.slow
def test_a_stock_serial_program_talks_to_the_board_of_a_trial(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(CONFIG)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        study_command("start", "one.toml"), cwd=tmp_path, env=environment, check=True, timeout=500
    )
    board = subprocess.Popen(
        study_command("board", "one", "1", "--link", "port"),
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_ignore_ctrl_c,  # as a shell has what it starts in the background do
    )
    try:
        for _ in range(600):
            if (tmp_path / "port").exists():
                break
            time.sleep(0.1)
        with serial.Serial(str(tmp_path / "port"), 115200, timeout=60) as port:
            port.write(b"name%")
            name = b"m-name-dut-[soft-soc-dse]\r\n"
            assert port.read_until(name).endswith(name)
        os.killpg(board.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
        printed, _ = board.communicate(timeout=60)
    finally:
        board.kill()
        board.communicate()
    assert printed.startswith("serial port: /dev/pts/")
    assert "cycles: " in printed
    assert board.returncode == 0


def _ignore_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
