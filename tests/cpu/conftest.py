"""The generator and simulators that the tests of the CPU share."""

from pathlib import Path

import pytest

from tests.cpu.core_bench import Simulators, generator_jars


@pytest.fixture(scope="session")
def jars() -> Path:
    return generator_jars()


@pytest.fixture(scope="session")
def simulators(tmp_path_factory: pytest.TempPathFactory) -> Simulators:
    return Simulators(tmp_path_factory.mktemp("simulators"))
