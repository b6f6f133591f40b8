"""What does not fit says how many of each kind, who takes them, and which keys change that."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import DoesNotFit
from runners.job import Job, Memory, Target, Workload
from runners.measuring.fit import require_fit

COSTS = {
    "soc": {"lut4": 2_300, "ff": 1, "dp16kd": 36, "mult18x18d": 0},
    "cpu": {"lut4": 3_700, "ff": 0, "dp16kd": 11, "mult18x18d": 4},
    "cfu": {"lut4": 19_000, "ff": 0, "dp16kd": 10, "mult18x18d": 24},
}
JOB = Job(
    design={
        "icache_bytes": 4096,
        "icache_ways": 2,
        "dcache_bytes": 0,
        "multiplier": "pipelined",
        "divider": "none",
        "shifter": "full",
        "branch_prediction": "static",
        "bypass": True,
        "cfu": "simd",
        "simd_width": 16,
        "buffer_depth": 4096,
        "hardware_requantisation": True,
        "channelwise": False,
    },
    target=Target(name="small", part="LFE5U-25F", clock_hz=50_000_000),
    workload=Workload(model=Path("none"), model_sha256=""),
)


def test_what_does_not_fit_names_cells_takers_and_keys() -> None:
    with pytest.raises(DoesNotFit) as caught:
        require_fit(COSTS, JOB)

    assert caught.value.what == (
        "the design needs 25000 LUT4 of 24288 (SoC 2300, CPU 3700, CFU 19000),"
        " 57 DP16KD of 56 (SoC 36, CPU 11, CFU 10) on LFE5U-25F"
    )
    assert caught.value.fix == (
        "take a larger part, or allow smaller values of what takes them (SoC:"
        " target.memory.rom_bytes, target.memory.sram_bytes, target.memory.l2_bytes;"
        " CPU: multiplier, shifter, branch_prediction, bypass, icache_bytes, icache_ways;"
        " CFU: simd_width, buffer_depth, hardware_requantisation, channelwise)"
    )
    require_fit(COSTS, replace(JOB, target=replace(JOB.target, part="LFE5U-45F")))


def test_on_chip_memory_is_a_key_of_the_soc_and_multipliers_name_theirs_alone() -> None:
    on_chip = replace(JOB, target=replace(JOB.target, memory=Memory(kind="on-chip", l2_bytes=0)))
    with pytest.raises(DoesNotFit) as caught:
        require_fit({**COSTS, "cfu": {**COSTS["cfu"], "lut4": 1, "mult18x18d": 25}}, on_chip)

    assert "57 DP16KD of 56" in caught.value.what
    assert "29 MULT18X18D of 28 (CPU 4, CFU 25)" in caught.value.what
    assert "target.memory.size_bytes; CPU: icache_bytes, icache_ways, multiplier;" in (
        caught.value.fix
    )
