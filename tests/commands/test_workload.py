import json
from pathlib import Path

import pytest

import dse.study
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


@pytest.mark.parametrize(
    ("file", "plot", "what"),
    [
        ("absent.tflite", "memory.bmp", r"memory\.bmp does not say which picture is wanted"),
        (".", "memory.svg", r"is a folder, and --plot draws the memory of one model"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_refused_before_a_model_is_read(
    tmp_path: Path, file: str, plot: str, what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        dse.study.workload(tmp_path / file, plot=tmp_path / plot)
    assert not list(tmp_path.iterdir())


def test_a_plot_is_drawn_beside_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dse.study.workload(MODEL, plot=tmp_path / "memory.svg", as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["peak"]["bytes"] == printed["peak_bytes"]
    assert printed["peak"]["layer"] == printed["steps"][printed["peak"]["step"]]["name"]
    peak = f"{printed['peak_bytes']:,} bytes"
    assert f"peak: {peak}" in (tmp_path / "memory.svg").read_text()
    text = workload_text(printed)  # what the command prints is what it says in JSON
    assert f"{'peak memory':12} {peak}" in text
    assert f"at {printed['peak']['layer']}: " in text
