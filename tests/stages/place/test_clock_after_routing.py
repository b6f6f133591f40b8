"""With the real tools: the clock that a routed design is given is one that it meets and makes."""

import json
from pathlib import Path

import pytest

from contracts.measurement import Measurement
from hw_templates.soc.fpga.ecp5.pll import PllClocks, clocks_hz, outputs, settings_for
from hw_templates.soc.fpga_boards import fpga_board
from runners.fpga import ecp5_pll, family_of_part
from runners.fpga.family import Route
from runners.job import Job
from runners.pipeline import default_root
from runners.stages.bitstream import bitstream_of
from runners.stages.place.netlist import join_netlists
from runners.stages.place.report import parse_report
from runners.stages.soc import read_soc
from runners.stages.socs import asked_clock_hz
from runners.stages.synthesis import NETLIST, SYNTHESISED
from runners.tools import run_tool
from tests.stages.place.small_design import artefact

REFERENCE_HZ = 25_000_000


@pytest.mark.slow
def test_one_route_gives_nearly_all_that_it_reaches(job: Job, measured: Measurement) -> None:
    (placement,) = measured.placements
    assert placement.is_met
    assert placement.clock_hz < 1e6 * placement.fmax_mhz
    assert placement.clock_hz >= 0.98 * 1e6 * placement.fmax_mhz
    lowest_hz, highest_hz = job.target.clocks_hz
    better = [
        clock
        for clock in clocks_hz(REFERENCE_HZ)
        if placement.clock_hz < clock < 1e6 * placement.fmax_mhz and clock <= highest_hz
    ]
    assert better == []
    assert lowest_hz <= placement.clock_hz < asked_clock_hz(job.target)
    assert measured.value("clock_mhz") == placement.clock_hz / 1e6


@pytest.mark.slow
def test_the_bitstream_read_back_has_the_dividers_of_the_clock_that_is_claimed(
    job: Job, measured: Measurement, tmp_path: Path
) -> None:
    folder = default_root() / "bitstream" / measured.artefacts["bitstream"]
    (tmp_path / "soc.bit").write_bytes(bitstream_of(folder, job).read_bytes())
    run_tool(
        ["yowasp-ecpunpack", "--input", "soc.bit", "--textcfg", "read_back.config"],
        cwd=tmp_path,
        log=tmp_path / "log",
        timeout_s=300,
    )
    made_hz = ecp5_pll.clock_of((tmp_path / "read_back.config").read_text(), REFERENCE_HZ)
    assert round(made_hz) == round(measured.value("clock_mhz") * 1e6)
    routed = default_root() / "place-and-route" / measured.artefacts["place-and-route"]
    before_hz = ecp5_pll.clock_of((routed / "soc.config").read_text(), REFERENCE_HZ)
    assert round(before_hz) == asked_clock_hz(job.target), "the route itself is as it was"


@pytest.mark.slow
def test_the_router_meets_the_settled_clock_when_it_is_asked_for_it(
    job: Job, measured: Measurement, tmp_path: Path
) -> None:
    clock_hz = round(measured.value("clock_mhz") * 1e6)
    family = family_of_part(job.target.part)
    parts = [
        json.loads(path.read_text())
        for part, _, _ in SYNTHESISED
        if (path := artefact(measured, f"synthesise-{part}") / NETLIST).exists()
    ]
    joined = join_netlists(parts, top="soc")
    set_pll(joined, clock_hz)
    (tmp_path / "joined.json").write_text(json.dumps(joined))
    soc = artefact(measured, "board-soc")
    constraints = read_soc(soc)["files"]["constraints"]
    (tmp_path / family.constraints_file).write_bytes((soc / constraints).read_bytes())
    route = Route(
        device=fpga_board(job.target.board).device_of(job.target.part),
        netlist="joined.json",
        constraints=family.constraints_file,
        clock_hz=clock_hz,
        seed=int(measured.value("place_seed")),
        report="report.json",
        placed=family.placed_file,
    )
    run_tool(family.place(route).command, cwd=tmp_path, log=tmp_path / "log", timeout_s=1800)
    report = (tmp_path / "report.json").read_text()
    placement = parse_report(report, seed=route.seed, clock_hz=clock_hz).placement
    assert placement.is_met, placement.domains
    text = (tmp_path / family.placed_file).read_text()
    assert round(ecp5_pll.clock_of(text, REFERENCE_HZ)) == clock_hz


def set_pll(netlist: dict[str, dict[str, dict[str, dict[str, object]]]], clock_hz: int) -> None:
    """Give the PLL of a synthesised design another clock."""
    cells: dict[str, dict[str, object]] = netlist["modules"]["soc"]["cells"]
    (pll,) = (cell for cell in cells.values() if cell["type"] == "EHXPLLL")
    settings = settings_for(REFERENCE_HZ, clock_hz)
    values = {"CLKI_DIV": settings.input_divider, "CLKFB_DIV": settings.feedback_divider}
    for output in outputs(settings, PllClocks(clock_hz=clock_hz)):
        values[f"CLK{output.name}_DIV"] = output.divider
        values[f"CLK{output.name}_CPHASE"] = output.coarse
    parameters = pll["parameters"]
    assert isinstance(parameters, dict)
    assert values.keys() <= parameters.keys()
    parameters |= {name: f"{value:032b}" for name, value in values.items()}
