"""Labelled samples: read as they are, or refused with file, line and what would fit."""

from pathlib import Path

import numpy as np
import pytest

from contracts.faults import ConfigError
from runners.job import SampleEncoding
from runners.measuring.float_model import run_float_model
from runners.measuring.samples import run_samples
from runners.pipeline import Cache
from runners.samples.encoding import dequantised, real_numbers
from runners.samples.files import read_samples
from runners.samples.scoring import area_under_curve, best_class, confusion
from tests.measuring.linear_network import float_network, job, network, workload

SHARED = Path(__file__).parents[3] / "shared" / "data"
ONE = {"a.bin": bytes([0x00, 0x7F, 0x80, 0xFF])}
NOISE = np.random.default_rng(1).integers(0, 256, 400, np.uint8).tobytes()
STROKES = np.tile(np.array([0, 0, 0, 0, 0, 180, 255, 220, 0, 0], np.uint8), 40)
"""Written digits, white on black."""
WAVE = np.rint(60 * np.sin(np.arange(400) / 9)).astype(np.int8)


def int8(*values: int) -> bytes:
    return np.array(values, np.int8).tobytes()


# What a number becomes


@pytest.mark.parametrize(
    ("encoding", "content", "expected", "real"),
    [
        ("int8", bytes([0x00, 0x7F, 0x80, 0xFF]), int8(0, 127, -128, -1), [-1.5, 62, -65.5, -2]),
        ("uint8", bytes([0, 127, 128, 255]), int8(-128, -1, 0, 127), [-65.5, -2, -1.5, 62]),
        (
            "float32",
            np.array([0, 0.25, -0.25, 1e9], "<f4").tobytes(),
            int8(3, 4, 2, 127),
            [0, 0.25, -0.25, 1e9],
        ),
    ],
)
def test_a_number_becomes_the_element_that_it_stands_for(
    tmp_path: Path,
    encoding: SampleEncoding,
    content: bytes,
    expected: bytes,
    real: list[float],
) -> None:
    given, model = workload(
        tmp_path, network(4, 3), labels="a.bin,3,1", files={"a.bin": content}, encoding=encoding
    )
    (sample,) = read_samples(given, model).samples
    assert sample.inputs == (expected,)
    assert real_numbers(sample.windows[0], encoding, model).tolist() == real


@pytest.mark.parametrize(
    ("zero_point", "content", "expected"),
    [
        (3, NOISE, "int8"),
        (-128, NOISE, "uint8"),
        (-128, WAVE.tobytes(), "int8"),
        (3, (WAVE.view(np.uint8) ^ 0x80).tobytes(), "uint8"),
        (-128, STROKES.tobytes(), "uint8"),
        (-128, (STROKES ^ 0x80).tobytes(), "int8"),
        (-20, STROKES.tobytes(), "uint8"),
        (-20, (STROKES ^ 0x80).tobytes(), "int8"),
        (3, np.linspace(-9, 9, 400, dtype="<f4").tobytes(), "float32"),
    ],
    ids=[
        *("noise", "noise of pixels", "wave", "wave of pixels"),
        *("strokes", "signed strokes", "shifted strokes", "shifted signed strokes", "floats"),
    ],
)
def test_without_a_stated_encoding_it_is_found_out(
    tmp_path: Path, zero_point: int, content: bytes, expected: str
) -> None:
    size = 400 if len(content) == 1600 else len(content)
    given, model = workload(
        tmp_path,
        network(size, 3, zero_point=zero_point),
        labels="a.bin,3,1",
        files={"a.bin": content},
    )
    assert read_samples(given, model).encoding.name == expected


def test_public_samples_are_taken_for_what_they_are() -> None:
    from runners.samples.encoding import guessed_encoding
    from sw_templates.tflite_import import load_model

    if not SHARED.is_dir():
        pytest.skip("the public samples are not part of the repository")
    for folder, file, size, expected in (
        ("imgc/perf_samples", "imgc/pretrainedResnet_quant.tflite", 3072, "uint8"),
        ("cases/int8_samples", "cases/fc_17_inputs.tflite", 17, "int8"),
    ):
        model = load_model(SHARED / file)
        contents = [path.read_bytes() for path in sorted((SHARED / folder).glob("*.bin"))]
        assert guessed_encoding(model, contents, window_bytes=size).name == expected


def test_the_encoding_does_not_depend_on_how_many_samples_are_run(tmp_path: Path) -> None:
    given, model = workload(
        tmp_path,
        network(400, 3, zero_point=-128),
        labels="a.bin,3,1\nb.bin,3,1",
        files={"a.bin": NOISE, "b.bin": WAVE.tobytes()},
    )
    names = {read_samples(given, model, count=count).encoding.name for count in (1, 2)}
    assert len(names) == 1


# What is wrong with a list or a file


