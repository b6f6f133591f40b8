import itertools
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import InvalidDesign
from contracts.parameter import Value
from hw_templates.cpu import PARAMETERS, RULES, CpuConfig, options_text, source_digest
from tests.cpu.core_bench import DEFAULTS, design
from tests.cpu.legal_designs import random_design

ARITHMETIC = list(itertools.product(("none", "iterative", "pipelined"), ("none", "iterative")))
LEGAL_ARITHMETIC = [pair for pair in ARITHMETIC if pair != ("none", "iterative")]
C_SOURCE = """
int divide(int a, int b) { return a / b; }
int multiply(int a, int b) { return a * b; }
long long wide(long long a, long long b) { return a / b; }
int main(void) { return divide(5, 3) + multiply(5, 3) + (int)wide(5, 3); }
"""


def test_defaults_are_a_legal_design() -> None:
    values = {parameter.name: parameter.default for parameter in PARAMETERS}
    config = CpuConfig.from_values(values)
    assert values == {name: value for name, value in DEFAULTS.items() if name != "cfu"}
    assert config.icache is not None
    assert config.dcache is not None
    assert not config.cfu
    assert config.march == "rv32im"


def test_a_design_from_before_there_was_a_choice_is_the_core_that_it_was() -> None:
    older = {
        name: value
        for name, value in design().items()
        if name not in ("branch_stage", "relaxed_fetch")
    }
    now = design(branch_stage="memory", relaxed_fetch=False)
    assert CpuConfig.from_values(older) == CpuConfig.from_values(now)
    assert CpuConfig.from_values(design(icache_bytes=0)).branch_stage == "execute"


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_different_designs_are_different_cores(left_seed: int, right_seed: int) -> None:
    left, right = (random_design(random.Random(seed)) for seed in (left_seed, right_seed))
    configs = CpuConfig.from_values(left), CpuConfig.from_values(right)
    same = left == right
    assert (configs[0].canonical_json() == configs[1].canonical_json()) == same
    assert (options_text(configs[0]) == options_text(configs[1])) == same


@given(st.integers(0, 2**32))
def test_values_of_other_rooms_change_nothing(seed: int) -> None:
    values = random_design(random.Random(seed))
    more: dict[str, Value] = {**values, "simd_width": 4, "optimisation": "O2"}
    assert CpuConfig.from_values(more) == CpuConfig.from_values(values)


def test_all_cfu_families_share_one_core() -> None:
    simd, systolic = (CpuConfig.from_values(design(cfu=name)) for name in ("simd", "systolic"))
    assert simd == systolic
    assert simd.cfu
    assert not CpuConfig.from_values(design(cfu="none")).cfu


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (design(icache_ways=3), "icache_ways is 3"),
        (design(dcache_line_bytes=4), "dcache_line_bytes is 4"),
        (design(bypass=1), "bypass is 1"),
        (design(branch_stage="decode"), "branch_stage is 'decode'"),
        ({**design(icache_bytes=0), "relaxed_fetch": True}, "relaxed_fetch=True has no meaning"),
        ({**design(icache_bytes=0), "icache_ways": 1}, "icache_ways=1 has no meaning here"),
        ({"icache_bytes": 0}, "dcache_bytes is missing"),
        (design(multiplier="none"), "divider-needs-multiplier is broken"),
    ],
)
def test_illegal_values_are_refused(values: dict[str, Value], message: str) -> None:
    with pytest.raises(InvalidDesign, match=message) as raised:
        CpuConfig.from_values(values)
    assert raised.value.fix


def test_each_rule_refuses_something() -> None:
    refused = {rule.name: False for rule in RULES}
    rng = random.Random(1)
    for _ in range(200):
        values = {parameter.name: rng.choice(parameter.values) for parameter in PARAMETERS}
        for rule in RULES:
            refused[rule.name] |= not rule.holds(values)
    assert all(refused.values())


def _disassembly(multiplier: str, divider: str, folder: Path) -> str:
    config = CpuConfig.from_values(design(multiplier=multiplier, divider=divider))
    gcc = ["riscv64-unknown-elf-gcc"]
    find = [*gcc, *config.libgcc_flags, "-print-libgcc-file-name"]
    libgcc = subprocess.run(find, capture_output=True, text=True, check=True).stdout.strip()
    (folder / "main.c").write_text(C_SOURCE)
    build = [*gcc, *config.compiler_flags, "-O1", "-fno-inline", "-nostdlib", "-Wl,-e,main"]
    elf = str(folder / "main.elf")
    subprocess.run([*build, str(folder / "main.c"), libgcc, "-o", elf], check=True)
    dump = ["riscv64-unknown-elf-objdump", "-d", "-M", "no-aliases", elf]
    return subprocess.run(dump, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("multiplier", "divider"), LEGAL_ARITHMETIC)
def test_programs_use_what_the_core_has_and_nothing_else(
    multiplier: str, divider: str, tmp_path: Path
) -> None:
    lines = _disassembly(multiplier, divider, tmp_path).splitlines()
    mnemonics = {line.split("\t")[2] for line in lines if line.count("\t") >= 2}
    assert ("mul" in mnemonics) == (multiplier != "none")
    assert ("div" in mnemonics) == (divider != "none")
    assert divider != "none" or not mnemonics & {"div", "divu", "rem", "remu"}


def test_source_digest_is_stable_hexadecimal() -> None:
    source_digest.cache_clear()
    first = source_digest()
    source_digest.cache_clear()
    assert source_digest() == first
    assert len(bytes.fromhex(first)) == 32
