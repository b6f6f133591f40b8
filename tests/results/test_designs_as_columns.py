"""Designs of many trials as columns: the same values, whatever their texts look like."""

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from contracts.parameter import Value
from dse.dashboard.example import unpack
from dse.results.columns import ABSENT, StudyColumns
from dse.results.study_results import StudyResults
from dse.store import NewTrial, Store, StudyRecord

_WORDS = ("none", "a,b", '","width":', "}}", '"', "{", "\n", "ünï")
ORDINARY = {"width": 4, "kind": "none", "fast": True, "depth": 8, "level": "O2", "ways": 1}


def canonical(design: Mapping[str, Value]) -> str:
    text = json.dumps(design, sort_keys=True, separators=(",", ":"))
    return f'{{"schema":1,"values":{text}}}'


def queue(store: Store, study: StudyRecord, texts: list[str]) -> None:
    store.add_trials(
        study.id,
        [NewTrial(design_id=t, design_json=t, suggested_by="random") for t in dict.fromkeys(texts)],
        context="here",
        budget=None,
        now_s=0,
    )


def design_at(columns: StudyColumns, position: int) -> dict[str, tuple[type, Value]]:
    found = {}
    for parameter in columns.parameters.values():
        code = parameter.codes[position]
        if code != ABSENT:
            value = parameter.values[code]
            found[parameter.name] = (type(value), value)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    unpack(tmp_path / "results.db")
    with Store(tmp_path / "results.db") as opened:
        yield opened


def random_design(numbers: random.Random) -> dict[str, Value]:
    choices: tuple[tuple[str, tuple[Value, ...]], ...] = (
        ("width", (1, 2, True, "1")),
        ("kind", _WORDS),
        ("fast", (True, False)),
        ("depth", (0, 1024)),
        ("level", _WORDS),
        ("ways", (1, 2, 4)),
        ("bypass", (True, False)),
    )
    return {name: numbers.choice(some) for name, some in choices if numbers.random() < 0.9}


@pytest.mark.parametrize(
    "first",
    [
        [canonical(ORDINARY)],
        [canonical({})],
        [json.dumps(ORDINARY)],  # as texts were before they had a schema
        [canonical(ORDINARY), canonical({"another": 1})],
        [canonical({"kind": word}) for word in _WORDS],
    ],
    ids=["ordinary", "empty", "old", "nothing-in-common", "one-parameter"],
)
def test_every_design_has_the_values_of_its_text(store: Store, first: list[str]) -> None:
    numbers = random.Random(1)
    config_json = store.study("imgc").config_json
    study = store.create_study(
        name="one", config_toml="", config_json=config_json, source_hash="", now_s=0
    )
    results = StudyResults("one")
    queue(store, study, first)
    results.update(store)
    results.columns()

    for _ in range(3):  # later ones are cut where the first were
        queue(store, study, [canonical(random_design(numbers)) for _ in range(200)])
        results.update(store)
        columns = results.columns()

    assert len(columns) > 400
    for position, trial in enumerate(columns.trials):
        expected = {name: (type(value), value) for name, value in trial.design.items()}
        assert design_at(columns, position) == expected
