"""Stand-ins for the rooms below a campaign: a space of 48 designs that is measured in no time.

Numbers come from a formula, so that a design always measures the same. Environment variables
make it slow or faulty: FAKE_TRIAL_S, FAKE_CRASH (a design id's first letters), FAKE_LOG.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from contracts.faults import DoesNotFit, ToolCrashed, ToolMissing
from contracts.measurement import (
    ClockDomain,
    Completed,
    Fidelity,
    LayerProfile,
    Measurement,
    Metric,
    Outcome,
    PathStep,
    Placement,
    StageTime,
)
from contracts.parameter import Condition, Parameter
from dse.config import StudyConfig
from dse.space import Design, Space
from runners.job import Job, StageEvent, StageState
from runners.tools import run_tool

UNITS = {"cycles": "cycles", "latency_us": "us", "clock_mhz": "MHz"}
SIMD = (Condition(parameter="cfu", values=("simd",)),)
PARAMETERS = (
    Parameter(
        name="icache_bytes",
        values=(0, 1024, 2048, 4096),
        default=4096,
        description="instruction cache",
        ordered=True,
    ),
    Parameter(name="bypass", values=(False, True), default=True, description="forwarding"),
    Parameter(name="cfu", values=("none", "simd"), default="none", description="family"),
    Parameter(
        name="simd_width",
        values=(1, 2, 4, 8, 16),
        default=4,
        description="products",
        ordered=True,
        when=SIMD,
    ),
)


def fake_space(config: StudyConfig | None = None) -> Space:
    """Return 4 x 2 x (1 + 5) designs, cut by the config."""
    space = Space(PARAMETERS)
    return space if config is None else space.restricted(config.space)


def metrics_of(design: Design | Job) -> dict[str, float]:
    """Return what a design measures."""
    values = design.values if isinstance(design, Design) else design.design
    width, cache = int(values.get("simd_width", 0)), int(values["icache_bytes"])
    cycles = 8_000_000 // (1 + width) * (4 if cache == 0 else 2) // (2 if values["bypass"] else 1)
    lut4 = 1500 + 130 * width + cache // 32 + (90 if values["bypass"] else 0)
    return {"cycles": cycles, "latency_us": cycles / 50, "lut4": lut4, "mult18x18d": width}


def clock_of(job: Job) -> float:
    """Return the clock, in MHz, that a design is placed at: wider units are slower."""
    return 66.0 - int(job.design.get("simd_width", 0))


def measure(job: Job, *, report: Callable[[StageEvent], None]) -> Outcome:
    """Measure by formula, as slow and as faulty as the environment says."""
    design_id = Design(job.design).id
    _log(f"start {design_id} {os.getpid()}")
    _misbehave(design_id)
    for stage in ("core", "simulate"):
        report(StageEvent(stage=stage, state=StageState.STARTED))
        time.sleep(float(os.environ.get("FAKE_TRIAL_S", "0")) / 2)
        report(StageEvent(stage=stage, state=StageState.DONE))
    _log(f"end {design_id} {os.getpid()}")
    if job.design.get("simd_width") == 16:
        raise DoesNotFit("17 of 16 multipliers", fix="choose a narrower unit")
    values = metrics_of(job)
    cycles = int(values["cycles"])
    placed = job.fidelity is Fidelity.PLACED
    if placed:
        clock_mhz = clock_of(job)
        values |= {"clock_mhz": clock_mhz, "latency_us": cycles / clock_mhz}
    return Completed(
        measurement=Measurement(
            metrics=tuple(
                Metric(
                    name=name,
                    value=value,
                    unit=UNITS.get(name, "cells"),
                    fidelity=_fidelity(name, placed=placed),
                    estimate=name == "latency_us" and not placed,
                )
                for name, value in values.items()
            ),
            layers=(
                LayerProfile(
                    index=0,
                    name="conv2d_0",
                    operator="CONV_2D",
                    output_shape=(1, 32, 32, 16),
                    macs=442_368,
                    cycles=cycles,
                    bytes_in=3504,
                    bytes_out=16384,
                    bytes_scratch=0,
                ),
            ),
            placements=(_placement(clock_of(job)),) if placed else (),
            stage_times=(StageTime(stage="core", wall_s=0.5, cpu_s=0.25, cached=False),),
            artefacts={"core": "0" * 32},
            tools={"fake": "1.0"},
        )
    )


def _placement(clock_mhz: float) -> Placement:
    return Placement(
        seed=1,
        clock_hz=round(clock_mhz * 1e6),
        fmax_mhz=clock_mhz + 1,
        is_met=True,
        domains=(ClockDomain(name="sys", clock_mhz=clock_mhz, fmax_mhz=clock_mhz + 1),),
        critical_path=(
            PathStep(kind="clk-to-q", delay_ns=0.5, source="tag", sink="tag"),
            PathStep(kind="routing", delay_ns=14.25, source="tag", sink="pc", net="hit"),
        ),
    )


def _fidelity(name: str, *, placed: bool) -> Fidelity:
    if name == "cycles" or (name == "latency_us" and not placed):
        return Fidelity.SIMULATED
    return Fidelity.PLACED if placed else Fidelity.SYNTHESISED


def _misbehave(design_id: str) -> None:
    crash = os.environ.get("FAKE_CRASH", "")
    if crash == "tool-missing":
        raise ToolMissing("verilator is not installed", fix="run `make setup`")
    if crash == "tool-crashed":
        raise ToolCrashed("yosys failed (exit status 1)", fix="read its log", detail="ERROR: no")
    if crash == "exception":
        raise ZeroDivisionError("a mistake in a stage")
    if crash == "killed":
        os.write(2, b"last words\n")
        os.kill(os.getpid(), 9)
    if crash == "once" and not Path(f"{os.environ['FAKE_LOG']}.{design_id}").exists():
        Path(f"{os.environ['FAKE_LOG']}.{design_id}").touch()
        raise ToolCrashed("yosys failed (exit status 1)", fix="read its log")


def _log(line: str) -> None:
    if "FAKE_LOG" in os.environ:
        with Path(os.environ["FAKE_LOG"]).open("a") as log:
            log.write(line + "\n")


def measure_with_tool(job: Job, *, report: Callable[[StageEvent], None]) -> Outcome:
    """Run an outside program that tells its process id and then takes a minute."""
    report(StageEvent(stage="tool", state=StageState.STARTED))
    pid_file = Path(str(job.design["pid_file"]))
    run_tool(
        ["sh", "-c", f"echo $$ > {pid_file}; sleep 60"],
        cwd=pid_file.parent,
        log=pid_file.with_suffix(".log"),
        timeout_s=60,
    )
    raise AssertionError("it was to be ended")