@pytest.mark.parametrize(
    ("labels", "files", "message"),
    [
        ("a.bin,3,3", ONE, r"csv:1: label 3 is none of 3 classes[\s\S]*from 0 to 2"),
        ("a.bin,3,-1", ONE, r"csv:1: label -1 is none of 3"),
        ("\n\na.bin,3,x", ONE, r"csv:3: 'x' is not a whole number"),
        ("a.bin,3,1.0", ONE, r"csv:1: '1.0' is not a whole number"),
        ("a.bin,3,²", ONE, r"csv:1: '²' is not a whole number"),
        ("file,classes,label\na.bin,3,1", ONE, r"csv:1: 'classes' .*[\s\S]*no heading"),
        ("a.bin,10,1", ONE, r"csv:1: 10 classes, and the model's output has 3"),
        ("a.bin,3,1\nb.bin,2,1", ONE, r"csv:2: 2 classes, and the model's output has 3"),
        ("a.bin,0,0", ONE, r"csv:1: 0 classes"),
        ("a.bin,3", ONE, r"csv:1: 'a.bin,3' has 2 columns"),
        ("a.bin,3,1,2560", ONE, r"csv:1: .* has 4 columns"),
        (",3,1", ONE, r"csv:1: there is no file name"),
        ("a.bin,3,1\na.bin,3,2", ONE, r"csv:2: a.bin was named in line 1 before"),
        ("b.bin,3,1", ONE, r"csv:1: there is no file b.bin below"),
        ("../net.tflite,3,1", ONE, r"csv:1: there is no file ../net.tflite below"),
        (
            "a.bin,3,1",
            {"x/a.bin": bytes(4), "y/a.bin": bytes(4)},
            r"csv:1: a.bin may be .*x/a.bin or .*y/a.bin",
        ),
        ("", ONE, r"csv names no sample"),
        (b"\xff\xfea\x00", ONE, r"csv cannot be read: .*[\s\S]*in UTF-8"),
        ('"a.bin,3,1', ONE, r"csv:1: unexpected end of data"),
        ("a.bin,3,1", {"a.bin": bytes(5)}, r"csv:1: .*a.bin has 5 bytes.*\n.*4 or 16 bytes"),
        ("a.bin,3,1", {"a.bin": b""}, r"csv:1: .*a.bin has 0 bytes"),
        ("a.bin,3,1,4,4", ONE, r"csv:1: .*a.bin is cut into windows, but the model does not give"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    tmp_path: Path, labels: str | bytes, files: dict[str, bytes], message: str
) -> None:
    given, model = workload(tmp_path, network(4, 3), labels=labels, files=files)
    with pytest.raises(ConfigError, match=message):
        read_samples(given, model)


@pytest.mark.parametrize(
    ("encoding", "size", "fits"), [("float32", 4, "'int8' or 'uint8'"), ("int8", 16, "'float32'")]
)
def test_a_file_of_another_encoding_names_the_one_that_fits(
    tmp_path: Path, encoding: SampleEncoding, size: int, fits: str
) -> None:
    given, model = workload(
        tmp_path,
        network(4, 3),
        labels="a.bin,3,1",
        files={"a.bin": bytes(size)},
        encoding=encoding,
    )
    with pytest.raises(ConfigError, match=rf"workload\.sample_encoding to {fits}, which would fit"):
        read_samples(given, model)


def test_a_sample_that_is_no_number_is_named(tmp_path: Path) -> None:
    content = np.array([1, 2, np.nan, 3], "<f4").tobytes()
    given, model = workload(
        tmp_path, network(4, 3), labels="a.bin,3,1", files={"a.bin": content}, encoding="float32"
    )
    with pytest.raises(ConfigError, match=r"csv:1: .*a\.bin: .*not a number"):
        read_samples(given, model)


@pytest.mark.parametrize(
    "labels",
    [b"\xef\xbb\xbfa.bin,3,1\r\n", b'"a.bin", 3, 1\n\n', b"a.bin,3,1"],
    ids=["byte order mark", "quotes and blanks", "no end of line"],
)
def test_how_a_list_is_written_does_not_matter(tmp_path: Path, labels: bytes) -> None:
    given, model = workload(tmp_path, network(4, 3), labels=labels, files=ONE)
    (sample,) = read_samples(given, model).samples
    assert (sample.name, sample.label) == ("a.bin", 1)


def test_a_wrong_number_of_classes_is_no_search_for_anomalies(tmp_path: Path) -> None:
    given, model = workload(tmp_path, network(4, 4), labels="a.bin,5,1", files=ONE)
    with pytest.raises(ConfigError, match=r"5 classes, and the model's output has 4"):
        read_samples(given, model)


def test_a_path_tells_files_of_one_name_apart(tmp_path: Path) -> None:
    given, model = workload(
        tmp_path,
        network(4, 3),
        labels="y/a.bin,3,1\nx/a.bin,3,2",
        files={"x/a.bin": int8(1, 2, 3, 4), "y/a.bin": int8(5, 6, 7, 8)},
        encoding="int8",
    )
    assert read_samples(given, model).inputs == (int8(5, 6, 7, 8), int8(1, 2, 3, 4))


# Recordings


def recording(*frames: float) -> bytes:
    return np.repeat(np.array(frames, "<f4"), 2).tobytes()


def test_a_recording_is_cut_as_its_line_says(tmp_path: Path) -> None:
    given, model = workload(
        tmp_path,
        network(4, 4),
        labels="a.bin,2,0,16,8\nb.bin,2,1,16,8",
        files={"a.bin": recording(1, 2, 3, 4), "b.bin": recording(1, 2)},
    )
    samples = read_samples(given, model)
    assert (samples.task, samples.encoding.name) == ("anomaly", "float32")
    assert [len(sample.windows) for sample in samples.samples] == [3, 1]
    assert samples.samples[0].windows[2] == recording(3, 4)
    assert samples.samples[0].inputs[0] == int8(5, 5, 7, 7)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("a.bin,2,0,12,8", r"csv:1: .*: the window has 12 bytes, the model's input 16"),
        ("a.bin,2,0,16,7", r"a stride of 7 bytes is no whole number of float32 elements"),
        ("a.bin,2,0,16,0", r"window and stride are 16 and 0 bytes"),
        ("a.bin,3,0,16,8", r"3 classes, and a search for anomalies has 2"),
        ("a.bin,2,0,16,8\nb.bin,2,1,16,8", r"csv:2: .*b\.bin has 8 bytes, the model's input 16"),
    ],
)
def test_a_recording_that_cannot_be_cut_is_named(tmp_path: Path, labels: str, message: str) -> None:
    given, model = workload(
        tmp_path,
        network(4, 4),
        labels=labels,
        files={"a.bin": recording(1, 2, 3, 4), "b.bin": recording(1)},
        encoding="float32",
    )
    with pytest.raises(ConfigError, match=message):
        read_samples(given, model)


