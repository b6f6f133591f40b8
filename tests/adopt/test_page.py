"""docs/how-to/coming-from-cfu-playground.md works as it stands there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import adopt
from dse.config import load_config
from hw_templates.cfu import load_families
from sw_templates.tflm import missing_symbol, reference_kernels

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "coming-from-cfu-playground.md").read_text()
_FILE = re.compile(r"```(?:verilog|cpp)\n// (\S+)\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_the_example_becomes_a_family_by_the_command_on_the_page(tmp_path: Path) -> None:
    files = dict(_FILE.findall(PAGE))
    assert len(files) == 2
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = re.search(r"python -m (dse\.study adopt .*)", PAGE)
    assert found is not None
    done = subprocess.run(
        [sys.executable, "-m", *found[1].split(), "--json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["start"] == "python -m dse.study start four_macs_family/study.toml"
    missing = " ".join(said["missing"])
    assert "LANES = 2 is left out" in missing
    assert "LANES = 8 is left out" in missing
    assert "bit-exact" in " ".join(said["checked"])
    family = load_families([str(tmp_path / "four_macs_family" / "family.py")]).named("four_macs")
    assert family.kernel_headers is not None
    assert list(family.kernel_headers.headers) == ["conv2d"]
    _, config = load_config(tmp_path / "four_macs_family" / "study.toml")
    assert config.name == "four_macs"


def test_the_benchmark_reads_the_projects_and_lines_of_the_pages() -> None:
    assert adopt.blocks(adopt.ADOPTED_PAGE) == dict(_FILE.findall(PAGE))
    assert list(adopt.lines_by_hand()) == [
        "dotter.py",
        "dotter_kernels/fully_connected.c.j2",
        "dotter_kernels/cfu_emulation.c.j2",
    ]
    assert all(count > 5 for count in adopt.lines_by_hand().values())


def test_the_page_names_every_kernel_that_a_header_can_stand_for() -> None:
    for kernel in reference_kernels().values():
        assert f"`{kernel.header}`" in PAGE
        assert f"`{kernel.function}`" in PAGE


def test_the_page_names_what_a_compiler_said() -> None:
    said = "adopted/conv.h:31:5: error: 'TfLiteTensor' was not declared in this scope"
    assert missing_symbol(said) == ("conv.h:31", "TfLiteTensor")
    assert "`conv.h:31: TfLiteTensor is neither in the kernels' folder nor in the shim`" in PAGE
