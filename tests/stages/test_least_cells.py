"""The least that hardware takes is never more than what synthesis made of it.

The counts are those of yosys 0.70 for netlists of the families' parts; a core has its caches of one
size, without a multiplier.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.parameter import Parameter, Value
from dse.config.fit import fit_rules
from dse.dashboard.example import unpack
from dse.results.study_results import study_columns
from dse.space import Design
from dse.store import Reader
from hw_templates import cpu
from hw_templates.cfu import BUILT_IN
from hw_templates.soc.least import least_soc
from runners.fpga import FAMILIES, capacity_of, family_of_part
from runners.fpga.least import least_cells
from runners.job import Job, Memory, Target, Workload
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.socs import board_soc
from runners.stages.synthesis import read_cost

FAMILY_OF = {family.name: family for family in FAMILIES}
CORES = [  # family, cache size, ways, line, block RAMs
    ("ecp5", 0, 1, 32, 2),
    ("ecp5", 1024, 1, 64, 9),
    ("ecp5", 1024, 4, 64, 30),
    ("ecp5", 1024, 4, 8, 30),
    ("ecp5", 4096, 1, 32, 10),
    ("ecp5", 8192, 1, 32, 12),
    ("ecp5", 8192, 2, 64, 18),
    ("ecp5", 16384, 1, 8, 24),
    ("ecp5", 16384, 4, 8, 34),
    ("gatemate", 0, 1, 32, 2),
    ("gatemate", 1024, 1, 64, 9),
    ("gatemate", 1024, 4, 64, 22),
    ("gatemate", 8192, 1, 32, 12),
    ("gw2a", 1024, 4, 64, 30),
    ("gw2a", 8192, 1, 32, 12),
    ("nexus", 0, 1, 32, 2),
    ("nexus", 1024, 4, 64, 30),
    ("ice40", 1024, 4, 64, 28),
    ("xilinx7", 0, 1, 32, 2),
    ("xilinx7", 1024, 1, 64, 9),
    ("xilinx7", 1024, 4, 64, 30),
]
UNITS: list[tuple[dict[str, Value], int, int]] = [  # ECP5: block RAMs, multipliers
    ({"simd_width": 4, "buffer_depth": 0, "hardware_requantisation": False}, 0, 4),
    ({"simd_width": 4, "buffer_depth": 512, "hardware_requantisation": True}, 6, 8),
    ({"simd_width": 4, "buffer_depth": 2048, "hardware_requantisation": False}, 6, 4),
    ({"simd_width": 8, "buffer_depth": 1024, "hardware_requantisation": True}, 6, 12),
    ({"simd_width": 16, "buffer_depth": 512, "hardware_requantisation": False}, 8, 16),
    ({"simd_width": 16, "buffer_depth": 1024, "hardware_requantisation": True}, 10, 20),
    ({"simd_width": 16, "buffer_depth": 4096, "hardware_requantisation": True}, 14, 20),
    (
        {
            "engine_rows": 16,
            "engine_cols": 16,
            "engine_activation_kib": 64,
            "engine_weight_kib": 128,
            "engine_units": 8,
            "engine_packed": True,
            "engine_lut_percent": 0,
            "engine_clock_percent": 100,
            "engine_weight_bits": 8,
        },
        137,
        152,
    ),
    *(
        (
            {
                "engine_rows": rows,
                "engine_cols": cols,
                "engine_activation_kib": activation_kib,
                "engine_weight_kib": weight_kib,
                "engine_units": units,
                "engine_packed": is_packed,
                "engine_lut_percent": lut_percent,
                "engine_clock_percent": 100,
                "engine_weight_bits": 8,
            },
            blocks,
            multipliers,
        )
        for (
            (rows, cols, activation_kib, weight_kib, units, is_packed, lut_percent),
            (blocks, multipliers),
        ) in (
            ((4, 4, 16, 32, 4, False, 0), (46, 28)),
            ((8, 4, 48, 96, 4, False, 75), (95, 20)),
            ((8, 8, 8, 288, 4, True, 0), (185, 44)),
            ((8, 8, 96, 192, 4, True, 0), (179, 44)),
            ((8, 8, 96, 192, 8, True, 75), (187, 32)),
            ((16, 8, 48, 256, 4, True, 0), (189, 76)),
        )
    ),
]
SMALL = Target(name="small", part="LFE5U-25F", clock_hz=50_000_000, memory=Memory(rom_bytes=4096))


def core(size: int, ways: int, line: int) -> dict[str, Value]:
    caches: dict[str, Value] = {}
    for cache in ("icache", "dcache"):
        caches[f"{cache}_bytes"] = size
        if size:
            caches |= {f"{cache}_ways": ways, f"{cache}_line_bytes": line}
    return {
        **caches,
        "multiplier": "iterative",
        "divider": "iterative",
        "shifter": "full",
        "branch_prediction": "static",
        "bypass": True,
        "cfu": "none",
        "optimisation": "O2",
        "unroll": 1,
    }


@pytest.mark.parametrize(("family", "size", "ways", "line", "blocks"), CORES)
def test_a_core_takes_no_fewer_block_rams_than_the_bound(
    family: str, size: int, ways: int, line: int, blocks: int
) -> None:
    least = least_cells(cpu.least_core(core(size, ways, line)), FAMILY_OF[family])
    assert least["block_ram_bits"] <= blocks
    if family != "ice40":
        assert least["block_ram_bits"] >= 0.8 * blocks, "a bound that says something"


@pytest.mark.parametrize(("values", "blocks", "multipliers"), UNITS)
def test_a_cfu_takes_no_fewer_cells_than_any_of_its_bounds(
    values: dict[str, Value], blocks: int, multipliers: int
) -> None:
    family = BUILT_IN["simd" if "simd_width" in values else "engine"]
    assert family.least
    largest = 0.0
    for piece in family.least:
        least = least_cells(
            piece.hardware({name: values[name] for name in piece.parameters}), FAMILY_OF["ecp5"]
        )
        assert least["block_ram_bits"] <= blocks
        assert least["multipliers"] <= multipliers
        largest = max(largest, least["block_ram_bits"])
    assert largest == blocks, "the bound is what is taken"


def test_the_bound_of_a_soc_is_what_was_synthesised() -> None:
    ecp5 = family_of_part(SMALL.part)
    with_bios = Target(name="small", part=SMALL.part, clock_hz=50_000_000)
    for target, blocks in ((with_bios, 24), (SMALL, 11)):
        soc = least_soc(board_soc(target, with_cfu=True), main_ram_in_blocks=True)
        assert least_cells(soc, ecp5)["block_ram_bits"] in (blocks, blocks - 1)


def test_no_design_that_fitted_is_left_out_of_its_space(tmp_path: Path) -> None:
    parameters = [*cpu.PARAMETERS, *(p for family in BUILT_IN.values() for p in family.parameters)]
    choice = Parameter(name="cfu", values=tuple(BUILT_IN), default="none", description="")
    checked = 0
    with Reader(unpack(tmp_path / "recorded.db")) as reader:
        for summary in reader.summaries():
            columns = study_columns(reader, summary.study.name)
            config = columns.config
            for part in ("LFE5U-85F", "LFE5U-45F", "LFE5U-25F"):
                rules = fit_rules(
                    [*parameters, choice], BUILT_IN, replace(config.target, part=part)
                )
                held = capacity_of(part)
                for at, trial in enumerate(columns.trials):
                    measured, _ = columns.measured(at)
                    if measured.get("dp16kd", held["dp16kd"] + 1) > held["dp16kd"]:
                        continue
                    if measured["mult18x18d"] > held["mult18x18d"]:
                        continue
                    design = Design.from_canonical(trial.design_json).values
                    for rule in rules:
                        given = {name: design[name] for name in rule.parameters if name in design}
                        assert rule.holds(given), (summary.study.name, trial.number, rule.name)
                        checked += 1
    assert checked > 100


@pytest.mark.slow
def test_a_core_is_synthesised_to_the_block_rams_of_the_table() -> None:
    """One of two ways; one of four costs eight times as long."""
    row = ("ecp5", 8192, 2, 64, 18)
    assert row in CORES
    _, size, ways, line, blocks = row
    job = Job(
        design=core(size, ways, line),
        target=SMALL,
        workload=Workload(model=Path("none"), model_sha256=""),
    )
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=lambda _: None)
    assert read_cost(pipeline.get("synthesise-cpu").folder)["dp16kd"] == blocks
