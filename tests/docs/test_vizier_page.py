"""The programs on the page about Vizier work as they stand there, in a process of a user's own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, named_blocks


def run(program: str, folder: Path) -> str:
    (folder / program).write_text(named_blocks("python")[program])
    ended = subprocess.run(
        [sys.executable, program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_our_designer_runs_a_study_of_a_stranger(tmp_path: Path) -> None:
    lines = run("designer.py", tmp_path).splitlines()
    assert len(lines) == 10
    designs = {line.split("{", 1)[1].split("}")[0] for line in lines}
    assert len(designs) == 10


@pytest.mark.slow
def test_an_exported_study_is_read_with_vizier_alone(tmp_path: Path) -> None:
    export = (
        "from pathlib import Path\n"
        "from dse.commands.vizier_study import export_vizier\n"
        "from dse.dashboard.web.serve import example_database\n"
        "from dse.store import Reader\n"
        "with example_database() as path, Reader(path) as reader:\n"
        "    print(export_vizier(reader, 'imgc', Path('quick.vizier')))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", export],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    )
    count = int(ended.stdout)
    program = named_blocks("python")["read.py"].replace('"quick")', '"imgc")')
    (tmp_path / "read.py").write_text(program)
    read = subprocess.run(
        [sys.executable, "read.py"],
        cwd=tmp_path,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},  # without a path to ours
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(read.stdout.splitlines()) == 1 + count == 49
    assert "COMPLETED" in read.stdout
