"""How many cycles a design is expected to take, by what others took."""

from statistics import median

import pytest

from benchmarks.expected_cycles import factors
from contracts.parameter import Parameter
from dse.dashboard.web.serve import example_database
from dse.space import Design, Space
from dse.store import Reader
from dse.suggest import expected_cycles

CFU = Parameter(name="cfu", values=("none", "simd"), default="none", description="")
CACHE = Parameter(
    name="cache", values=(0, 1024, 2048, 4096), default=0, description="", ordered=True
)
SPACE = Space((CFU, CACHE))


def cycles_of(cfu: str, cache: int) -> float:
    return 40e6 / (8 if cfu == "simd" else 1) / (2 if cache else 1)


DESIGNS = [
    SPACE.design({"cfu": cfu, "cache": cache})
    for cfu in ("none", "simd")
    for cache in (0, 1024, 2048, 4096)
]
KNOWN = {each: cycles_of(str(each.values["cfu"]), int(each.values["cache"])) for each in DESIGNS}


@pytest.mark.parametrize("left_out", DESIGNS)
def test_a_design_is_expected_to_take_what_like_ones_took(left_out: Design) -> None:
    others = {design: cycles for design, cycles in KNOWN.items() if design != left_out}
    assert 1 / 2.5 < expected_cycles(SPACE, others, left_out) / KNOWN[left_out] < 2.5
    slow, fast = (expected_cycles(SPACE, KNOWN, DESIGNS[n]) for n in (1, 5))
    assert slow > 4 * fast


def test_too_few_tell_nothing_and_designs_of_other_spaces_neither() -> None:
    few = dict(list(KNOWN.items())[:3])
    assert expected_cycles(SPACE, few, DESIGNS[0]) == 0
    other = Space((CFU, Parameter(name="level", values=(1, 2), default=1, description="")))
    assert expected_cycles(other, KNOWN, other.at(0)) == 0
    assert expected_cycles(SPACE, KNOWN, other.at(0)) == 0


def test_in_recorded_studies_the_trials_before_tell_cycles_by_a_small_factor() -> None:
    with example_database() as database, Reader(database) as reader:
        missed = {study: factors(reader, study) for study in ("imgc", "table")}
    assert {study: len(found) for study, found in missed.items()} == {"imgc": 41, "table": 86}
    assert all(median(found) < 1.3 for found in missed.values()), missed
