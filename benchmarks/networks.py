"""``python -m benchmarks.networks [FILE|FOLDER ...]``: cycles of networks, plain and with CFUs.

Each ``.tflite`` file is measured on the simulated board without a CFU, on the best ``simd`` CFU
without channelwise sums, on the best one with, and on an ``engine`` of 16 x 16 products; every
layer of every run is compared bit for bit with TFLite's reference kernels. Folders are searched.
``--layers`` prints each network's layers, ``--cells`` what the CFUs cost on an ECP5. Files that
cannot be measured are named at the end.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.targets import read_target
from contracts.faults import ConfigError, DseError
from contracts.measurement import LayerProfile
from contracts.parameter import Value
from dse.output.report import table_text
from dse.shipped import OUR_MODEL
from runners.job import Job, Limits, Memory, StageEvent, Target, Workload
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.simulate import read_profile
from runners.stages.synthesis import read_cost

_ROOT = Path(__file__).parent.parent
_SHARED = _ROOT.parent / "shared" / "data"
CACHED_CORE: dict[str, Value] = {
    "icache_bytes": 16384,
    "icache_ways": 1,
    "icache_line_bytes": 16,
    "dcache_bytes": 16384,
    "dcache_ways": 2,
    "dcache_line_bytes": 8,
    "multiplier": "pipelined",
    "divider": "none",
    "shifter": "full",
    "branch_prediction": "static",
    "bypass": True,
}
FIRMWARE: dict[str, Value] = {"optimisation": "O3", "unroll": 8}
_CPU = {**CACHED_CORE, **FIRMWARE}
_SIMD: dict[str, Value] = {
    "cfu": "simd",
    "simd_width": 16,
    "buffer_depth": 4096,
    "hardware_requantisation": True,
}
_ENGINE: dict[str, Value] = {
    "cfu": "engine",
    "engine_rows": 16,
    "engine_cols": 16,
    "engine_activation_kib": 128,
    "engine_weight_kib": 256,
    "engine_units": 8,
    "engine_packed": True,
    "engine_lut_percent": 0,
    "engine_clock_percent": 100,
    "engine_weight_bits": 8,
}
DESIGNS: Mapping[str, Mapping[str, Value]] = {
    "plain": {**_CPU, "cfu": "none"},
    "simd": {**_CPU, **_SIMD, "channelwise": False},
    "channelwise": {**_CPU, **_SIMD, "channelwise": True},
    "engine": {**_CPU, **_ENGINE},
}
"""The CPU of the fastest design found for image classification, without and with CFUs."""
ON_CHIP: dict[str, Value] = {"icache_line_bytes": 64, "dcache_line_bytes": 64}
"""Better beside on-chip memory, which has no level-2 cache that could hold the rest of a line, and
answers a word a cycle within a burst."""
DEFAULT_CFU: Mapping[str, Value] = {
    "cfu": "simd",
    "simd_width": 4,
    "buffer_depth": 0,
    "hardware_requantisation": False,
    "channelwise": False,
}
PUBLISHED = (
    (
        "Andes D25F, soft RISC-V with SIMD, vendor's library, 60 MHz",
        *("18.3", "4.79", "17.8", "1.01"),
    ),
    ("Andes D45, the same", "13.7", "4.10", "13.5", "0.73"),
)
"""Mcycles of MLPerf Tiny's ic, kws, vww, ad on soft CPUs, from their submissions."""
ON_CHIP_BYTES = 1 << 20
MLPERF_TINY = {
    "pretrainedResnet_quant": "ic",
    "kws_ref_model": "kws",
    "vww_96_int8": "vww",
    "ad01_int8": "ad",
    "str_ww_ref_model": "sww",
}
"""File to the name that MLPerf Tiny has for it."""
OTHERS = ("person_detect", "micro_speech", "magic_wand")
ENGINE_RUNS = (
    *("pretrainedResnet_quant", "kws_ref_model", "vww_96_int8", "str_ww_ref_model"),
    *("person_detect", "micro_speech"),
)
"""What fits the memories of the engine."""
HEADER = (
    *("network", "MAC", "plain", "`simd`", "`channelwise`", "plain / channelwise"),
    "MAC a cycle",
)
ENGINE_HEADER = ("network", "cycles", "SOFTMAX on the CPU", "MAC a cycle")
PUBLISHED_HEADER = ("Mcycles", "ic", "kws", "vww", "ad")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One network on one design.

    Attributes:
        cycles: Of an inference.
        layers: Where they go.
    """

    cycles: int
    layers: tuple[LayerProfile, ...]


def models_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are named, and those inside of folders that are."""
    found = []
    for path in paths:
        found += sorted(path.glob("**/*.tflite")) if path.is_dir() else [path]
    return found


