"""Families under test, and what is compiled once for all tests."""

import os
from pathlib import Path

import pytest

from hw_templates.cfu import register_module
from tests.cfu.cfu_harness import VerilatedRuntime

for module in filter(None, os.environ.get("CFU_MODULES", "").split(",")):
    register_module(module)  # a user's own families go through the same suite


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> VerilatedRuntime:
    return VerilatedRuntime(tmp_path_factory.mktemp("verilated"))


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cfu")
