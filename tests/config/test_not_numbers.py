"""Infinity and not-a-number: refused with key and line wherever a config has a number."""

from pathlib import Path

import pytest

from contracts.faults import ConfigError
from contracts.measurement import Fidelity, Metric
from contracts.metric import MetricDefinition
from dse.config import config_from_json, load_config
from runners.measuring.reader import Measured, MetricReader, read_metrics

CONFIG = """
[study]
name = "night"
trials = 4
promote_margin = 0.05
[suggest]
timeout_s = 300.0
[workload]
model = "net.tflite"
[target]
name = "ulx3s_85f"
clock_mhz = 60
[constraints]
lut4 = 20000
cycles = {min = 1, max = 2}
[limits]
stage_timeout_s = 900.0
[space]
unroll = [
  1,
  2,
]
[[references]]
name = "one"
metric = "cycles"
value = 3
[[references]]
name = "two"
metric = "cycles"
value = 4
"""


def load(folder: Path, text: str) -> object:
    (folder / "net.tflite").write_bytes(b"net")
    (folder / "night.toml").write_text(text)
    return load_config(folder / "night.toml")


@pytest.mark.parametrize("number", ["inf", "-inf", "nan", "+inf", "1e999"])
@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("value = 4", r"\[references\.1\] value"),
        ("promote_margin = 0.05", r"\[study\] promote_margin"),
        ("trials = 4", r"\[study\] trials"),
        ("timeout_s = 300.0", r"\[suggest\] timeout_s"),
        ("clock_mhz = 60", r"\[target\] clock_mhz"),
        ("lut4 = 20000", r"\[constraints\] lut4"),
        ("cycles = {min = 1, max = 2}", r"\[constraints\] cycles\.max"),
        ("stage_timeout_s = 900.0", r"\[limits\] stage_timeout_s"),
        ("  2,", r"\[space\] unroll"),
        ('name = "night"', r"\[study\] name"),
    ],
)
def test_a_number_that_is_none_is_refused_with_key_and_line(
    tmp_path: Path, number: str, line: str, key: str
) -> None:
    head, _, value = line.rpartition("= ")
    broken = {
        "  2,": f"  {number},",
        "cycles = {min = 1, max = 2}": f"cycles = {{min = 1, max = {number}}}",
    }.get(line, f"{head}= {number}" if value else line)
    assert CONFIG.count(f"\n{line}\n") == 1
    text = CONFIG.replace(f"\n{line}\n", f"\n{broken}\n")
    at = CONFIG.splitlines().index(line) + 1
    with pytest.raises(ConfigError, match=rf"night\.toml:{at}: {key} is [-a-z]+[\s\S]*fix: write"):
        load(tmp_path, text)


def test_the_same_word_in_a_text_or_a_comment_is_none_of_a_number(tmp_path: Path) -> None:
    load(tmp_path, CONFIG.replace('name = "two"', 'name = "inf = nan" # value = inf'))


def test_the_target_that_a_config_names_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    own = 'board = "ulx3s"\npart = "LFE5U-85F"\nclock_mhz = inf\n'
    (tmp_path / "targets" / "own.toml").write_text(own)
    text = CONFIG.replace('"ulx3s_85f"\nclock_mhz = 60', '"own"')
    with pytest.raises(ConfigError, match=r"own\.toml:3: \[clock_mhz\] is inf"):
        load(tmp_path, text)


def test_a_clock_beyond_all_floats_is_no_bug(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[target\] clock_mhz is 1e\+306"):
        load(tmp_path, CONFIG.replace("clock_mhz = 60", "clock_mhz = 1e306"))


def test_a_study_of_before_still_means_something(tmp_path: Path) -> None:
    _, config = load(tmp_path, CONFIG)  # type: ignore[misc]
    stored = config.to_json().replace('"value": 4.0', '"value": Infinity')
    assert stored != config.to_json()
    assert [each.name for each in config_from_json(stored).references] == ["one"]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_metric_of_a_users_own_that_is_no_number_was_not_measured(value: float) -> None:
    one = MetricDefinition(
        name="one", unit="", better="lower", since=Fidelity.SIMULATED, description="x"
    )
    two = MetricDefinition(
        name="two", unit="", better="lower", since=Fidelity.SIMULATED, description="x"
    )

    def read(measured: Measured) -> list[Metric]:
        del measured
        return [one.measured(value), two.measured(2)]

    reader = MetricReader(metrics=(one, two), read=read)
    found = read_metrics([reader], None, reached=Fidelity.SIMULATED)  # type: ignore[arg-type]
    assert [metric.name for metric in found] == ["two"]