def job_for(model: Path, design: Mapping[str, Value], target: Target) -> Job:
    """Return the job that measures a network on a design."""
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    return Job(
        design=design,
        target=target,
        workload=Workload(model=model, model_sha256=digest),
        limits=Limits(cycles=2_000_000_000, stage_timeout_s=7200),
    )


def measure(model: Path, design: Mapping[str, Value], target: Target) -> Run:
    """Simulate a network on a design.

    Raises:
        DseError: It is not supported, or not bit-exact.
    """
    job = job_for(model, design, target)
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=_ignore)
    cycles, layers = read_profile(pipeline.get("simulate").folder)
    return Run(cycles=cycles, layers=layers)


def on_chip(target: Target) -> Target:
    """Return a target with on-chip memory for its own."""
    return replace(target, memory=Memory(kind="on-chip", size_bytes=ON_CHIP_BYTES, l2_bytes=0))


def model_named(stem: str) -> Path:
    """Return the file of a network that is not ours.

    Raises:
        ConfigError: It is not there.
    """
    for path in _SHARED.rglob(f"{stem}.tflite"):
        return path
    raise ConfigError(f"there is no {stem}.tflite below {_SHARED}", fix="put it there")


def name_of(model: Path) -> str:
    """Return the name of a file, with MLPerf Tiny's beside it."""
    known = MLPERF_TINY.get(model.stem)
    return f"{model.stem} ({known})" if known else model.stem


def network_row(model: Path) -> list[str]:
    """Return what ``HEADER`` names of a network, from on-chip memory."""
    target = on_chip(read_target("ulx3s_85f"))
    runs = [
        measure(model, {**DESIGNS[name], **ON_CHIP}, target)
        for name in ("plain", "simd", "channelwise")
    ]
    plain, best = runs[0].cycles, runs[-1].cycles
    macs = sum(layer.macs for layer in runs[0].layers)
    cycles = [f"{run.cycles:,}" for run in runs]
    return [name_of(model), f"{macs:,}", *cycles, f"{plain / best:.1f}", f"{macs / best:.2f}"]


def all_networks() -> list[list[str]]:
    """Measure the networks at hand."""
    models = [*map(model_named, (*MLPERF_TINY, *OTHERS)), OUR_MODEL]
    return [network_row(model) for model in models]


def beside_published() -> list[list[str]]:
    """Return Mcycles of the networks that others published, and theirs."""
    target = on_chip(read_target("ulx3s_85f"))
    design = {**DESIGNS["channelwise"], **ON_CHIP}
    runs = [measure(model_named(stem), design, target) for stem in list(MLPERF_TINY)[:4]]
    ours = [f"{run.cycles / 1e6:.2f}" for run in runs]
    return [["here, `channelwise`, on-chip memory", *ours], *map(list, PUBLISHED)]


