"""The family of docs/how-to/add-a-cfu-family.md works as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hw_templates.cfu import load_families

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-a-cfu-family.md"
_FILE = re.compile(r"```(?:verilog|python|c)\n(?://|#|/\*) (\S+)(?: \*/)?\n(.*?)```", re.DOTALL)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The files of the page in a folder."""
    files = dict(_FILE.findall(PAGE.read_text()))
    assert set(files) == {
        "dotter.v",
        "dotter.py",
        "dotter_amaranth.py",
        "dotter_kernels/fully_connected.c.j2",
        "dotter_kernels/cfu_emulation.c.j2",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_example_loads_beside_others(example: Path) -> None:
    family = load_families([str(example / "dotter.py")]).named("dotter")
    assert [parameter.name for parameter in family.parameters] == ["lanes"]
    assert family.verilog({"lanes": 2}) != family.verilog({"lanes": 4})


@pytest.mark.slow
def test_example_passes_the_contract_in_verilog_and_amaranth(example: Path) -> None:
    modules = ",".join(str(example / name) for name in ("dotter.py", "dotter_amaranth.py"))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "tests/cfu/test_cfu_contract.py", "-q"),
            *("-k", "(dotter and not amaranth) or dotter-amaranth-4"),
            *("-p", "no:cacheprovider"),
        ],
        cwd=ROOT,
        env={**os.environ, "CFU_MODULES": modules, "PYTHONPATH": str(example)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
