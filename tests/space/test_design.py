"""Designs: equal values, equal identity."""

import pickle

import pytest

from contracts.faults import ConfigError
from dse.space import Design


def test_identity_depends_on_values_and_not_on_their_order() -> None:
    one, other = Design({"a": 1, "b": "x"}), Design({"b": "x", "a": 1})
    assert one == other
    assert hash(one) == hash(other)
    assert one.id == other.id
    assert list(one.values) == list(other.values)


def test_true_and_one_are_different_choices() -> None:
    assert Design({"a": True}) != Design({"a": 1})
    assert Design({"a": True}).id != Design({"a": 1}).id


def test_the_canonical_text_has_the_schema_and_brings_the_design_back() -> None:
    design = Design({"width": 4, "cfu": "simd", "buffered": True})
    text = '{"schema":1,"values":{"buffered":true,"cfu":"simd","width":4}}'
    assert design.canonical == text
    assert Design.from_canonical(text) == design
    assert len(design.id) == 64


def test_a_design_survives_a_process_boundary_and_cannot_be_changed() -> None:
    design = Design({"a": 1})
    assert pickle.loads(pickle.dumps(design)) == design
    with pytest.raises(TypeError):
        design.values["a"] = 2  # type: ignore[index]
    assert design["a"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"schema":1}',
        '{"schema":1,"values":3}',
        '{"schema":2,"values":{"a":1}}',
        '{"schema":1,"values":{"b":1,"a":1}}',
        '{"schema":1, "values":{"a":1}}',
        '{"schema":1,"values":{"a":[1]}}',
    ],
)
def test_text_that_no_design_wrote_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="design"):
        Design.from_canonical(text)
