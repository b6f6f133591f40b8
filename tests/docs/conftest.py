"""A small real study in a folder of its own: what the commands of the pages are run against."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, named_blocks
from tests.fast_design import CPU, FAST_CFU, FIRMWARE, space_toml

PYTHON = [sys.executable, "-m", "dse.study"]
STUDY = "quick"
TRIALS = 2
CONFIG = f"""\
[study]
name = "{STUDY}"
trials = {TRIALS}
workers = 1

[suggest]
algorithm = "grid"

[workload]
model = "models/imgc/imgc_resnet8_int8.tflite"
samples = "samples"

[target]
name = "on_chip_85f"

{space_toml({**CPU, **FAST_CFU, **FIRMWARE, "optimisation": ["O2", "O3"]})}"""


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder as from the root of a checkout."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the root of a checkout, with a finished study in results.db."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("configs", "models"):
        (folder / name).symlink_to(ROOT / name)
    named = named_blocks("toml") | named_blocks("python") | named_blocks("c", comment="//")
    for name, text in named.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "documented.toml").write_text(CONFIG)
    samples = folder / "samples"
    samples.mkdir()
    for label in range(2):
        (samples / f"{label}.bin").write_bytes(bytes((17 * label + n) % 256 for n in range(3072)))
    (samples / "y_labels.csv").write_text("0.bin,10,0\n1.bin,10,1\n")
    ended = run([*PYTHON, "start", "documented.toml"], folder)
    assert ended.returncode == 0, ended.stderr
    return folder
