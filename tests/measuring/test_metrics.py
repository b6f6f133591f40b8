"""The table of metrics, and a user's own files of them."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from contracts.measurement import Fidelity, Metric
from contracts.metric import MetricDefinition
from contracts.parameter import Value
from runners.fpga import PARTS, cells, ecp5, gatemate, gowin, ice40, nexus, xilinx7
from runners.job import Job, Target, Workload
from runners.measuring import metrics
from runners.measuring.metrics import METRICS, by_name, measured_by, metrics_with
from runners.measuring.reader import Measured, MetricReader, load_reader, read_metrics

ROOT = Path(__file__).parents[2]
ENERGY = MetricDefinition(
    name="guessed_uj", unit="uJ", description="guessed", since=Fidelity.SIMULATED, better="lower"
)
FILE = """
from contracts.measurement import Fidelity
from contracts.metric import MetricDefinition
from runners.measuring.reader import MetricReader

METRIC = MetricDefinition(
    name="{name}", unit="{unit}", description="", since=Fidelity.SIMULATED, better="lower"
)
READER = MetricReader(metrics=(METRIC,), read=lambda measured: [METRIC.measured(1)])
"""


def test_every_definition_is_in_the_table_once() -> None:
    defined = [
        value
        for module in (metrics, cells, ecp5, gatemate, gowin, ice40, nexus, xilinx7)
        for value in vars(module).values()
        if isinstance(value, MetricDefinition)
    ]
    assert {each.name: each for each in defined} == METRICS
    assert all(name == each.name for name, each in METRICS.items())


def test_nobody_writes_the_name_and_unit_of_a_value_by_hand() -> None:
    making = [
        path.relative_to(ROOT).as_posix()
        for room in ("contracts", "hw_templates", "sw_templates", "runners", "dse")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Metric"
    ]
    reading = ["dse/commands/vizier_study.py"] * 2 + ["dse/store/results.py"]  # what is stored
    assert sorted(making) == ["contracts/metric.py", *reading]


def test_a_name_stands_for_one_definition() -> None:
    with pytest.raises(ConfigError, match="the metric 'guessed_uj' is defined twice"):
        by_name((ENERGY, replace(ENERGY, unit="J")))
    assert by_name((ENERGY, ENERGY)) == {"guessed_uj": ENERGY}


@pytest.mark.parametrize("part", PARTS)
def test_a_trial_has_the_cells_of_its_own_part(part: str) -> None:
    known = measured_by(Fidelity.SYNTHESISED, part=part, definitions=METRICS)
    assert set(known) >= {*PARTS[part], "luts", "block_ram_bits", "cycles"}
    assert ("dp16kd" in known) == part.startswith("LFE5U")
    assert "clock_mhz" not in known
    assert "cells" not in measured_by(Fidelity.BOARD, part=part, definitions=METRICS)


def write(folder: Path, text: str) -> str:
    (folder / "own.py").write_text(text)
    return str(folder / "own.py")


def test_a_file_adds_its_metrics_to_the_table(tmp_path: Path) -> None:
    path = write(tmp_path, FILE.format(name="guessed_uj", unit="uJ"))
    assert metrics_with([path]).keys() == {*METRICS, "guessed_uj"}
    assert "guessed_uj" not in METRICS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FILE.format(name="cycles", unit="kilocycles"), "the metric 'cycles' is defined twice"),
        ("READER = 1", "defines no metric: it has no MetricReader under the name READER"),
        ("1 / 0", "ends with ZeroDivisionError"),
    ],
)
def test_a_file_that_defines_no_metric_of_its_own_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        metrics_with([write(tmp_path, text)])


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no Python file .*gone\.py"):
        load_reader(str(tmp_path / "gone.py"))


def measured(**values: float) -> Measured:
    design: dict[str, Value] = {}
    job = Job(
        design=design,
        target=Target(name="t", part="LFE5U-85F", clock_hz=50_000_000),
        workload=Workload(model=Path("m.tflite"), model_sha256=""),
    )
    found = {name: METRICS[name].measured(value) for name, value in values.items()}
    return Measured(job=job, metrics=found, layers=(), folder=Path)


def test_a_reader_is_called_from_its_fidelity_on_with_what_is_there() -> None:
    placed = replace(ENERGY, since=Fidelity.PLACED)

    def read(measured: Measured) -> list[Metric]:
        return [placed.measured(measured.metrics["cycles"].value * 2)]

    readers = [MetricReader(metrics=(placed,), read=read)]
    assert read_metrics(readers, measured(), reached=Fidelity.SYNTHESISED) == ()
    (found,) = read_metrics(readers, measured(cycles=21), reached=Fidelity.BOARD)
    assert found == placed.measured(42)


def test_a_metric_that_a_reader_does_not_define_is_refused() -> None:
    reader = MetricReader(
        metrics=(ENERGY,), read=lambda _: [replace(ENERGY, name="power_mw").measured(1)]
    )
    with pytest.raises(ConfigError, match="guessed_uj returned 'power_mw'"):
        read_metrics([reader], measured(), reached=Fidelity.SIMULATED)
