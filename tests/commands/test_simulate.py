"""``simulate``: a network in NumPy beside its C and TFLite's reference kernels."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import dse.study
from contracts.faults import ConfigError
from dse.commands.simulate import simulate_file, simulation_text
from sw_templates.layers.weighted_layer import WeightedLayer
from tests.firmware.firmware_bench import small_network


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DSE_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "net.tflite"
    path.write_bytes(small_network())
    return path


def test_every_layer_is_told_with_who_has_its_bytes(network: Path) -> None:
    found = simulate_file(network, inferences=3, seed=2)
    assert found.is_exact
    assert {(layer.of_firmware, layer.of_reference) for layer in found.layers} == {(3, 3)}
    text = simulation_text(found)
    for layer in found.layers:
        assert layer.crc in text
    assert f"every byte of {len(found.layers)} layers" in text


def test_the_first_layer_that_differs_is_named_with_its_element(
    network: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = WeightedLayer.evaluate

    def wrong(
        layer: WeightedLayer, values: Sequence[np.ndarray[Any, Any]]
    ) -> Sequence[np.ndarray[Any, Any]] | None:
        found = right(layer, values)
        assert found is not None
        changed = found[0].copy()
        changed.reshape(-1)[-1] ^= 1
        return [changed]

    monkeypatch.setattr(WeightedLayer, "evaluate", wrong)
    with pytest.raises(typer.Exit) as ended:
        dse.study.simulate(network, inputs=1, seed=2)
    assert ended.value.exit_code == dse.study.EXIT_DIFFERS
    printed = capsys.readouterr().out
    assert "first difference from TFLite: " in printed
    assert " in NumPy, " in printed
    assert "0/1" in printed


def test_labelled_samples_may_be_the_inputs(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match=r"y_labels\.csv cannot be read"):
        simulate_file(network, inferences=1, seed=1, samples=tmp_path)
    dse.study.simulate(network, inputs=2, seed=1, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert (printed["inferences"], printed["is_exact"]) == (2, True)
