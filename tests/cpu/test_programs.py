import dataclasses
from pathlib import Path

import pytest

from hw_templates.cpu import CpuConfig
from tests.cpu import measure_cfu_cycles
from tests.cpu.core_bench import CFU_MODES, Simulators, assemble, design, generate_cores, simulate
from tests.cpu.random_programs import (
    DATA_ORIGIN,
    INTERRUPTS_WORD,
    STOP,
    cfu,
    random_program,
)
from tests.cpu.reference_core import ReferenceCore

pytestmark = pytest.mark.slow

CORES = {
    "middle": design(),
    "no-bypass": design(bypass=False, shifter="iterative"),
    "no-data-cache": design(dcache_bytes=0),
    "minimal": design(
        icache_bytes=0,
        dcache_bytes=0,
        multiplier="none",
        divider="none",
        shifter="iterative",
        branch_prediction="none",
        bypass=False,
    ),
    "iterative": design(
        multiplier="iterative", shifter="iterative", branch_prediction="dynamic", dcache_ways=2
    ),
    "tiny-caches": design(
        icache_bytes=1024,
        icache_ways=4,
        icache_line_bytes=8,
        dcache_bytes=1024,
        dcache_ways=2,
        dcache_line_bytes=64,
        branch_prediction="dynamic-target",
    ),
    "no-instruction-cache": design(icache_bytes=0, branch_prediction="dynamic-target"),
    "big-caches": design(
        icache_bytes=16384,
        icache_ways=2,
        icache_line_bytes=64,
        dcache_bytes=8192,
        dcache_ways=4,
        dcache_line_bytes=16,
        multiplier="iterative",
        divider="none",
        branch_prediction="none",
    ),
    "no-divider": design(
        icache_bytes=0,
        dcache_bytes=2048,
        dcache_line_bytes=8,
        divider="none",
        branch_prediction="dynamic",
        bypass=False,
    ),
    "without-cfu": design(cfu="none", branch_prediction="dynamic"),
    "early-branch": design(branch_stage="execute"),
    "relaxed-fetch": design(relaxed_fetch=True, dcache_bytes=0),
    "early-branch-relaxed-fetch": design(
        branch_stage="execute", relaxed_fetch=True, branch_prediction="dynamic-target", bypass=False
    ),
    "dynamic-relaxed-fetch": design(relaxed_fetch=True, branch_prediction="dynamic"),
}


@dataclasses.dataclass(frozen=True)
class Built:
    """A core and its simulator."""

    config: CpuConfig
    simulator: Path


@pytest.fixture(scope="module")
def built(
    jars: Path, simulators: Simulators, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Built]:
    configs = {name: CpuConfig.from_values(values) for name, values in CORES.items()}
    cores = generate_cores(jars, configs, tmp_path_factory.mktemp("cores"))
    return {
        name: Built(config, simulators.build(name, cores[name], with_cfu=config.cfu))
        for name, config in configs.items()
    }


