"""The small design, placed and routed once for all tests that look at the result."""

import dataclasses
from pathlib import Path

import pytest

from contracts.measurement import Completed, Fidelity, Measurement
from runners.job import Job
from runners.measuring.measure import measure
from runners.pipeline import Cache, default_root
from tests.stages.place.small_design import small_job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return dataclasses.replace(small_job(tmp_path), fidelity=Fidelity.PLACED)


@pytest.fixture
def measured(job: Job) -> Measurement:
    outcome = measure(job, report=lambda _: None, cache=Cache(default_root()))
    assert isinstance(outcome, Completed), outcome
    return outcome.measurement
