"""A design, a network and a target that are quick to synthesise, route and simulate."""

import hashlib
from pathlib import Path

from contracts.measurement import Measurement
from contracts.parameter import Value
from runners.job import Job, Limits, Memory, Target, Workload
from runners.pipeline import default_root
from tests.firmware.firmware_bench import small_network

SMALL: dict[str, Value] = {
    "icache_bytes": 0,
    "dcache_bytes": 0,
    "multiplier": "iterative",
    "divider": "none",
    "shifter": "iterative",
    "branch_prediction": "none",
    "bypass": False,
    "cfu": "simd",
    "simd_width": 4,
    "buffer_depth": 0,
    "hardware_requantisation": False,
    "channelwise": False,
    "optimisation": "O2",
    "unroll": 1,
}


def small_job(folder: Path) -> Job:
    """Return the job; the network is written into ``folder``.

    Who changes nothing of it but the fidelity shares one synthesis and one route with all others.
    """
    model = folder / "small.tflite"
    model.write_bytes(small_network())
    return Job(
        design=SMALL,
        target=Target(
            name="small",
            part="LFE5U-25F",
            clock_hz=50_000_000,
            clock_range_hz=(25_000_000, 110_000_000),  # whose top it does not reach
            memory=Memory(kind="on-chip", size_bytes=32768, l2_bytes=0, sram_bytes=4096),
        ),
        workload=Workload(model=model, model_sha256=hashlib.sha256(model.read_bytes()).hexdigest()),
        limits=Limits(cycles=20_000_000),
    )


def artefact(measured: Measurement, stage: str) -> Path:
    """Return the folder of a stage's artefact, which is in the user's own cache."""
    return default_root() / stage / measured.artefacts[stage]
