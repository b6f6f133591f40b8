"""What every CFU family promises, whoever wrote it: ``CFU_MODULES=my_cfu.py pytest tests/cfu``."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.parameter import Value
from hw_templates.cfu import Family, load_families, ports_for
from tests.cfu.cfu_harness import (
    VerilatedRuntime,
    compile_headers,
    compile_host,
    designs,
    emulate,
    expected,
    name_of,
    random_commands,
    read_commands,
    render_kernels,
    simulate,
)
from tests.examples import examples
from tests.objects import compile_once

# a user's own families go through the same suite
OWN = [module for module in os.environ.get("CFU_MODULES", "").split(",") if module]
KERNEL_COMMANDS = os.environ.get("CFU_COMMANDS")
"""Instructions that the kernels of a family without a model give: others may well hang it."""
ALL = list(load_families(OWN).values())
WITH_HARDWARE = [family for family in ALL if family.verilog is not None]
WITH_KERNELS = [family for family in ALL if family.kernels is not None]
WITH_EMULATION = [
    family
    for family in WITH_KERNELS
    if family.kernels is not None and (family.kernels.folder / "cfu_emulation.c.j2").is_file()
]
WITH_HEADERS = [family for family in ALL if family.kernel_headers is not None]

MOST_ELABORATED = 100
FEW_ELABORATED = 12
MOST_SEEN = 20_000
"""Designs that a sample is chosen from: a large family has hundreds of thousands."""

_TEXTS: dict[tuple[str, str], str] = {}


def verilog_of(family: Family, values: dict[str, Value]) -> str:
    """Return a design's Verilog, elaborated once for all the tests of this file."""
    assert family.verilog is not None
    key = (family.name, repr(sorted(values.items())))
    if key not in _TEXTS:
        _TEXTS[key] = family.verilog(values)
    return _TEXTS[key]


_SAMPLES: dict[str, list[dict[str, Value]]] = {}


def size_of(design: dict[str, Value]) -> int:
    """Return a number that is small for hardware that is."""
    return sum(value for value in design.values() if isinstance(value, int))


def sample(family: Family, count: int) -> list[dict[str, Value]]:
    """Return few small designs that have every value of every parameter, then random ones."""
    if family.name not in _SAMPLES:
        legal = designs(family)
        legal = random.Random(1).sample(legal, min(len(legal), MOST_SEEN))
        missing = {choice for design in legal for choice in design.items()}
        chosen: list[dict[str, Value]] = []
        while missing:
            best = max(legal, key=lambda one: (len(missing & one.items()), -size_of(one)))
            chosen.append(best)
            missing -= best.items()
        chosen += [design for design in legal[:MOST_ELABORATED] if design not in chosen]
        _SAMPLES[family.name] = chosen
    return _SAMPLES[family.name][:count]


def cases(families_: list[Family], count: int) -> list[object]:
    return [
        pytest.param(family, values, id=f"{family.name}-{name_of(values)}")
        for family in families_
        for values in sample(family, count)
    ]


@pytest.mark.parametrize("family", ALL, ids=lambda family: family.name)
def test_every_value_of_a_parameter_is_in_a_legal_design(family: Family) -> None:
    legal = designs(family)
    assert legal
    for parameter in family.parameters:
        assert {design[parameter.name] for design in legal} == set(parameter.values)


@pytest.mark.parametrize("family", ALL, ids=lambda family: family.name)
def test_defaults_are_a_legal_design(family: Family) -> None:
    assert {p.name: p.default for p in family.parameters} in designs(family)


@pytest.mark.parametrize("family", WITH_HARDWARE, ids=lambda family: family.name)
def test_sources_exist_under_different_names(family: Family) -> None:
    assert all(path.exists() for path in family.sources)
    assert len({path.name for path in family.sources}) == len(family.sources)


def require_ports(verilog: str, *, clock_percent: int) -> None:
    assert len(re.findall(r"\bmodule\s+Cfu\b", verilog)) == 1
    body = verilog[re.search(r"\bmodule\s+Cfu\b", verilog).start() :]
    body = body[: body.index("endmodule")]
    for name, (direction, width) in ports_for(clock_percent).items():
        declared = re.search(
            rf"\b{direction}\s+(?:wire\s+|reg\s+|logic\s+)?(?:\[(\d+):0\]\s*)?{name}\b", body
        )
        assert declared, f"{direction} {name} is missing"
        assert int(declared[1] or 0) + 1 == width, f"{name} is not {width} bits wide"


@pytest.mark.parametrize(("family", "values"), cases(WITH_HARDWARE, 1))
def test_module_has_the_ports_of_litex(family: Family, values: dict[str, Value]) -> None:
    require_ports(verilog_of(family, values), clock_percent=family.clock_percent(values))


