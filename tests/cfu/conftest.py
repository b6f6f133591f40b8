"""What is compiled once for all tests."""

from pathlib import Path

import pytest

from tests.cfu.cfu_harness import VerilatedRuntime


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> VerilatedRuntime:
    return VerilatedRuntime(tmp_path_factory.mktemp("verilated"))


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cfu")
