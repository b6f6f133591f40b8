"""The table that searches are compared on, as a space."""

import csv
from pathlib import Path

import pytest

from benchmarks.search.play import Scale, play
from benchmarks.search.table import read_table, synthetic_table
from contracts.faults import ConfigError
from dse.space import Design
from dse.suggest import make_suggester
from tests.suggest.small_study import TWO, small_space, values_of

METRICS = ("latency_us", "lut4")


def write(path: Path, designs: list[Design], state: str = "completed") -> Path:
    names = [parameter.name for parameter in small_space().parameters]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["trial", "state", "design_id", *names, *METRICS])
        for number, design in enumerate(designs):
            row_state = "infeasible" if number == 0 else state
            values = values_of(design) if row_state == "completed" else {}
            rows.writerow(
                [number, row_state, design.id]
                + [design.values.get(name, "") for name in names]
                + [values.get(metric, "") for metric in METRICS]
            )
    return path


def test_an_exported_table_becomes_the_space_it_came_from(tmp_path: Path) -> None:
    designs = list(small_space().enumerate())
    table = read_table(write(tmp_path / "t.csv", designs), METRICS)
    assert set(table.space.enumerate()) == set(designs)
    assert table.results[designs[0]] is None
    assert table.results[designs[5]] == {m: values_of(designs[5])[m] for m in METRICS}
    ordered = {p.name for p in table.space.parameters if p.ordered}
    assert ordered == {"width", "depth"}


def test_designs_that_were_not_measured_are_not_in_the_space(tmp_path: Path) -> None:
    designs = list(small_space().enumerate())[3:17]
    table = read_table(write(tmp_path / "t.csv", designs), METRICS)
    assert set(table.space.enumerate()) == set(designs)


def test_a_table_without_results_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("trial,state,width,latency_us,lut4\n1,failed,2,,\n")
    with pytest.raises(ConfigError, match="no row whose column"):
        read_table(path, METRICS)
    path.write_text("trial,state,width,latency_us,lut4\n1,completed,2,5,\n")
    with pytest.raises(ConfigError, match=r"\['lut4'\] of .* is empty"):
        read_table(path, METRICS)


def test_trying_everything_reaches_the_whole_hypervolume(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", list(small_space().enumerate())), METRICS)
    game = play(table, make_suggester("random"), TWO, seed=1, trials=24)
    for logarithmic in (True, False):
        scale = Scale(table, TWO, logarithmic=logarithmic)
        assert scale.share(game.found) == pytest.approx(1)
        assert 0 < scale.share(game.found[:6]) < 1


def test_the_made_up_table_says_that_it_is() -> None:
    assert "made up" in synthetic_table().name