def test_without_columns_for_them_windows_follow_each_other(tmp_path: Path) -> None:
    given, model = workload(
        tmp_path,
        network(4, 4),
        labels="a.bin,2,0\nb.bin,2,1",
        files={"a.bin": recording(1, 2, 3, 4), "b.bin": recording(1, 2)},
    )
    samples = read_samples(given, model)
    assert (samples.task, samples.encoding.name) == ("anomaly", "float32")
    assert [len(sample.windows) for sample in samples.samples] == [2, 1]


# Scores


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order() -> None:
    assert area_under_curve([0, 1, 0, 1], [1, 2, 3, 4]) == 3 / 4
    assert area_under_curve([0, 1], [5, 5]) == 1 / 2
    assert area_under_curve([1, 0, 0], [9, 1, 2]) == 1
    assert area_under_curve([1, 0, 0], [0, 1, 2]) == 0
    assert area_under_curve([1, 1], [1, 2]) is None


def test_the_class_is_the_largest_value_and_the_first_of_equal_ones() -> None:
    assert best_class(np.array([-128.0, 127, 0])) == 1
    assert best_class(np.array([-1.0, 1, 1])) == 1
    assert [best_class(np.array([p])) for p in (0.49, 0.5)] == [0, 1]


def test_a_confusion_matrix_counts_what_was_taken_for_what() -> None:
    assert confusion([0, 0, 2, 1], [0, 2, 2, 1], 3) == [[1, 0, 1], [0, 1, 0], [0, 0, 1]]


# Through a firmware and a float model


def test_samples_run_through_the_firmware_and_the_reference(tmp_path: Path) -> None:
    given, model = workload(
        tmp_path,
        network(4, 4),
        labels="a.bin,2,0,4,2\nb.bin,2,1,4,4",
        files={"a.bin": int8(1, 2, 3, 4, 5, 6), "b.bin": int8(9, 9, 9, 9)},
        encoding="int8",
    )
    samples = read_samples(given, model)
    done: list[int] = []
    answers = run_samples(
        job(given),
        samples,
        on="host",
        cache=Cache(tmp_path / "cache"),
        report=lambda _: None,
        progress=done.append,
    )
    assert answers.firmware == answers.reference
    assert [len(output) for output in answers.firmware] == [4, 4, 4]
    assert dequantised(answers.firmware[2], model).tolist() == [3, 3, 3, 3]
    assert done == [3]


def test_a_float_model_says_what_quantisation_cost(tmp_path: Path) -> None:
    (tmp_path / "float.tflite").write_bytes(float_network(4, 3))
    inputs = [np.array([1.0, 2, 3, 4]), np.array([-1.0, 0.25, 9, 8])]
    first, second = run_float_model(
        tmp_path / "float.tflite", inputs, folder=tmp_path, timeout_s=60
    )
    assert (first.tolist(), second.tolist()) == ([1, 2, 3], [-1, 0.25, 9])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (network(4, 3), "does not run: tensor .* is int8"),
        (float_network(5, 3), "does not run: it takes 5 numbers, a sample has 4"),
        (b"no model at all", "does not run"),
        (None, "there is no float model"),
    ],
    ids=["quantised", "size", "garbage", "missing"],
)
def test_a_float_model_that_cannot_be_compared_is_named(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "float.tflite").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        run_float_model(tmp_path / "float.tflite", [np.zeros(4)], folder=tmp_path, timeout_s=60)
