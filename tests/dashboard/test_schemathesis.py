"""Schemathesis asks the API whatever its OpenAPI document allows, and more.

It is a program of its own here, asking a dashboard that serves: what it finds it prints with the
command that asks the same again. ``test_api_document`` is a short walk without it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dashboard.conftest import Served

CONFIG = """
# which metrics, parameters and formulas there are depends on the study: a text that is none of
# them is refused with 400 though it is a text
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "404"]
"""
NAMED = '[parameters]\nstudy = "imgc"\nnumber = 47\n'
"""Without a study that is there, nearly every answer would be 404."""


@pytest.fixture(scope="module")
def program() -> str:
    found = shutil.which(
        "st", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert found is not None, "Schemathesis is a part of the tests' extra: make setup"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("names", ["", NAMED], ids=["any study", "a study"])
def test_schemathesis_finds_nothing(
    example_served: Served, program: str, tmp_path: Path, names: str
) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(names + CONFIG)
    asked = subprocess.run(
        [
            *(program, "--config-file", str(config), "run"),
            *(f"{example_served.url}/api/openapi.json", "--max-examples", "15", "--seed", "1"),
            *("--no-color", "--suppress-health-check", "all"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=500,
        check=False,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "8 selected / 8 total" in asked.stdout, "every path was asked"