@pytest.mark.slow
@pytest.mark.parametrize("family", WITH_HARDWARE, ids=lambda family: family.name)
def test_every_legal_design_elaborates(family: Family) -> None:
    """Or, of a family with very many, designs that have every value of every parameter."""
    legal = designs(family)
    chosen = legal if len(legal) <= MOST_ELABORATED else sample(family, FEW_ELABORATED)
    for parameter in family.parameters:
        assert {values[parameter.name] for values in chosen} == set(parameter.values)
    for values in chosen:
        require_ports(verilog_of(family, values), clock_percent=family.clock_percent(values))


@pytest.mark.slow
@pytest.mark.parametrize(("family", "values"), cases(WITH_HARDWARE, 1))
def test_same_design_gives_same_bytes_in_any_folder_and_process(
    family: Family, values: dict[str, Value], tmp_path: Path
) -> None:
    modules = [str(Path(m).resolve()) if m.endswith(".py") else m for m in OWN]
    script = (
        "import sys\n"
        "from hw_templates.cfu import load_families\n"
        f"family = load_families({modules!r}).named({family.name!r})\n"
        f"sys.stdout.write(family.verilog({values!r}))\n"
    )
    root = Path(__file__).parents[2]
    other = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
            "PYTHONHASHSEED": "7",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    text = verilog_of(family, values)
    assert other == text
    assert str(root) not in text


@pytest.mark.slow
@pytest.mark.parametrize(("family", "values"), cases(WITH_HARDWARE, 5))
def test_hardware_answers_like_the_model_under_back_pressure(
    family: Family, values: dict[str, Value], runtime: VerilatedRuntime, build_folder: Path
) -> None:
    """Where there is no model, the hardware without back-pressure is it.

    Of a family without a model the kernels' own instructions are taken where they are known, and
    only the protocol is checked: a kernel may poll, so answers may depend on when it asks.
    """
    folder = build_folder / f"{family.name}-{name_of(values)}"
    bench = runtime.build(verilog_of(family, values), folder)
    for seed, (command_gap, answer_gap) in enumerate([(0, 0), (0, 60), (60, 0), (40, 40)]):
        known = read_commands(KERNEL_COMMANDS) if KERNEL_COMMANDS and not family.model else []
        commands = known or random_commands(random.Random(seed), 3000)
        run = simulate(
            bench,
            commands,
            seed=seed,
            command_gap_percent=command_gap,
            answer_gap_percent=answer_gap,
        )
        if known:
            assert len(run.answers) == len(commands)
            continue
        right = simulate(bench, commands).answers
        if family.model is not None:
            right = expected(family.model(values), commands)
        assert run.answers == right


@pytest.mark.parametrize(("family", "values"), cases(WITH_EMULATION, 4))
def test_emulation_answers_like_the_model(
    family: Family,
    values: dict[str, Value],
    tmp_path: Path,
    runtime: VerilatedRuntime,
    build_folder: Path,
) -> None:
    """Where there is no model, like the hardware."""
    render_kernels(family, values, tmp_path)
    program = compile_host(["emulation_bench.c", "cfu_emulation.c", "-I."], tmp_path, "emulation")
    commands = random_commands(random.Random(1), examples(20_000))
    if family.model is not None:
        right = expected(family.model(values), commands)
    else:
        folder = build_folder / f"{family.name}-{name_of(values)}-emulated"
        right = simulate(runtime.build(verilog_of(family, values), folder), commands).answers
    assert emulate(program, commands) == right


@pytest.mark.parametrize("family", WITH_HEADERS, ids=lambda family: family.name)
@pytest.mark.parametrize("march", ["rv32i", "rv32im"])
def test_every_header_compiles_for_the_core(family: Family, march: str, tmp_path: Path) -> None:
    compile_headers(family.kernel_headers, tmp_path, march=march)


@pytest.mark.parametrize(("family", "values"), cases(WITH_KERNELS, 3))
@pytest.mark.parametrize("march", ["rv32i", "rv32im"])
def test_every_kernel_compiles_for_the_core(
    family: Family, values: dict[str, Value], march: str, tmp_path: Path
) -> None:
    sources = [name for name in render_kernels(family, values, tmp_path) if "emulation" not in name]
    compile_once(
        [
            *("riscv64-unknown-elf-gcc", f"-march={march}", "-misa-spec=2.2", "-mabi=ilp32"),
            *("-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-I."),
            *("-c", *sources),
        ],
        tmp_path,
        log=tmp_path / "gcc.log",
        timeout_s=120,
    )
