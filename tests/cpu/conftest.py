"""The generator and simulators that the tests of the CPU share."""

from pathlib import Path

import pytest

from runners.cache import Cache, default_root
from runners.hardware_stages import HARDWARE_STAGES
from runners.job import Job, Target, Workload
from runners.pipeline import Pipeline
from tests.cpu.core_bench import Simulators


@pytest.fixture(scope="session")
def jars() -> Path:
    """The compiled generator, from the cache that trials use."""
    job = Job(
        design={},
        target=Target(name="", part="", clock_mhz=1.0),
        workload=Workload(model=Path(), model_sha256=""),
    )
    stages = {stage.name: stage for stage in HARDWARE_STAGES}
    pipeline = Pipeline(job, stages=stages, cache=Cache(default_root()), report=lambda _: None)
    return pipeline.get("cpu-generator").folder


@pytest.fixture(scope="session")
def simulators(tmp_path_factory: pytest.TempPathFactory) -> Simulators:
    return Simulators(tmp_path_factory.mktemp("simulators"))
