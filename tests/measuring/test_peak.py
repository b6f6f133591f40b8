"""What a family of the study's own says of its multipliers, when a trial is measured."""

from pathlib import Path

import pytest

from contracts.faults import DoesNotBuild
from runners.job import Job
from runners.measuring.peak import own_peak_macs_per_cycle
from tests.stages.own_family import own_family, own_job


def job_with(folder: Path, more: str) -> Job:
    return own_job(folder, own_family(folder, more=more))


def test_a_family_says_it_of_a_design(tmp_path: Path) -> None:
    job = job_with(tmp_path, "macs_per_cycle=lambda values: 4 * (values['mode'] + 1),")
    assert own_peak_macs_per_cycle(job) == 8.0


def test_one_that_says_nothing_has_none(tmp_path: Path) -> None:
    assert own_peak_macs_per_cycle(job_with(tmp_path, "")) is None


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("lambda values: 1 // 0", "ZeroDivisionError"),
        ("lambda values: 'many'", "ValueError"),
        ("lambda values: 0", "is 0.0 for this design"),
        ("lambda values: float('nan')", "is nan for this design"),
    ],
)
def test_what_is_no_number_of_macs_is_a_fault_of_the_design(
    tmp_path: Path, function: str, said: str
) -> None:
    job = job_with(tmp_path, f"macs_per_cycle={function},")
    with pytest.raises(DoesNotBuild, match=said):
        own_peak_macs_per_cycle(job)
