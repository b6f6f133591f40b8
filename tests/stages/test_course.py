"""How far a simulation is told to be: of what is expected, never back, never at its end."""

import pytest

from runners.job import SimulatedCycles
from runners.stages.simulate import Course

M = 1_000_000


class Heard:
    """Keeps what a course tells."""

    def __init__(self) -> None:
        self.shares: list[float | None] = []
        self.cycles: list[SimulatedCycles | None] = []

    def __call__(self, fraction: float | None, /, cycles: SimulatedCycles | None = None) -> None:
        self.shares.append(fraction)
        self.cycles.append(cycles)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_where_nothing_is_known_the_first_inference_has_cycles_and_no_share(heard: Heard) -> None:
    course = Course(inferences=2, expected_cycles=0, tell=heard)
    course.reach(3 * M)
    assert (heard.shares, heard.cycles) == ([None], [SimulatedCycles(done=3 * M, expected=None)])


def test_what_the_first_took_is_expected_of_the_others(heard: Heard) -> None:
    course = Course(inferences=3, expected_cycles=0, tell=heard)
    course.reach(9 * M)
    course.infer(10 * M)
    course.reach(15 * M)
    assert heard.shares[-1] == pytest.approx(0.5)
    assert heard.cycles[-1] == SimulatedCycles(done=15 * M, expected=30 * M)
    course.infer(22 * M)
    course.reach(27 * M + 500_000)
    assert heard.cycles[-1] == SimulatedCycles(done=27 * M + 500_000, expected=33 * M)


def test_what_like_designs_took_gives_the_first_a_share(heard: Heard) -> None:
    course = Course(inferences=2, expected_cycles=10 * M, tell=heard)
    course.reach(5 * M)
    assert heard.shares == [pytest.approx(0.25)]
    assert heard.cycles == [SimulatedCycles(done=5 * M, expected=20 * M)]


@pytest.mark.parametrize("expected_cycles", [0, 2 * M, 10 * M, 50 * M])
@pytest.mark.parametrize("took", [(10, 11, 12), (12, 11, 10), (10, 40, 10), (40, 5, 60)])
def test_a_share_never_falls_and_is_never_whole(
    expected_cycles: int, took: tuple[int, ...], heard: Heard
) -> None:
    course = Course(inferences=3, expected_cycles=expected_cycles, tell=heard)
    cycles = 0
    for millions in took:
        for _ in range(millions):
            cycles += M
            course.reach(cycles)
        course.infer(cycles)
    assert [each.done for each in heard.cycles if each] == [M * n for n in range(1, sum(took) + 1)]
    shares = [share for share in heard.shares if share is not None]
    assert shares == sorted(shares)
    assert 0.75 < shares[-1] < 1
    expected = [each.expected for each in heard.cycles if each and each.expected is not None]
    assert len(expected) == len(shares)
    assert all(each.done <= (each.expected or each.done) for each in heard.cycles if each)


def test_no_inference_counts_for_more_than_itself_before_its_end(heard: Heard) -> None:
    course = Course(inferences=2, expected_cycles=M, tell=heard)
    for cycles in range(M, 30 * M, M):
        course.reach(cycles)
    assert max(share for share in heard.shares if share is not None) == 0.5
    assert heard.cycles[-1] == SimulatedCycles(done=29 * M, expected=58 * M)


def test_each_million_is_told_once(heard: Heard) -> None:
    course = Course(inferences=2, expected_cycles=0, tell=heard)
    for cycles in range(0, 4 * M, M // 10):
        course.reach(cycles)
    assert [each.done for each in heard.cycles if each] == [M, 2 * M, 3 * M]
