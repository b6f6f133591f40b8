from pathlib import Path

import pytest

from contracts.faults import ConfigError
from dse.commands.workload import workload_data, workload_text

MODEL = Path(__file__).parents[2] / "models" / "imgc" / "imgc_resnet8_int8.tflite"


def test_report_has_every_layer_buffer_and_total() -> None:
    data = workload_data(MODEL, say=lambda _: None)
    assert data["macs"] == sum(layer["macs"] for layer in data["layers"]) == 12_501_632
    assert data["peak_bytes"] >= max(b["offset"] + b["size_bytes"] for b in data["buffers"])
    text = workload_text(data)
    for layer in data["layers"]:
        assert layer["name"] in text
    assert "12,501,632 MAC an inference" in text
    assert "output of softmax_15" in text


def test_what_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("cat,10,3\n")
    with pytest.raises(ConfigError, match=r"labels\.csv is not a TFLite file"):
        workload_data(tmp_path / "labels.csv", say=lambda _: None)
