"""``python -m benchmarks.fmax``: the clock that the SoC lets a design reach, and cycles.

Two cores on a ULX3S 85F, speed grade 6: ``lean`` runs from on-chip memory without caches and
multiplier, ``cached`` from the SDRAM with 16 KiB caches. Each is placed and routed once beside the
smallest CFU for dot products, with one seed and a clock that it will not reach, and runs ic and kws
on the simulated board. The lean one has a wider CFU there, or it would multiply in software for
minutes. A route takes minutes: choose with ``--cores``; ``--no-cycles`` and ``--no-routes`` leave
half of it out.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.networks import CACHED_CORE, DEFAULT_CFU, FIRMWARE, job_for, measure
from benchmarks.targets import read_target
from contracts.parameter import Value
from dse.output.report import table_text
from runners.job import StageEvent, Target
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.place.report import RoutedDesign, critical_path_text
from runners.stages.place.stage import read_routed
from runners.stages.socs import built_clock_hz

_SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
NETWORKS = {
    "ic": _SHARED / "imgc" / "pretrainedResnet_quant.tflite",
    "kws": _SHARED / "mlperf_tiny" / "kws_ref_model.tflite",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """A core to be placed.

    Attributes:
        target: Name of its target.
        asked_hz: More than it reaches.
        values: Its parameters without CFU and firmware.
        simulated_cfu: Beside which its cycles are counted.
    """

    target: str
    asked_hz: int
    values: Mapping[str, Value]
    simulated_cfu: Mapping[str, Value]


_WIDER_CFU: Mapping[str, Value] = {
    **DEFAULT_CFU,
    "simd_width": 8,
    "buffer_depth": 1024,
    "hardware_requantisation": True,
}
CORES = {
    "lean": Core(
        target="on_chip_85f",
        asked_hz=120_000_000,
        values={
            "icache_bytes": 0,
            "dcache_bytes": 0,
            "multiplier": "none",
            "divider": "none",
            "shifter": "iterative",
            "branch_prediction": "none",
            "bypass": False,
        },
        simulated_cfu=_WIDER_CFU,
    ),
    "cached": Core(
        target="ulx3s_85f",
        asked_hz=100_000_000,
        values=CACHED_CORE,
        simulated_cfu=DEFAULT_CFU,
    ),
}


def route(target: Target, design: Mapping[str, Value], *, seed: int) -> RoutedDesign:
    """Place and route a design once."""
    job = job_for(NETWORKS["ic"], design, target).at(clock_hz=target.clock_hz, place_seed=seed)
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=_ignore)
    folder = pipeline.get("place-and-route").folder
    return read_routed(folder, seed=seed, clock_hz=built_clock_hz(job.target))


def _ignore(event: StageEvent) -> None:
    del event


def main() -> None:
    """Measure and print, a row as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fmax", description=__doc__)
    parser.add_argument("--cores", nargs="*", choices=[*CORES], default=[*CORES])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-cycles", action="store_true")
    parser.add_argument("--no-routes", action="store_true")
    given = parser.parse_args()
    rows = []
    for name in given.cores:
        core = CORES[name]
        as_it_is = read_target(core.target)
        lowest_hz, _ = as_it_is.clocks_hz
        target = replace(
            as_it_is, clock_hz=core.asked_hz, clock_range_hz=(lowest_hz, core.asked_hz)
        )
        design = {**core.values, **FIRMWARE}
        row = [name]
        if not given.no_routes:
            routed = route(target, {**design, **DEFAULT_CFU}, seed=given.seed)
            row.append(f"{routed.placement.fmax_mhz:.1f}")
            row += [f"{routed.used[site]:,}" for site in ("TRELLIS_COMB", "TRELLIS_FF")]
            print(name, critical_path_text(routed.placement.critical_path), flush=True)
        if not given.no_cycles:
            simulated = {**design, **core.simulated_cfu}
            row += [f"{measure(file, simulated, target).cycles:,}" for file in NETWORKS.values()]
        rows.append(row)
    heads = ["core"]
    heads += [] if given.no_routes else ["Fmax MHz", "LUT4", "FF"]
    heads += [] if given.no_cycles else [f"{network} cycles" for network in NETWORKS]
    print(table_text(heads, rows))


if __name__ == "__main__":
    main()