def engine_rows() -> list[list[str]]:
    """Measure the networks that an engine of 16 x 16 products runs, from the board's SDRAM."""
    rows = []
    for model in map(model_named, ENGINE_RUNS):
        run = measure(model, DESIGNS["engine"], read_target("ulx3s_85f"))
        on_cpu = sum(layer.cycles for layer in run.layers if layer.operator == "SOFTMAX")
        macs = sum(layer.macs for layer in run.layers)
        share = f"{macs / run.cycles:.0f}"
        rows.append([name_of(model), f"{run.cycles:,}", f"{on_cpu:,}", share])
    return rows


def layer_table(runs: Mapping[str, Run]) -> str:
    """Lay out the layers of one network on all designs."""
    rows = []
    for layers in zip(*(run.layers for run in runs.values()), strict=True):
        first, last = layers[0], layers[-1]
        rows.append(
            [
                first.name,
                "x".join(map(str, first.output_shape)),
                f"{first.macs:,}",
                *(f"{layer.cycles:,}" for layer in layers),
                f"{first.cycles / last.cycles:.1f}" if last.cycles else "",
                f"{last.macs / last.cycles:.2f}" if last.cycles else "",
            ]
        )
    return table_text(["layer", "output", "MAC", *runs, "ratio", "MAC/cycle"], rows, left=2)


def cell_table(model: Path, target: Target) -> str:
    """Lay out what the CFUs cost: synthesised alone, for the part of the target."""
    resources = ("lut4", "ff", "mult18x18d", "dp16kd")
    rows = []
    named = {"default": {**_CPU, **DEFAULT_CFU}, **DESIGNS}
    del named["plain"]
    for name, design in named.items():
        job = job_for(model, design, target)
        pipeline = pipeline_of(job, cache=Cache(default_root()), report=_ignore)
        cost = read_cost(pipeline.get("synthesise-cfu").folder)
        rows.append([name, *(f"{cost.get(resource, 0):,}" for resource in resources)])
    return table_text(["CFU", *resources], rows)


def _ignore(event: StageEvent) -> None:
    del event


def main() -> int:
    """Measure and print; 1 when a network could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.networks", description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, metavar="FILE|FOLDER")
    parser.add_argument("--target", default="ulx3s_85f")
    parser.add_argument("--on-chip-bytes", type=int, help="on-chip memory instead of the target's")
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--cells", action="store_true")
    parser.add_argument("--designs", nargs="*", choices=[*DESIGNS], default=[*DESIGNS])
    given = parser.parse_args()
    target = read_target(given.target)
    designs = {name: DESIGNS[name] for name in given.designs}
    if given.on_chip_bytes:
        designs = {name: {**design, **ON_CHIP} for name, design in designs.items()}
        memory = Memory(kind="on-chip", size_bytes=given.on_chip_bytes, l2_bytes=0)
        target = replace(target, memory=memory)
    models = models_of(given.models or [_ROOT / "models", _SHARED])
    rows, failures = [], []
    for model in models:
        try:
            runs = {name: measure(model, design, target) for name, design in designs.items()}
        except DseError as error:
            failures.append(f"{model.name}: {error}")
            continue
        first, last = runs[given.designs[0]], runs[given.designs[-1]]
        macs = sum(layer.macs for layer in first.layers)
        ratio = f"{first.cycles / last.cycles:.1f}"
        cycles = [f"{run.cycles:,}" for run in runs.values()]
        rows.append([model.stem, f"{macs:,}", *cycles, ratio, f"{macs / last.cycles:.2f}"])
        if given.layers:
            print(f"{model.stem}\n{layer_table(runs)}\n", flush=True)
    print(table_text(["network", "MAC", *given.designs, "ratio", "MAC/cycle"], rows))
    if given.cells:
        print(f"\n{cell_table(models[0], target)}")
    print()
    for name, *mcycles in PUBLISHED:
        named = zip(("ic", "kws", "vww", "ad"), mcycles, strict=True)
        print(f"{name}: " + ", ".join(f"{network} {cycles}" for network, cycles in named))
    for failure in failures:
        print(failure, file=sys.stderr)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
