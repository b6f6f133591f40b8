"""``python -m benchmarks.targets [NAME ...]``: a bitstream with a CFU for each target, measured.

For each target a small design is synthesised, placed until its timing is met, and packed with its
boot program; where no open tool places it, it is synthesised, and the columns of the rest stay
empty. One row each of what that took and gave goes into ``benchmarks/targets.csv``; rows of
targets that are not named stay as they are. What came from the cache took nothing: then the
CPU-seconds of the row before stay.
"""

import csv
import hashlib
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import DseError
from contracts.measurement import Placement
from contracts.parameter import Value
from runners.fpga import PARTS, family_of_part
from runners.fpga.family import total
from runners.job import Job, Limits, Memory, StageEvent, StageState, Target, Workload
from runners.measuring.clock import settle_clock
from runners.measuring.fit import require_fit
from runners.pipeline import Cache, Pipeline, default_root
from runners.stages.all import pipeline_of
from runners.stages.bitstream import bitstream_of
from runners.stages.place.stage import read_routed
from runners.stages.socs import asked_clock_hz, built_clock_hz
from runners.stages.synthesis import SYNTHESISED, read_cost

RESULTS = Path(__file__).with_name("targets.csv")
_ROOT = Path(__file__).parent.parent
_TARGETS = _ROOT / "configs" / "targets"
_MODEL = _ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite"
_COLUMNS = (
    "target",
    "cpu",
    "cfu",
    "cells",
    "requested_mhz",
    "clock_mhz",
    "fmax_mhz",
    "seed",
    "routes",
    "synthesise_cpu_s",
    "route_cpu_s",
    "pack_cpu_s",
    "bitstream_bytes",
    "sha256",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallDesign:
    """A design that shows what a target holds.

    Attributes:
        cpu: Its CPU in a few words.
        cfu: Its CFU in a few words.
        values: Its parameters.
    """

    cpu: str
    cfu: str
    values: Mapping[str, Value]


_FIRMWARE: dict[str, Value] = {"optimisation": "O2", "unroll": 1}
_CFU: dict[str, Value] = {
    "cfu": "simd",
    "simd_width": 4,
    "buffer_depth": 0,
    "hardware_requantisation": False,
    "channelwise": False,
}
_NO_CACHES: dict[str, Value] = {
    "icache_bytes": 0,
    "dcache_bytes": 0,
    "multiplier": "pipelined",
    "divider": "iterative",
    "shifter": "full",
    "branch_prediction": "static",
    "bypass": True,
}
_CACHES: dict[str, Value] = {
    **_NO_CACHES,
    "icache_bytes": 4096,
    "icache_ways": 1,
    "icache_line_bytes": 32,
    "dcache_bytes": 4096,
    "dcache_ways": 1,
    "dcache_line_bytes": 32,
}
_LEAN: dict[str, Value] = {
    **_NO_CACHES,
    "multiplier": "none",
    "divider": "none",
    "shifter": "iterative",
    "branch_prediction": "none",
    "bypass": False,
}
DESIGNS = {
    "caches": SmallDesign(
        cpu="caches 4+4 KiB, multiplier, divider",
        cfu="simd 4",
        values={**_CACHES, **_CFU, **_FIRMWARE},
    ),
    "no-caches": SmallDesign(
        cpu="no caches, multiplier, divider",
        cfu="simd 4",
        values={**_NO_CACHES, **_CFU, **_FIRMWARE},
    ),
    "lean": SmallDesign(
        cpu="no caches, no multiplier, iterative shifter",
        cfu="simd 4",
        values={**_LEAN, **_CFU, **_FIRMWARE},
    ),
}
_SMALL_TARGETS = {"tang_nano_9k": "no-caches", "icebreaker": "lean", "fomu": "lean"}


def target_names() -> list[str]:
    """Return the names of all targets that come with the project."""
    return sorted(path.stem for path in _TARGETS.glob("*.toml"))


def read_target(name: str) -> Target:
    """Return a target that comes with the project."""
    content = tomllib.loads((_TARGETS / f"{name}.toml").read_text(encoding="utf-8"))
    clock_hz = round(content.pop("clock_mhz") * 1e6)
    clock_range_mhz = content.pop("clock_range_mhz", None)  # none where the clock is pinned
    return Target(
        name=name,
        clock_hz=clock_hz,
        clock_range_hz=clock_range_mhz and tuple(round(each * 1e6) for each in clock_range_mhz),
        **{**content, "memory": Memory(**content["memory"])},
    )


def design_for(target: str) -> SmallDesign:
    """Return the design that a target is shown with: with caches where they fit."""
    return DESIGNS[_SMALL_TARGETS.get(target, "caches")]


def job_for(target: Target) -> Job:
    """Return the job that builds the small design of a target."""
    return Job(
        design=design_for(target.name).values,
        target=target,
        workload=Workload(
            model=_MODEL, model_sha256=hashlib.sha256(_MODEL.read_bytes()).hexdigest()
        ),
        limits=Limits(stage_timeout_s=7200),  # by the clock, on a machine that others use
    )


@dataclass(slots=True, kw_only=True)
class _Run:
    """One target on its way; every route of it is counted."""

    job: Job
    cache: Cache
    pipelines: list[Pipeline]

    def route(self, clock_hz: int, seed: int) -> Placement:
        """Route the design at a clock with a seed."""
        self.synthesise(self.job.at(clock_hz=clock_hz, place_seed=seed))
        folder = self.pipelines[-1].get("place-and-route").folder
        return read_routed(folder, seed=seed, clock_hz=clock_hz).placement

    def synthesise(self, at: Job) -> dict[str, int]:
        """Synthesise the design and return its cells, which fit the part."""
        pipeline = pipeline_of(at, cache=self.cache, report=_say)
        self.pipelines.append(pipeline)
        costs = {
            part: read_cost(pipeline.get(f"synthesise-{part}").folder) for part, _, _ in SYNTHESISED
        }
        require_fit(costs, at)
        return total(costs.values())

    def cpu_s(self, stage: str) -> float:
        """Return what a stage cost when it was built, over all pipelines, each artefact once."""
        found = {
            pipeline.artefacts[stage].key: pipeline.artefacts[stage].cpu_s
            for pipeline in self.pipelines
            if stage in pipeline.artefacts
        }
        return sum(found.values())


def measure_target(name: str) -> dict[str, str]:
    """Build the bitstream of a target's small design, or what can be built; return its row.

    Raises:
        DseError: It has none, or does not fit.
    """
    run = _Run(job=job_for(read_target(name)), cache=Cache(default_root()), pipelines=[])
    target, design = run.job.target, design_for(name)
    is_placed = family_of_part(target.part).is_placed
    cells, others = _placed(run) if is_placed else (run.synthesise(run.job), {})
    return {
        **dict.fromkeys(_COLUMNS, ""),
        "target": name,
        "cpu": design.cpu,
        "cfu": design.cfu,
        "cells": ", ".join(
            f"{count}/{PARTS[target.part][resource]} {resource}"
            for resource, count in cells.items()
        ),
        "requested_mhz": f"{asked_clock_hz(target) / 1e6:.6g}",
        "synthesise_cpu_s": f"{sum(run.cpu_s(f'synthesise-{p}') for p, _, _ in SYNTHESISED):.1f}",
        **others,
    }


def _placed(run: _Run) -> tuple[dict[str, int], dict[str, str]]:
    """Make the bitstream; return the cells that the router counts, and the columns of its own."""
    job, target = run.job, run.job.target
    tried: list[Placement] = []
    placement = settle_clock(target, run.route, tried=tried)
    at = job.at(clock_hz=placement.clock_hz, place_seed=placement.seed)
    settled = pipeline_of(at, cache=run.cache, report=_say)
    run.pipelines.append(settled)
    folder = settled.get("place-and-route").folder
    clock_hz = built_clock_hz(at.target)
    routed = read_routed(folder, seed=placement.seed, clock_hz=clock_hz)
    bitstream = bitstream_of(settled.get("bitstream").folder, job).read_bytes()
    return family_of_part(target.part).used(routed.used), {
        "clock_mhz": f"{placement.clock_hz / 1e6:.6g}",
        "fmax_mhz": f"{placement.fmax_mhz:.1f}",
        "seed": str(placement.seed),
        "routes": str(len(tried)),
        "route_cpu_s": f"{run.cpu_s('place-and-route'):.1f}",
        "pack_cpu_s": f"{run.cpu_s('bitstream'):.1f}",
        "bitstream_bytes": str(len(bitstream)),
        "sha256": hashlib.sha256(bitstream).hexdigest(),
    }


def read_results() -> dict[str, dict[str, str]]:
    """Return the rows that were measured, by target."""
    if not RESULTS.exists():
        return {}
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return {row["target"]: row for row in csv.DictReader(file)}


def write_results(rows: Mapping[str, Mapping[str, str]]) -> None:
    """Write the rows, sorted by target."""
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))


def _with_times_of(before: Mapping[str, str], row: Mapping[str, str]) -> dict[str, str]:
    """Return a row whose times of 0 are those of the row before."""
    return {
        key: before.get(key, value) if key.endswith("_cpu_s") and value == "0.0" else value
        for key, value in row.items()
    }


def _say(event: StageEvent) -> None:
    if event.fraction is None and event.state is not StageState.CACHED:
        sys.stderr.write(f"  {event.stage} {event.state.value}\n")


def main(names: Sequence[str]) -> int:
    """Measure the targets with these names, or all; 1 when one has no bitstream."""
    failed = False
    for name in names or target_names():
        sys.stderr.write(f"{name}\n")
        try:
            row = measure_target(name)
        except DseError as error:
            sys.stderr.write(f"  {error}\n")
            failed = True
            continue
        rows = read_results()
        write_results({**rows, name: _with_times_of(rows.get(name, {}), row)})
        sys.stdout.write(", ".join(f"{key} {value}" for key, value in row.items()) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
