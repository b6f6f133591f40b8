"""Mistakes that people make in a config: each is told with where it is and what to do, all at once.

What a study is started with reads the file: with the space, the network and the samples.
"""

import json
import re
import shutil
from pathlib import Path

import pytest

from contracts.faults import ConfigError, ConfigMistakes
from dse.commands.campaigns import prepare
from dse.config.assembly import load_space

MODEL = Path(__file__).parents[2] / "models" / "imgc" / "imgc_resnet8_int8.tflite"

GOOD = """
[study]
name = "night"
trials = 40
workers = 2
fidelity = "synthesise"

[suggest]
algorithm = "random"

[workload]
model = "net.tflite"

[target]
name = "ulx3s_85f"
clock_mhz = 60

[objectives]
minimise = ["latency_us", "lut4"]

[constraints]
mult18x18d = 20

[limits]
cycles = 100_000_000

[space]
icache_bytes = [0, 4096]
cfu = ["none", "simd"]
bypass = true
"""

MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "misspelt key": (
        "workers = 2",
        "wokers = 2",
        r"unknown key \[study\] wokers",
        r"did you mean 'workers'\?",
    ),
    "key of another section": (
        "workers = 2",
        'algorithm = "random"',
        r"unknown key \[study\] algorithm",
        r"it belongs to \[suggest\]",
    ),
    "key outside of any section": (
        "\n[study]",
        "workers = 3\n[study]",
        r"workers stands outside of any section",
        r"write it below \[study\]",
    ),
    "misspelt section": (
        "[limits]",
        "[limit]",
        r"unknown key \[limit\]",
        r"did you mean 'limits'\?",
    ),
    "number as text": (
        "trials = 40",
        'trials = "40"',
        r'\[study\] trials is "40", which is not a whole number',
        r"without quotes: 40",
    ),
    "float for a whole number": (
        "100_000_000",
        "1e8",
        r"\[limits\] cycles is 100000000\.0",
        r"a whole number: 100000000",
    ),
    "negative number": (
        "workers = 2",
        "workers = -1",
        r"\[study\] workers is -1, which is less",
        r"at least 1",
    ),
    "text for a list": (
        '["latency_us", "lut4"]',
        '"latency_us"',
        r'\[objectives\] minimise is "latency_us", which is not a list',
        r'\["latency_us"\]',
    ),
    "blank in a name": (
        '"night"',
        '"my night"',
        r'\[study\] name is "my night", which is not a name: it begins with a letter',
        r"without blanks",
    ),
    "misspelt choice": (
        '"synthesise"',
        '"synthesize"',
        r'\[study\] fidelity is "synthesize"',
        r"did you mean 'synthesise'\?",
    ),
    "unknown algorithm": (
        '"random"',
        '"rnadom"',
        r'\[suggest\] algorithm is "rnadom"',
        r"did you mean 'random'\?",
    ),
    "text without quotes": (
        'name = "night"',
        "name = night",
        r"not TOML: Invalid value \(at line 3",
        r'in "quotes"',
    ),
    "key twice": (
        "trials = 40",
        "trials = 40\ntrials = 50",
        r"not TOML: .*line 5",
        r"take one of them out",
    ),
    "True as Python has it": (
        "bypass = true",
        "bypass = True",
        r"not TOML: .*line 30",
        r"small letters",
    ),
    "head of a section left open": ("[study]", "[study", r"not TOML: .*line 2", r"\[name\]"),
    "model that is not there": (
        '"net.tflite"',
        '"nett.tflite"',
        r"\[workload\] model is 'nett.tflite', and there is",
        r"did you mean 'net.tflite'\?",
    ),
    "model that is none": (
        '"net.tflite"',
        '"night.toml"',
        r"night\.toml is not a TFLite file",
        r"\w",
    ),
    "samples without labels": (
        'model = "net.tflite"',
        'model = "net.tflite"\nsamples = "empty"',
        r"y_labels\.csv cannot be read",
        r"name a folder with y_labels\.csv",
    ),
    "samples of another size": (
        'model = "net.tflite"',
        'model = "net.tflite"\nsamples = "short"',
        r"y_labels\.csv:1: .*one\.bin has 3 bytes, the model's input 3072",
        r"3072 or 12288 bytes",
    ),
    "label that is no class": (
        'model = "net.tflite"',
        'model = "net.tflite"\nsamples = "classes"',
        r"y_labels\.csv:1: 7 classes, and the model's output has 10",
        r"labels of this model",
    ),
    "accuracy without samples": (
        '"lut4"]',
        '"lut4"]\nmaximise = ["accuracy_percent"]',
        r"\[objectives\] 'accuracy_percent' is measured with labelled",
        r"workload\.samples",
    ),
    "unknown target": (
        '"ulx3s_85f"',
        '"ulx3s_58f"',
        r"\[target\] name is 'ulx3s_58f'",
        r"did you mean 'ulx3s_85f'\?",
    ),
    "clock outside of its range": (
        "clock_mhz = 60",
        "clock_mhz = 90",
        r"\[target\] clock_range_mhz is \[40, 80\], and clock_mhz is 90",
        r"between them",
    ),
    "range of one number": (
        "clock_mhz = 60",
        "clock_range_mhz = [50]",
        r"\[target\] clock_range_mhz has 1 entries and needs 2",
        r"a list of 2",
    ),
    "memory of an odd size": (
        "clock_mhz = 60",
        "memory.size_bytes = 1000000",
        r"\[target.memory\] size_bytes is 1000000, which is not a power",
        r"524288 or 1048576",
    ),
    "metric of another part": (
        '"lut4"]',
        '"bsram"]',
        r"\[objectives\] 'bsram' is measured by no stage",
        r"allowed are",
    ),
    "metric of a higher fidelity": (
        "mult18x18d = 20",
        "fmax_mhz = {min = 60}",
        r"\[constraints\] 'fmax_mhz' is measured by no stage",
        r"set study\.fidelity = 'place'",
    ),
    "bounds the wrong way round": (
        "mult18x18d = 20",
        "mult18x18d = {min = 9, max = 8}",
        r"\[constraints\] mult18x18d has min 9, which is above its max 8",
        r"exchange them",
    ),
    "misspelt parameter": (
        "icache_bytes",
        "icache_byte",
        r"\[space\] the space has no parameter 'icache_byte'",
        r"did you mean 'icache_bytes'\?",
    ),
    "value that the space does not have": (
        "[0, 4096]",
        "[0, 4000]",
        r"\[space\] icache_bytes cannot be 4000",
        r"some of: 0, 1024",
    ),
    "misspelt family": (
        '"simd"]',
        '"SIMD"]',
        r"\[space\] cfu cannot be SIMD",
        r"did you mean 'simd'\?",
    ),
    "truth as text": (
        "bypass = true",
        'bypass = "true"',
        r'\[space\] bypass cannot be "true"',
        r"without quotes",
    ),
    "empty list": (
        "[0, 4096]",
        "[]",
        r"\[space\] icache_bytes is an empty list",
        r"leave the key out",
    ),
    "values that no rule allows together": (
        "bypass = true",
        'multiplier = "none"\ndivider = "iterative"',
        r"\[space\] the space is empty",
        r"\w",
    ),
    "program that is not there": (
        "[space]",
        '[notify]\ncommand = ["no-such-program"]\n[space]',
        r"\[notify\] command starts with 'no-such-program'",
        r"a program on PATH",
    ),
    "web address that is none": (
        "[space]",
        '[notify]\nwebhook = "ftp://there"\n[space]',
        r'\[notify\] webhook is "ftp://there", which is not the address of a web page',
        r"https://",
    ),
    "reference of no metric": (
        "[space]",
        '[[references]]\nname = "a"\nmetric = "cycle"\nvalue = 3\n[space]',
        r"\[references\] metric is 'cycle', which is no metric",
        r"did you mean 'cycles'\?",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copyfile(MODEL, tmp_path / "net.tflite")
    (tmp_path / "empty").mkdir()
    for name, line in (("short", "one.bin,10,0"), ("classes", "one.bin,7,0")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "y_labels.csv").write_text(f"{line}\n")
        (tmp_path / name / "one.bin").write_bytes(b"abc")
    return tmp_path


def told(folder: Path, text: str) -> tuple[tuple[str, str], ...]:
    """Return what ``start`` says of a config: each mistake and its remedy."""
    (folder / "night.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        prepare(folder / "night.toml", trials=None, workers=None, say=lambda _: None)
    error = caught.value
    assert "night.toml" in error.what or "y_labels.csv" in error.what
    if isinstance(error, ConfigMistakes):
        assert str(error).count("fix: ") == len(error.mistakes)
        return error.mistakes
    return ((error.what, error.fix),)


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_says_what_where_and_what_to_do_and_nothing_else(folder: Path, case: str) -> None:
    right, wrong, what, fix = MISTAKES[case]
    assert GOOD.count(right) == 1

    ((found, remedy),) = told(folder, GOOD.replace(right, wrong))

    assert re.search(what, found), found
    assert re.search(fix, remedy), remedy
    assert not re.search(r"[\^$]|\[A-Z", found + remedy), "no regular expression"


def test_all_mistakes_of_a_file_are_told_unknown_keys_first(folder: Path) -> None:
    together = [
        "misspelt key",
        "number as text",
        "float for a whole number",
        "misspelt choice",
        "unknown algorithm",
        "True as Python has it",
        "model that is not there",
        "unknown target",
        "bounds the wrong way round",
        "misspelt parameter",
        "misspelt family",
    ]
    text = GOOD
    for case in together:
        assert text.count(MISTAKES[case][0]) == 1
        text = text.replace(*MISTAKES[case][:2])

    found = told(folder, text)

    for case in together:
        assert sum(bool(re.search(MISTAKES[case][2], what)) for what, _ in found) == 1, case
    assert len(found) == len(together)
    order = [what for what, _ in found if "TOML" not in what]
    assert "unknown key" in order[0]


def test_several_mistakes_of_one_section_are_told(folder: Path) -> None:
    text = GOOD.replace("clock_mhz = 60", 'part = "LFE5U-86F"\nboard = "ulx4s"\nclok_mhz = 3')
    text = text.replace('cfu = ["none", "simd"]', 'cfu = "sind"\nunrol = 4\nshifter = "ful"')

    whats = "\n".join(what for what, _ in told(folder, text))

    for word in ("clok_mhz", "LFE5U-86F", "ulx4s", "cfu cannot be sind", "unrol", "ful"):
        assert word in whats
    assert len(whats.splitlines()) == 6


def test_a_mistake_does_not_make_others_that_are_none(folder: Path) -> None:
    text = GOOD.replace('fidelity = "synthesise"', 'fidelty = "place"\npromote = "front"')
    text = text.replace("mult18x18d = 20", "fmax_mhz = {min = 60}")

    assert [what for what, _ in told(folder, text)] == [
        f"{folder / 'night.toml'}: unknown key [study] fidelty"
    ]


def test_a_space_is_looked_at_with_the_rest_of_its_file(folder: Path) -> None:
    text = GOOD.replace("workers = 2", "wokers = 2").replace("icache_bytes", "icache_byte")
    (folder / "night.toml").write_text(text)
    with pytest.raises(ConfigMistakes) as caught:
        load_space(folder / "night.toml")
    assert len(caught.value.mistakes) == 2


@pytest.mark.parametrize(
    ("right", "wrong", "meant"),
    [
        ('"ulx3s_85f"', '"ULX3S_85F"', "ulx3s_85f"),
        ("clock_mhz = 60", 'part = "lfe5u-45f"', "LFE5U-45F"),
        ('"lut4"]', '"LUT4"]', "lut4"),
    ],
)
def test_what_is_meant_is_found_in_any_case(
    folder: Path, right: str, wrong: str, meant: str
) -> None:
    ((_, fix),) = told(folder, GOOD.replace(right, wrong))
    assert f"did you mean '{meant}'?" in fix


@pytest.mark.parametrize("text", ["", "[workload]\n", "[[study]]\n", "study = 3\n"])
def test_a_file_with_hardly_anything_in_it_is_told_in_words(folder: Path, text: str) -> None:
    whats = [what for what, _ in told(folder, text)]
    assert any("study" in what for what in whats)
    assert any("workload" in what for what in whats)


def test_several_mistakes_survive_a_process_boundary_as_text() -> None:
    error = ConfigMistakes.of("a.toml", [("[study] one", "do this"), ("[study] two", "do that")])
    again = error.fault.error()
    sent = json.loads(json.dumps([again.what, again.fix]))
    assert sent == [
        "a.toml has 2 mistakes:\n  1. [study] one\n  2. [study] two",
        "\n  1. do this\n  2. do that",
    ]
    assert str(error) == (
        "a.toml has 2 mistakes:\n  [study] one\n    fix: do this\n  [study] two\n    fix: do that"
    )
