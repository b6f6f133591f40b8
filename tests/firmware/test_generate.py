"""Generated sources: readable, the same every time, replaced by a family's, built everywhere."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import ConfigError, DoesNotFit
from sw_templates.generate import generate
from sw_templates.model import Model
from sw_templates.options import (
    PARAMETERS,
    PLAIN_KERNELS,
    FirmwareOptions,
    KernelSet,
)
from sw_templates.reference import golden_inferences, random_inputs
from sw_templates.soc_map import Region, SocMap
from sw_templates.tflite_import import load_model, model_from_bytes
from tests.firmware.firmware_bench import (
    CPU_FLAGS,
    IMGC,
    SOC,
    commands_for,
    compile_in,
    host_firmware,
    load_bytes,
    riscv_firmware,
    run_batch,
    small_network,
)
from tests.firmware.operator_network import operator_network

EMULATOR = Path(__file__).parent / "rv32_emulator.c"


@pytest.fixture(scope="module")
def model() -> Model:
    return model_from_bytes(small_network(), "net")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("emulator")
    compile_in(folder, ["cc", "-O2", "-Wall", "-Wextra", "-Werror", str(EMULATOR), "-o", "rv32"])
    return folder / "rv32"


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_the_same_inputs_give_the_same_bytes(model: Model, tmp_path: Path) -> None:
    for name in ("a", "b"):
        generate(
            model,
            kernels=PLAIN_KERNELS,
            options=FirmwareOptions(),
            soc=SOC,
            out=tmp_path / name,
        )
    assert texts(tmp_path / "a") == texts(tmp_path / "b")


def test_a_layer_reads_like_its_structure(model: Model, tmp_path: Path) -> None:
    generate(model, kernels=PLAIN_KERNELS, options=FirmwareOptions(), soc=None, out=tmp_path)
    text = (tmp_path / "model.c").read_text()
    assert "static const struct fully_connected_layer fully_connected_5 = {" in text
    assert "    .input_depth = 30,\n    .output_depth = 5,\n" in text
    assert "    .row_bytes = 32,\n" in text
    assert re.search(r"fully_connected\(&fully_connected_5, arena \+ \d+, arena \+ \d+, ", text)


def test_only_operators_of_the_model_are_compiled(tmp_path: Path) -> None:
    path = IMGC
    if not path.exists():
        pytest.skip("the model is not beside this checkout")
    firmware = generate(
        load_model(path),
        kernels=PLAIN_KERNELS,
        options=FirmwareOptions(),
        soc=SOC,
        out=tmp_path,
    )
    assert "depthwise_conv2d.c" not in firmware.sources
    assert "host_main.c" not in firmware.sources
    assert {"conv2d.c", "uart.c", "start.S"} <= set(firmware.sources)


FAMILY_KERNEL = """#include "layers.h"
#include "cfu.h"
/* {{ lanes }} lanes */
void reshape(const struct reshape_layer *layer, const int8_t *input, int8_t *output)
{
    const int8_t *source = input;
    int8_t *copy = output;

    for (int32_t i = 0; i < layer->size; i++)
        copy[i] = (int8_t)cfu_op(1, {{ lanes }}, (uint32_t)source[i], 0);
}
"""
FAMILY_EMULATION = """#include "cfu.h"
uint32_t cfu_emulate(uint32_t funct3, uint32_t funct7, uint32_t a, uint32_t b)
{
    return funct3 == 1 && funct7 == {{ lanes }} ? a + b : 0;
}
"""


def family(folder: Path, **variables: object) -> KernelSet:
    folder.mkdir()
    (folder / "reshape.c.j2").write_text(FAMILY_KERNEL)
    (folder / "cfu_emulation.c.j2").write_text(FAMILY_EMULATION)
    return KernelSet(
        folders=(folder,), variables=variables, weight_row_align_bytes=16, scratch_rows=7
    )


def test_a_family_replaces_a_kernel_and_is_emulated_on_the_host(tmp_path: Path) -> None:
    path, model = load_bytes(small_network(), tmp_path)
    kernels = family(tmp_path / "family", lanes=4)
    program = host_firmware(model, tmp_path / "fw", kernels=kernels)
    assert "4 lanes" in (tmp_path / "fw" / "reshape.c").read_text()
    assert ".scratch_bytes = 224," in (tmp_path / "fw" / "model.c").read_text()
    inputs = random_inputs(model, count=2, seed=9)
    assert run_batch(program, model, inputs) == golden_inferences(path, model, inputs)


def test_the_emulation_stays_off_the_core(model: Model, tmp_path: Path) -> None:
    kernels = family(tmp_path / "family", lanes=4)
    firmware = generate(
        model, kernels=kernels, options=FirmwareOptions(), soc=SOC, out=tmp_path / "fw"
    )
    assert "cfu_emulation.c" not in firmware.sources


def test_a_missing_variable_of_a_kernel_is_named(model: Model, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"kernel template .* cannot be rendered: 'lanes' is undefined"
    ):
        generate(
            model,
            kernels=family(tmp_path / "family"),
            options=FirmwareOptions(),
            soc=None,
            out=tmp_path / "fw",
        )


def test_a_clash_of_variables_is_named(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="variables model have names"):
        generate(
            model,
            kernels=KernelSet(variables={"model": 1}),
            options=FirmwareOptions(),
            soc=None,
            out=tmp_path,
        )


def test_too_little_memory_is_named(model: Model, tmp_path: Path) -> None:
    tiny = SocMap(
        clock_hz=1,
        uart_rxtx=0,
        uart_txfull=0,
        uart_rxempty=0,
        uart_ev_pending=0,
        main_ram=Region(origin=0, size_bytes=16384),
        sram=None,
    )
    with pytest.raises(DoesNotFit, match="main_ram has 16384"):
        generate(model, kernels=PLAIN_KERNELS, options=FirmwareOptions(), soc=tiny, out=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimisation": "O9"}, "optimisation is 'O9'"),
        ({"unroll": 3}, "unroll is 3"),
        ({"unroll": True}, "unroll is True"),
        ({"results": "words"}, "results is 'words'"),
        ({"inputs": "bits"}, "inputs is 'bits'"),
        ({"device_name": 'a"]%'}, "device_name is"),
        ({"device_name": ""}, "device_name is ''"),
        ({"model_name": "x" * 65}, "model_name is"),
    ],
)
def test_options_that_make_no_sense_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FirmwareOptions(**options)  # type: ignore[arg-type]


def test_a_design_says_what_it_says_and_the_rest_is_default() -> None:
    assert FirmwareOptions.from_values({"unroll": 8, "cfu": "none"}) == FirmwareOptions(unroll=8)
    assert FirmwareOptions.from_values({"optimisation": "Os"}).optimisation == "Os"


def test_a_soc_description_that_lacks_a_part_is_named(tmp_path: Path) -> None:
    path = tmp_path / "soc.json"
    for text in ("", "[]", '{"clock_hz": 1, "memory": {}, "uart": {}}'):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"soc\.json cannot be used"):
            SocMap.from_json(path)


def machine_code(model: Model, out: Path, **options: object) -> bytes:
    chosen = FirmwareOptions(**options)  # type: ignore[arg-type]
    riscv_firmware(model, out, core="rv32im", options=chosen)
    return (out / "firmware.bin").read_bytes()


@pytest.mark.slow
def test_every_value_of_every_parameter_changes_the_machine_code(
    model: Model, tmp_path: Path
) -> None:
    for parameter in PARAMETERS:
        codes = {
            machine_code(model, tmp_path / f"{parameter.name}_{value}", **{parameter.name: value})
            for value in parameter.values
        }
        assert len(codes) == len(parameter.values), parameter.name


def talk(emulator: Path, folder: Path, core: str, text: str) -> str:
    has_multiplier, has_divider = {"rv32im": "11", "rv32i": "00", "no divider": "10"}[core]
    command = [emulator, folder / "firmware.bin", has_multiplier, has_divider, "50000000"]
    run = subprocess.run(command, input=text.encode(), capture_output=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode("ascii")


@pytest.mark.parametrize("sram", [True, False], ids=["stack in sram", "stack in main_ram"])
@pytest.mark.parametrize("core", CPU_FLAGS)
def test_the_firmware_is_bit_exact_on_a_core(
    emulator: Path, tmp_path: Path, core: str, sram: bool
) -> None:
    soc = SOC if sram else SocMap.from_mapping(SOC_WITHOUT_SRAM)
    check_on_a_core(small_network(), emulator, tmp_path, core, soc=soc, unroll=8 if sram else 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "core",
    ["rv32im", *(pytest.param(name, marks=pytest.mark.slow) for name in ("rv32i", "no divider"))],
)
def test_every_operator_is_bit_exact_on_a_core(emulator: Path, tmp_path: Path, core: str) -> None:
    check_on_a_core(operator_network(), emulator, tmp_path, core, soc=SOC, unroll=4)


def check_on_a_core(
    network: bytes, emulator: Path, tmp_path: Path, core: str, *, soc: SocMap, unroll: int
) -> None:
    path, model = load_bytes(network, tmp_path)
    riscv_firmware(
        model, tmp_path / "fw", core=core, options=FirmwareOptions(unroll=unroll), soc=soc
    )
    given = random_inputs(model, count=1, seed=4)[0]
    golden = golden_inferences(path, model, [given])[0]
    answer = talk(
        emulator,
        tmp_path / "fw",
        core,
        f"xxxxxxxx30%db load 168%db {given.hex()}%infer 1 1%output%check%cycles%",
    )
    assert answer.startswith("m-timestamp-mode-performance\r\n")
    assert f"m-output-[{golden.output.hex()}]\r\n" in answer
    crcs = re.findall(r"m-crc-\[\d+,([0-9a-f]{8})\]", answer)
    assert tuple(int(crc, 16) for crc in crcs) == golden.layer_crcs
    assert int(re.findall(r"m-cycles-(\d+)", answer)[0]) > 10_000


SOC_WITHOUT_SRAM = {
    "clock_hz": 50_000_000,
    "uart": {
        "rxtx": 0xF0001000,
        "txfull": 0xF0001004,
        "rxempty": 0xF0001008,
        "ev_pending": 0xF0001010,
    },
    "memory": {"main_ram": {"origin": 0x40000000, "size_bytes": 4 << 20}},
}


DIVIDES = """
volatile long long divided = 7;
long long own_division(long long by);
long long own_division(long long by) { return divided / by; }
"""


@pytest.mark.parametrize("core", ["rv32i", "no divider"])
def test_no_instruction_is_used_that_the_core_lacks(
    model: Model, tmp_path: Path, core: str
) -> None:
    """A kernel of a user's own may divide numbers of 64 bits, which GCC's library does."""
    firmware = riscv_firmware(model, tmp_path, core=core)
    (tmp_path / "own.c").write_text(DIVIDES)
    sources = (*firmware.sources, "own.c")
    script = tmp_path / "linker.ld"
    script.write_text(f"EXTERN(own_division)\n{script.read_text()}")  # else nothing calls it
    commands = commands_for(replace(firmware, sources=sources), core, FirmwareOptions())
    compile_in(tmp_path, *commands)
    listing = subprocess.run(
        ["riscv64-unknown-elf-objdump", "-d", tmp_path / "firmware.elf"],
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout.decode()
    assert "<__divdi3>:" in listing
    lacking = r"\t(div|rem)u?\t" if core == "no divider" else r"\t(div|rem|mul)\w*\t"
    assert not re.search(lacking, listing)


def test_a_trap_is_reported(emulator: Path, model: Model, tmp_path: Path) -> None:
    riscv_firmware(model, tmp_path, core="rv32im")
    command = [emulator, tmp_path / "firmware.bin", "0", "0", "50000000"]
    given = bytes(model.input_bytes).hex()
    run = subprocess.run(
        command,
        input=f"db load 168%db {given}%infer 1 0%".encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert re.search(rb"e-\[Trap: cause 2 at 0x400\w{5}\]\r\n$", run.stdout)
