"""An operator that is not in the tree goes from its two files to bit-exact layers and a study."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import ConfigError
from dse.config import config_from_json, load_config, provenance
from runners.job import Job, Target, Workload
from runners.stages.firmware import FIRMWARE_STAGE, HOST_FIRMWARE_STAGE
from sw_templates.generate import generate
from sw_templates.model import Model
from sw_templates.operator_set import find_operators, operators_digest
from sw_templates.options import PLAIN_KERNELS, FirmwareOptions, KernelSet
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.tflite_import import load_model, model_from_bytes
from sw_templates.workload import workload_report
from tests.examples import examples
from tests.fast_design import CPU, FAST_CFU, FIRMWARE, space_toml
from tests.firmware.added_operator import network_with_square, write_operator
from tests.firmware.firmware_bench import (
    KernelLibrary,
    host_firmware,
    reference_outputs,
    riscv_firmware,
    run_batch,
    small_network,
)
from tests.firmware.random_layers import SIZES, activations, random_bytes, single
from tests.firmware.tflite_builder import SQUARED_DIFFERENCE, ModelSpec, TensorSpec, build

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_operator(tmp_path / "my_operators")


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network_with_square.tflite"
    path.write_bytes(network_with_square())
    return path


@pytest.fixture
def model(network: Path, folder: Path) -> Model:
    return load_model(network, operator_folders=[folder])


def test_without_its_folder_it_is_not_supported(network: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"not supported.*\n  - 2 x SQUARED_DIFFERENCE \(operators 0, 1\)"
    ):
        load_model(network)


def test_one_import_does_not_change_the_next(network: Path, folder: Path) -> None:
    before = find_operators()
    load_model(network, operator_folders=[folder])
    assert find_operators() == before


def test_every_layer_is_bit_exact_on_the_host(network: Path, model: Model, tmp_path: Path) -> None:
    program = host_firmware(model, tmp_path / "firmware", sanitise=True)
    inputs = random_inputs(model, count=5, seed=11)
    assert run_batch(program, model, inputs) == golden_inferences(network, model, inputs)


def test_a_wrong_kernel_is_not_bit_exact(network: Path, folder: Path, tmp_path: Path) -> None:
    kernel = folder / "square.c.j2"
    kernel.write_text(kernel.read_text().replace("requantise(", "requantise_once("))
    model = load_model(network, operator_folders=[folder])
    program = host_firmware(model, tmp_path / "firmware")
    inputs = random_inputs(model, count=20, seed=11)
    assert run_batch(program, model, inputs) != golden_inferences(network, model, inputs)


def test_it_compiles_for_the_core_and_is_in_the_report(model: Model, tmp_path: Path) -> None:
    firmware = riscv_firmware(model, tmp_path / "firmware", core="rv32im")
    assert "square.c" in firmware.sources
    report = workload_report(model)
    assert [layer.name for layer in report.layers][:2] == ["square_0", "square_1"]
    assert report.layers[0].bytes_in == 2 * 120
    assert "output of square_0" in [buffer.name for buffer in report.buffers]


FAMILY_KERNEL = "/* of a CFU */\n"


@pytest.fixture
def family(tmp_path: Path) -> KernelSet:
    (tmp_path / "family").mkdir()
    (tmp_path / "family" / "square.c.j2").write_text(FAMILY_KERNEL)
    return KernelSet(folders=(tmp_path / "family",))


def sources_of(model: Model, out: Path, kernels: KernelSet = PLAIN_KERNELS) -> dict[str, str]:
    firmware = generate(model, kernels=kernels, options=FirmwareOptions(), soc=None, out=out)
    return {name: (out / name).read_text() for name in firmware.sources}


def test_a_cfu_family_replaces_its_kernel_as_any_other(
    model: Model, family: KernelSet, tmp_path: Path
) -> None:
    assert sources_of(model, tmp_path / "firmware", family)["square.c"] == FAMILY_KERNEL


def test_a_network_without_it_has_the_firmware_that_it_had(
    folder: Path, family: KernelSet, tmp_path: Path
) -> None:
    before = model_from_bytes(small_network(), "net")
    with_square = model_from_bytes(small_network(), "net", operator_folders=[folder])
    assert sources_of(with_square, tmp_path / "a", family) == sources_of(before, tmp_path / "b")


def test_a_clash_of_its_variables_is_named(network: Path, folder: Path, tmp_path: Path) -> None:
    file = folder / "squared_difference.py"
    variables = (
        "    @classmethod\n    def template_variables(cls, *, unroll):\n        return {'soc': 1}\n"
    )
    file.write_text(file.read_text().replace("\n\nOPERATOR", f"\n{variables}\n\nOPERATOR"))
    model = load_model(network, operator_folders=[folder])
    with pytest.raises(
        ConfigError, match="the variables soc of the operator SQUARED_DIFFERENCE have names"
    ):
        sources_of(model, tmp_path / "firmware")


def test_an_input_that_is_not_there_is_named_even_if_nobody_counts(folder: Path) -> None:
    file = folder / "squared_difference.py"
    file.write_text(file.read_text().replace("        node.inputs(2, 2)\n", ""))
    vector = TensorSpec(shape=[1, 4], scales=[0.1], zero_points=[0])
    content = build(single(SQUARED_DIFFERENCE, [vector, vector], [0], {}, 1))
    with pytest.raises(ConfigError, match=r"operator 0 \(SQUARED_DIFFERENCE\) has 1 inputs"):
        model_from_bytes(content, "network", operator_folders=[folder])


@st.composite
def square_models(draw: st.DrawFn) -> ModelSpec:
    """The input and a constant, in either order, or twice the input."""
    shape = [1, draw(SIZES), draw(SIZES), draw(SIZES)]
    image, constant, output = (draw(activations(shape)) for _ in range(3))
    data = random_bytes(draw, int(np.prod(shape)), low=-128)
    constant = TensorSpec(
        shape=shape, scales=constant.scales, zero_points=constant.zero_points, data=data
    )
    inputs = draw(st.sampled_from([[0, 1], [1, 0], [0, 0]]))
    return single(SQUARED_DIFFERENCE, [image, constant, output], inputs, {}, 2)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, KernelLibrary]:
    folder = write_operator(tmp_path_factory.mktemp("operators"))
    out = tmp_path_factory.mktemp("library")
    return folder, KernelLibrary(out, 4, network=network_with_square(), operator_folders=[folder])


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(spec=square_models(), seed=st.integers(0, 2**32 - 1))
def test_it_is_bit_exact(library: tuple[Path, KernelLibrary], spec: ModelSpec, seed: int) -> None:
    folder, kernels = library
    content = build(spec)
    model = model_from_bytes(content, "network", operator_folders=[folder])
    values = np.random.default_rng(seed).integers(-128, 128, model.input_bytes, dtype=np.int8)
    expected = reference_outputs(content, model, values.tobytes())
    assert kernels.run_model(model, values.tobytes()) == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("OPERATOR = SquaredDifference", "", "names no subclass of Layer OPERATOR"),
        (
            "OPERATOR = SquaredDifference",
            "OPERATOR = SquaredDifference.operator",
            "names no subclass of Layer OPERATOR",
        ),
        ("def fields(", "def other(", "has an OPERATOR without fields"),
        ('operator: ClassVar[str] = "SQUARED_DIFFERENCE"', "pass", "without the text 'operator'"),
        (
            'ClassVar[str] = "square"',
            'ClassVar[str] = "Square"',
            "kernel 'Square', which does not match",
        ),
        ('ClassVar[str] = "square"', 'ClassVar[str] = "times"', "structure without 'struct times_"),
        ("void square(", "void times(", r"prototype without 'void square\(const struct square"),
        ('"SQUARED_DIFFERENCE"', '"ADD"', r"is ADD with the kernel 'square', .*add\.py is ADD"),
        (
            "SquaredDifferenceOptions",
            "TimesOptions",
            "ValueError: TFLite's schema has no options table",
        ),
        ("fields=()", 'fields=("Beta",)', "SquaredDifferenceOptions has no field 'Beta'"),
        ("from dataclasses", "from nowhere", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_file_that_is_no_operator_is_named(
    folder: Path, old: str, new: str, message: str
) -> None:
    file = folder / "squared_difference.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=rf"operator file .*squared_difference\.py.*{message}"):
        find_operators([folder])


def test_a_missing_template_or_folder_is_named(folder: Path) -> None:
    (folder / "square.c.j2").unlink()
    with pytest.raises(ConfigError, match=r"kernel 'square', but there is no .*square\.c\.j2"):
        find_operators([folder])
    with pytest.raises(ConfigError, match=r"there is no folder of operators .*nowhere"):
        find_operators([folder / "nowhere"])


def test_a_template_does_not_hide_behind_one_of_the_firmware(folder: Path) -> None:
    (folder / "main.c.j2").write_text("")
    with pytest.raises(ConfigError, match=r"main\.c\.j2 has the name of another C template"):
        find_operators([folder])


def test_a_changed_operator_is_another_firmware(network: Path, folder: Path) -> None:
    job = Job(
        design={**CPU, **FIRMWARE},
        target=Target(name="t", part="LFE5U-85F", clock_hz=50_000_000),
        workload=Workload(
            model=network,
            model_sha256=hashlib.sha256(network.read_bytes()).hexdigest(),
            operator_folders=(folder,),
        ),
    )
    keys = []
    for name in ("", "squared_difference.py", "square.c.j2"):
        if name:
            (folder / name).write_text((folder / name).read_text() + "\n")
        stages = (FIRMWARE_STAGE, HOST_FIRMWARE_STAGE)
        keys.append([json.dumps(stage.inputs(job), default=str) for stage in stages])
    for stage in zip(*keys, strict=True):
        assert len(set(stage)) == len(stage)


def test_what_is_no_source_does_not_count(folder: Path) -> None:
    before = operators_digest([folder])
    (folder / "results.db").write_bytes(b"1")
    (folder / "below").mkdir()
    (folder / "below" / "other.py").write_text("raise ValueError")
    assert operators_digest([folder]) == before
    assert "SQUARED_DIFFERENCE" in find_operators([folder]).by_name


def test_a_change_of_an_operator_is_another_context(
    network: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "all_identities", dict)
    (network.parent / "study.toml").write_text(CONFIG)
    _, config = load_config(network.parent / "study.toml")
    assert config.job({}).workload.operator_folders == (folder.resolve(),)
    assert config_from_json(config.to_json()) == config
    before = provenance.context_of(config)
    assert provenance.context_of(config) == before
    (folder / "square.c.j2").write_text("changed")
    assert provenance.context_of(config) != before


def test_a_folder_that_a_config_names_must_be_there(network: Path, folder: Path) -> None:
    config = network.parent / "study.toml"
    config.write_text(CONFIG.replace("my_operators", "operators"))
    with pytest.raises(
        ConfigError, match=r"\[workload\] operator_folders has 'operators', and there is no folder"
    ):
        load_config(config)
    assert folder.is_dir()


CONFIG = """\
[study]
name = "with_square"
trials = 1
workers = 1
fidelity = "simulate"

[suggest]
algorithm = "grid"

[workload]
model = "network_with_square.tflite"
operator_folders = ["my_operators"]

[target]
name = "on_chip_85f"

[objectives]
minimise = ["latency_us", "cycles"]

"""


@pytest.mark.slow
@pytest.mark.usefixtures("network", "folder")
def test_a_study_measures_it_and_its_report_shows_it(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(CONFIG + space_toml({**CPU, **FAST_CFU, **FIRMWARE}))

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dse.study", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    needs = run("workload", "network_with_square.tflite", "--operators", "my_operators")
    assert "square_0" in needs
    run("start", "study.toml")
    shown = run("show", "with_square", "1")
    assert "square_0" in shown
    assert "square_1" in shown
    assert run("front", "with_square").count("simd") >= 1
