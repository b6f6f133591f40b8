"""A file of tests stays in one process, and so do files that share what takes long to build."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFTEST = "from tests.conftest import pytest_xdist_make_scheduler\n"
TESTS = """
import time
import pytest

@pytest.mark.parametrize("number", range(5))
def test_it(number):
    time.sleep(0.02)  # so that the other process has its part of what may be had
"""


def test_each_group_is_run_by_one_process_and_both_have_some(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "soc").mkdir()
    (tmp_path / "boards").mkdir()
    for name in ("soc/test_a.py", "test_b.py", "test_c.py", "boards/test_d.py", "test_e.py"):
        (tmp_path / name).write_text(TESTS)
    plugins = ("-p", "no:schemathesis", "-p", "no:cacheprovider")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir=.", "-v", *plugins),
            *("--import-mode=importlib", "-n", "2", "--dist", "loadgroup"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    processes = defaultdict(set)
    for process, name in re.findall(r"^\[(gw\d)\] .* PASSED (\S+)::test_it", done.stdout, re.M):
        processes[name].add(process)
    assert len(processes) == 5, done.stdout
    assert [len(each) for each in processes.values()] == [1] * 5
    assert processes["soc/test_a.py"] == processes["boards/test_d.py"], "they share SoCs"
    assert len(set.union(*processes.values())) == 2
