"""An objective from trial to trial: the best so far is the best of those that count."""

from pathlib import Path

import numpy as np
import pytest

from dse.dashboard.example import unpack
from dse.results.course import course_of, improvements
from dse.results.study_results import study_columns
from dse.store import Reader


@pytest.mark.parametrize("metric", ["latency_us", "lut4"])
def test_the_best_so_far_is_that_of_the_trials_that_count(tmp_path: Path, metric: str) -> None:
    with Reader(unpack(tmp_path / "example.db")) as reader:
        columns = study_columns(reader, "imgc")
    course = course_of(columns, metric)
    assert course is not None
    best = np.inf
    for value, counts, so_far in zip(course.values, course.counts, course.best, strict=True):
        best = min(best, value) if counts else best
        assert so_far == best or (np.isnan(so_far) and best == np.inf)
    found = improvements(course)
    assert [row[metric] for row in found] == sorted({*course.best.tolist()}, reverse=True)
    kept = columns.standing.kept
    assert found[-1][metric] == np.nanmin(columns.column(metric)[kept])
