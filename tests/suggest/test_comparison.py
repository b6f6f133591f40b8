"""The comparison of all searches goes on where it was stopped, and plays again what changed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search import comparison
from benchmarks.search.chance import trials_to
from benchmarks.search.comparison import Arena, drawing, played, table_rows, verdicts
from benchmarks.search.table import Table
from tests.suggest.small_study import TWO, small_space, values_of


def arena(factor: float = 1.0) -> Arena:
    space = small_space()
    results = {d: {k: v * factor for k, v in values_of(d).items()} for d in space.enumerate()}
    return Arena(table=Table(name="small", space=space, results=results), objectives=TWO)


def test_what_was_played_is_read_and_what_is_missing_is_added(tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    first = played(state, [arena()], ["random"], range(2))
    assert [game.seed for game in first] == [0, 1]
    lines = state.read_text().splitlines()
    assert len(lines) == 2

    again = played(state, [arena()], ["random", "grid"], range(3))
    assert state.read_text().splitlines()[:2] == lines
    added = [json.loads(line) for line in state.read_text().splitlines()[2:]]
    assert [(each["algorithm"], each["seed"]) for each in added] == [("grid", 0), ("random", 2)]
    assert first == [game for game in again if game.algorithm == "random"][:2]


def test_another_table_or_algorithm_of_the_same_name_is_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state.jsonl"
    played(state, [arena()], ["random"], range(1))
    played(state, [arena(2.0)], ["random"], range(1))
    assert len(state.read_text().splitlines()) == 2
    monkeypatch.setattr(comparison, "_sources_digest", lambda _name: "changed")
    played(state, [arena()], ["random"], range(1))
    assert len(state.read_text().splitlines()) == 3


def test_the_sources_of_an_algorithm_are_its_own() -> None:
    digests = {name: comparison._sources_digest(name) for name in comparison.peers()}
    assert len(set(digests.values())) == len(digests)


def test_the_median_study_reaches_a_share_or_it_does_not() -> None:
    courses = np.array([[0.2, 0.96, 0.97], [0.1, 0.5, 0.95], [0.1, 0.2, 0.3]])
    assert trials_to(courses, 0.95) == 3
    assert trials_to(courses[1:], 0.95) == np.inf
    assert trials_to(courses, 0.1) == 1


def test_tables_and_pictures_have_what_was_played(tmp_path: Path) -> None:
    games = played(tmp_path / "s.jsonl", [arena()], ["random", "grid"], range(2))
    ours = [replace(game, algorithm="vizier") for game in games if game.algorithm == "random"]
    every = [*games, *ours]
    rows = table_rows(every)
    assert {row[1] for row in rows} == {"`vizier`", "`random`", "`grid`"}
    assert all(len(row) == len(comparison.HEADER) for row in rows)
    (line,) = verdicts(every)
    assert line.startswith("small: 95 % after ")
    text = str(drawing(every).markup())
    assert "vizier" in text
    assert "random" in text
