import json
import os
import re
import subprocess
import sys
from pathlib import Path

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

import dse.commands.oracle
import dse.study
from contracts.faults import ConfigError
from dse.commands.workload import workload_data, workload_text
from dse.commands.workload_folder import folder_data, folder_text
from tests.firmware.firmware_bench import small_network

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite"


def with_version(version: int) -> bytes:
    """The model with a version of CONV_2D that only the reference interpreter looks at."""
    model = schema.ModelT.InitFromPackedBuf(MODEL.read_bytes(), 0)
    model.operatorCodes[0].version = version
    builder = flatbuffers.Builder(1 << 17)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_sine_and_float() -> bytes:
    """The model with SIN in the place of ADD, and its last operator in float."""
    model = schema.ModelT.InitFromPackedBuf(MODEL.read_bytes(), 0)
    for code in model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.ADD:
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SIN
    graph = model.subgraphs[0]
    last = graph.operators[-1]
    for number in (last.inputs[0], last.outputs[0]):
        graph.tensors[number].type = schema.TensorType.FLOAT32
    builder = flatbuffers.Builder(1 << 17)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def command(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    state = {"DSE_CACHE_DIR": str(folder / "cache"), "XDG_STATE_HOME": str(folder / "state")}
    return subprocess.run(
        [sys.executable, "-m", "dse.study", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **state},
        check=False,
    )


@pytest.mark.slow
def test_report_has_every_layer_buffer_and_total() -> None:
    data = workload_data(MODEL)
    assert data["supported"] is True
    assert data["obstacles"] == []
    assert data["macs"] == sum(layer["macs"] for layer in data["layers"]) == 12_501_632
    assert data["peak_bytes"] >= max(b["offset"] + b["size_bytes"] for b in data["buffers"])
    text = workload_text(data)
    for layer in data["layers"]:
        assert layer["name"] in text
    assert "12,501,632 MAC an inference" in text
    assert "output of softmax_15" in text
    # how many roundings can be wrong depends on the host's compiler
    page = (ROOT / "docs" / "how-to" / "use-your-own-model.md").read_text()
    printed, documented = (re.search(r"^oracle  .*$", each, re.MULTILINE) for each in (text, page))
    assert printed is not None
    assert documented is not None
    assert re.sub(r"[\d,]+\b", "N", printed[0]) == re.sub(r"[\d,]+\b", "N", documented[0])


def test_what_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("cat,10,3\n")
    with pytest.raises(ConfigError, match=r"labels\.csv is not a TFLite file"):
        workload_data(tmp_path / "labels.csv")


def test_what_the_reference_refuses_is_not_supported(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(with_version(99))
    with pytest.raises(ConfigError, match=r"reference kernels refuse .* version '99'"):
        workload_data(tmp_path / "net.tflite")


@pytest.mark.slow
def test_the_reference_is_asked_once_for_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where golden inputs are there it has answered: three seconds less at each start."""
    (tmp_path / "net.tflite").write_bytes(small_network())
    monkeypatch.setenv("DSE_CACHE_DIR", str(tmp_path / "cache"))
    asked: list[Path] = []
    monkeypatch.setattr(dse.commands.oracle, "require_reference", asked.append)
    reports = [workload_data(tmp_path / "net.tflite")["oracle"] for _ in range(2)]
    assert reports[0] == reports[1]
    assert asked == [tmp_path / "net.tflite"]


@pytest.mark.slow
def test_a_refused_study_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(with_version(99))
    (tmp_path / "night.toml").write_text(
        '[study]\nname = "night"\ntrials = 2\n[workload]\nmodel = "net.tflite"\n'
    )
    before = sorted(tmp_path.rglob("*"))
    ran = command("start", "night.toml", "--db", "results.db", folder=tmp_path)
    assert ran.returncode == 3, ran.stderr
    assert "reference kernels refuse" in ran.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_reasons_are_printed_and_are_in_the_json_beside_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(with_sine_and_float())
    ran = command("workload", "net.tflite", "--json", folder=tmp_path)
    assert ran.returncode == 3, ran.stderr
    data = json.loads(ran.stdout)
    assert data["supported"] is False
    assert [(o["kind"], o["name"], o["count"]) for o in data["obstacles"]] == [
        ("operator", "SIN", 3),
        ("float", "FLOAT32", 2),
    ]
    assert re.search(r"3 x SIN \(operators \d+, \d+, \d+\): replace it", ran.stderr)
    assert "representative dataset" in ran.stderr


def test_a_folder_has_a_row_for_each_file_and_a_broken_one_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "good.tflite").write_bytes(MODEL.read_bytes())
    (tmp_path / "broken.tflite").write_bytes(MODEL.read_bytes()[:5000])
    (tmp_path / "other.tflite").write_bytes(b"no model")
    (tmp_path / "version.tflite").write_bytes(with_version(99))
    (tmp_path / "operators.tflite").write_bytes(with_sine_and_float())
    (tmp_path / "gone.tflite").symlink_to(tmp_path / "nowhere")
    rows = folder_data(tmp_path)
    answers = {Path(row["model"]).stem: row["supported"] for row in rows}
    assert answers == {
        "broken": False,
        "good": True,
        "gone": False,
        "operators": False,
        "other": False,
        "version": False,
    }
    text = folder_text(rows, tmp_path)
    assert re.search(r"deep/good\.tflite +yes +16 +12,501,632 +\d", text)
    assert re.search(r"operators\.tflite +no +3 x SIN, 2 FLOAT32 tensors\n", text)
    assert text.endswith("1 of 6 supported")


def test_a_folder_without_models_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no \*\.tflite below"):
        folder_data(tmp_path)


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
