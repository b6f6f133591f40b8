"""What comes from elsewhere ends in a value or in a named error, whatever it is."""

import random
import tomllib
from pathlib import Path

import pytest

from benchmarks.fuzz import run, targets
from contracts.faults import BoardGarbled, ConfigError
from contracts.untrusted import parse_json, parse_toml
from dse.config import load_config
from dse.space import Design
from runners.boards import mlperf

DEEP = "[" * 100_000
DIGITS = "9" * 10_000


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 50_000, DIGITS, "{", '{"a": nope}', "\0"])
def test_json_that_is_wrong_in_any_way_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize("text", [f"a = {DEEP}", f"a = {DIGITS}", "a = [", "\0"])
def test_toml_that_is_wrong_in_any_way_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_toml(text)


def test_toml_with_a_place_says_it() -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match="line 2"):
        parse_toml("a = 1\nb = ]\n")


def test_a_design_that_is_nested_too_deep_is_no_design() -> None:
    with pytest.raises(ConfigError, match="not the text of a design"):
        Design.from_canonical(f'{{"schema":1,"values":{{"a":{DEEP}')


@pytest.mark.parametrize(
    ("parse", "line"),
    [
        (mlperf.parse_cycles, f"m-cycles-{DIGITS}"),
        (mlperf.parse_cycles, "m-cycles-٣"),
        (mlperf.parse_timestamp, f"m-lap-us-{DIGITS}"),
        (mlperf.parse_results, f"m-results-[{DIGITS}]"),
        (mlperf.parse_results, "m-results-[1.2.3]"),
        (mlperf.parse_layers, f"m-layer-[0,a,ADD,1x{DIGITS},0,0,0,0,0]"),
    ],
)
def test_a_number_that_no_firmware_prints_is_garbled(parse: object, line: str) -> None:
    assert callable(parse)
    with pytest.raises(BoardGarbled):
        parse([line])


@pytest.mark.parametrize("key", ["model", "samples"])
def test_a_path_that_cannot_be_looked_at_is_told_by_the_file_that_names_it(
    tmp_path: Path, key: str
) -> None:
    (tmp_path / "net.tflite").write_bytes(b"net")
    model = "x" * 5000 if key == "model" else "net.tflite"
    samples = f'samples = "{"x" * 5000}"\n' if key == "samples" else ""
    config = tmp_path / "a.toml"
    config.write_text(f'[study]\nname = "a"\ntrials = 1\n[workload]\nmodel = "{model}"\n{samples}')
    with pytest.raises(ConfigError, match=r"a\.toml names a path that cannot be looked at: File"):
        load_config(config)


def test_damaged_inputs_of_every_kind_end_in_a_value_or_a_named_error(tmp_path: Path) -> None:
    for name, target in targets(tmp_path).items():
        count = max(60, target.count // 500)
        tally = run(target, count=count, dice=random.Random(7))
        assert tally.faults == {}, name
        assert tally.answered + tally.refused == count
        assert tally.answered > 0, name