@pytest.mark.parametrize("name", CORES)
def test_random_programs_end_like_the_model(
    name: str, built: dict[str, Built], tmp_path: Path
) -> None:
    config, simulator = built[name].config, built[name].simulator
    for seed in range(3):
        text = random_program(
            seed,
            multiplier=config.multiplier != "none",
            divider=config.divider != "none",
            with_cfu=config.cfu,
        )
        words = assemble(text, tmp_path)
        model = ReferenceCore(words)
        model.run(max_instructions=100_000)
        for number, mode in enumerate(CFU_MODES if config.cfu else ["same cycle"]):
            slow, interrupts = bool((seed + number) % 2), bool((seed + number) // 2 % 2)
            memory = simulate(
                simulator,
                words,
                tmp_path,
                cfu=mode,
                slow_memory=slow,
                interrupts=interrupts,
                seed=10 * seed + number,
            ).memory
            assert (memory[INTERRUPTS_WORD] > 10) == interrupts
            memory[INTERRUPTS_WORD] = model.memory[INTERRUPTS_WORD]
            assert memory == model.memory, (seed, mode, slow, interrupts)


RESULTS = DATA_ORIGIN + 0x1000
TRAPPING = {
    "lw x6, 1(x20)": 4,
    "lh x6, 3(x20)": 4,
    "sw x6, 2(x20)": 6,
    "sh x6, 1(x20)": 6,
    ".word 0": 2,
    "csrr x6, 0x7c0": 2,
    "ecall": 11,
}


def _trapping_program(*, traps: bool) -> str:
    """Each trap is followed by an operation that must be executed once, after it."""
    lines = [
        ".globl _start",
        "_start:",
        "la x5, handler",
        "csrw mtvec, x5",
        f"li x20, {DATA_ORIGIN}",
    ]
    lines += [f"li x21, {RESULTS}", "li x6, 3", "li x7, 77", "li x8, 12345", "li x25, 4"]
    lines += ["again:"]
    for number, instruction in enumerate(TRAPPING):
        lines += ["lw x9, 64(x20)", cfu(1, number, 12, 7, 8)]
        lines += [instruction] if traps else []
        lines += [cfu(1, number, 10, 7, 8), "add x7, x7, x10"]
        lines += ["sw x10, 0(x20)", "lw x11, 0(x20)", cfu(1, 5, 10, 11, 8)]
    lines += ["addi x25, x25, -1", "bnez x25, again"]
    lines += [cfu(2, 0, 11, 0, 0), f"li x21, {RESULTS + 512}"]
    lines += ["sw x10, 0(x21)", "sw x7, 4(x21)", "sw x11, 8(x21)", "j stop", ".balign 4"]
    lines += ["handler:", "csrr x30, mepc", "addi x30, x30, 4", "csrw mepc, x30"]
    lines += ["csrr x30, mcause", "sw x30, 0(x21)", "addi x21, x21, 4", "mret", "stop:", STOP]
    return "\n".join(lines)


@pytest.mark.parametrize("name", ["middle", "no-data-cache", "minimal", "tiny-caches"])
def test_an_operation_behind_a_trap_is_executed_once(
    name: str, built: dict[str, Built], tmp_path: Path
) -> None:
    model = ReferenceCore(assemble(_trapping_program(traps=False), tmp_path))
    model.run(max_instructions=10_000)
    words = assemble(_trapping_program(traps=True), tmp_path)
    summary = slice((RESULTS + 512) // 4, (RESULTS + 512) // 4 + 3)
    causes = slice(RESULTS // 4, RESULTS // 4 + 4 * len(TRAPPING))
    for mode in CFU_MODES:
        for slow in (False, True):
            run = simulate(
                built[name].simulator, words, tmp_path, cfu=mode, slow_memory=slow, seed=5
            )
            assert run.memory[causes] == [*TRAPPING.values()] * 4
            assert run.memory[summary] == model.memory[summary], (mode, slow)


SYSTEM_PROGRAM = f"""
.globl _start
_start:
    li x21, {RESULTS}
    li x5, 0x12345678
    csrw mscratch, x5
    csrr x6, mscratch
    sw x6, 0(x21)
    li x5, 0x1230
    csrw mtvec, x5
    csrr x6, mtvec
    sw x6, 4(x21)
    li x5, 7
    csrw mcycleh, x5
    csrw mcycle, x0
    csrr x6, mcycle
    csrr x7, mcycleh
    sw x6, 8(x21)
    sw x7, 12(x21)
    wfi
    .word 0x500f
    .word 0x100f
    nop
    nop
    nop
    fence
    csrw 0xbc0, x5
    csrr x6, 0xbc0
    sw x6, 16(x21)
    csrr x6, 0xfc0
    sw x6, 20(x21)
{STOP}
"""


@pytest.mark.parametrize("name", CORES)
def test_system_instructions_work_without_a_trap(
    name: str, built: dict[str, Built], tmp_path: Path
) -> None:
    memory = simulate(built[name].simulator, assemble(SYSTEM_PROGRAM, tmp_path), tmp_path).memory
    scratch, vector, cycles, cycles_high, mask, pending = memory[RESULTS // 4 : RESULTS // 4 + 6]
    assert (scratch, vector, cycles_high, mask, pending) == (0x12345678, 0x1230, 7, 7, 0)
    assert 0 < cycles < 100


def test_a_tight_loop_does_not_starve_the_data_bus(built: dict[str, Built], tmp_path: Path) -> None:
    words = assemble(f".globl _start\n_start:\n{STOP}", tmp_path)
    assert simulate(built["minimal"].simulator, words, tmp_path).cycles < 200


@pytest.mark.parametrize(
    ("group", "mode", "cycles"),
    [
        ("operation, independent", "same cycle", 1),
        ("operation, independent", "next cycle", 1),
        ("operation on the last one's result", "same cycle", 1),
        ("operation on the last one's result", "next cycle", 2),
        ("4 loads, then 2 operations", "next cycle", 7),
        ("operation, store of its result", "same cycle", 2),
    ],
)
def test_an_operation_costs_what_the_data_sheet_says(
    group: str, mode: str, cycles: int, built: dict[str, Built], tmp_path: Path
) -> None:
    instructions = measure_cfu_cycles.PATTERNS[group]
    simulator = built["middle"].simulator
    found = measure_cfu_cycles.cycles(instructions, simulator, mode, tmp_path)
    assert found == pytest.approx(cycles, abs=0.1)


@pytest.mark.parametrize(
    ("branch", "cycles"),
    [("beq x0, x0, 1f", 4), ("bne x0, x0, 1f", 1), ("j 1f", 2)],
    ids=["predicted wrongly", "predicted rightly", "jump"],
)
def test_a_branch_beside_an_instruction_cache_costs_what_the_data_sheet_says(
    branch: str, cycles: int, built: dict[str, Built], tmp_path: Path
) -> None:
    """Forwards, which static prediction takes for not taken."""
    group = [branch, *(["nop", "nop"] if cycles > 1 else []), "1:"]
    found = measure_cfu_cycles.cycles(group, built["middle"].simulator, "same cycle", tmp_path)
    assert found == pytest.approx(cycles, abs=0.1)
