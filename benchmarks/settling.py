"""Print what it takes to place a design, and how much of its speed it ends with.

``python -m benchmarks.settling [NAME ...]``: a few designs on a ULX3S 85F with its SDRAM, on our
own network. Each is synthesised and simulated first, as in a study that promotes its front; then it
is placed, and only that is counted: routes, and what else their clocks ask for. A design costs one
to six minutes of CPU time.
"""

import argparse
import dataclasses
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.measurement import Completed, Fidelity, Measurement
from contracts.parameter import Value
from runners.job import Job, Limits, Memory, Target, Workload
from runners.measuring.measure import measure
from runners.pipeline import Cache, default_root

_ROOT = Path(__file__).parent.parent
_MODEL = _ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite"
_TARGET = _ROOT / "configs" / "targets" / "ulx3s_85f.toml"
_CPU: dict[str, Value] = {
    "icache_bytes": 4096,
    "icache_ways": 1,
    "icache_line_bytes": 32,
    "dcache_bytes": 4096,
    "dcache_ways": 1,
    "dcache_line_bytes": 32,
    "multiplier": "pipelined",
    "divider": "iterative",
    "shifter": "full",
    "branch_prediction": "static",
    "bypass": True,
    "optimisation": "O2",
    "unroll": 4,
}


def _unit(width: int, depth: int, *, requantises: bool) -> dict[str, Value]:
    return {
        **_CPU,
        "cfu": "simd",
        "simd_width": width,
        "buffer_depth": depth,
        "hardware_requantisation": requantises,
        "channelwise": False,
    }


DESIGNS: Mapping[str, Mapping[str, Value]] = {
    "no unit": {**_CPU, "cfu": "none"},
    "4 products": _unit(4, 0, requantises=False),
    "4 products, buffers of 512 words": _unit(4, 512, requantises=True),
    "16 products, buffers of 4,096 words": _unit(16, 4096, requantises=True),
}
HEADER = (
    *("unit", "routes", "CPU-s of the route", "CPU-s in all", "Fmax, MHz", "clock, MHz"),
    *("share", "Mcycles", "latency, ms"),
)


def read_target() -> Target:
    """Return the target; with 80 MHz asked for where it has no range."""
    content: dict[str, Any] = tomllib.loads(_TARGET.read_text(encoding="utf-8"))
    clock_mhz, memory = content.pop("clock_mhz"), Memory(**content.pop("memory"))
    given = content.pop("clock_range_mhz", None)
    if given is None:
        return Target(
            name="ulx3s_85f", clock_hz=80_000_000, place_seeds=1, memory=memory, **content
        )
    low, high = (round(each * 1e6) for each in given)
    return Target(
        name="ulx3s_85f",
        clock_hz=round(clock_mhz * 1e6),
        clock_range_hz=(low, high),
        memory=memory,
        **content,
    )


def _measured(job: Job) -> Measurement:
    outcome = measure(job, report=lambda _: None, cache=Cache(default_root()))
    assert isinstance(outcome, Completed), outcome
    return outcome.measurement


def row_of(name: str) -> list[str]:
    """Measure one design and return what is printed of it."""
    digest = hashlib.sha256(_MODEL.read_bytes()).hexdigest()
    job = Job(
        design=DESIGNS[name],
        target=read_target(),
        workload=Workload(model=_MODEL, model_sha256=digest),
        limits=Limits(stage_timeout_s=7200.0),
    )
    _measured(job)
    placed = _measured(dataclasses.replace(job, fidelity=Fidelity.PLACED))
    own = [time for time in placed.stage_times if not time.cached]
    routes = [time.cpu_s for time in own if time.stage == "place-and-route"]
    best_mhz = max(each.fmax_mhz for each in placed.placements)
    clock_mhz = placed.value("clock_mhz")
    return [
        name,
        str(len(placed.placements)),
        f"{sum(routes):.0f}",
        f"{sum(time.cpu_s for time in own):.0f}",
        f"{best_mhz:.2f}",
        f"{clock_mhz:.2f}",
        f"{clock_mhz / best_mhz:.3f}",
        f"{placed.value('cycles') / 1e6:.2f}",
        f"{placed.value('latency_us') / 1e3:.1f}",
    ]


def rows() -> list[list[str]]:
    """Place the designs that have a unit."""
    return [row_of(name) for name in DESIGNS if name != "no unit"]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", default=list(DESIGNS), help=", ".join(DESIGNS))
    print(" | ".join(HEADER), flush=True)
    for name in parser.parse_args().names:
        print(" | ".join(row_of(name)), flush=True)


if __name__ == "__main__":
    main()
