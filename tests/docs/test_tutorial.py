"""The tutorial prints what its study gives, whichever trial of the two workers ends first."""

import re
import sys
from pathlib import Path

import pytest

from runners.tools.versions import identity
from tests.docs.conftest import run
from tests.docs.pages import ROOT, blocks

STARTS = ("trial   latency", "metric              value", "layer               output")
"""First words of the texts that do not depend on the machine: the front, metrics and layers."""


def told(start: str) -> str:
    """Return the text of the tutorial that begins so."""
    (found,) = (
        block.text
        for block in blocks("text")
        if block.page == "docs/tutorial.md" and block.text.startswith(start)
    )
    return found.rstrip()


def test_the_texts_that_are_compared_are_there() -> None:
    assert all(told(start) for start in STARTS)


@pytest.mark.slow
def test_the_tutorials_study_gives_what_the_tutorial_prints(tmp_path: Path) -> None:
    (compiler,) = re.findall(r"RISC-V gcc (\d+\.\d+)", (ROOT / "docs" / "tutorial.md").read_text())
    if f" {compiler}." not in identity("riscv-gcc"):
        pytest.skip(f"the tutorial's cycles are of RISC-V gcc {compiler}")
    for name in ("configs", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    ours = [sys.executable, "-m", "dse.study"]
    started = run([*ours, "start", "configs/quick.toml"], tmp_path)
    assert started.returncode == 0, started.stderr
    printed = "".join(
        run([*ours, *words], tmp_path).stdout
        for words in (["front", "quick"], ["show", "quick", "7"])
    )
    for start in STARTS:
        assert told(start) in printed
