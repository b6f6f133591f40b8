"""nextpnr's report and log, as it wrote them for a ULX3S asked for 75 MHz."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import ToolCrashed
from runners.fpga.ecp5 import ECP5
from runners.stages.place.report import (
    critical_path_text,
    hopeless,
    missed,
    parse_report,
    progress_of,
)

ASSETS = Path(__file__).parent / "assets"
REPORT = (ASSETS / "report.json").read_text()
LOG = (ASSETS / "nextpnr.log").read_text()


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    report = json.loads(REPORT)
    change(report)
    return json.dumps(report)


def test_the_system_clock_is_found_by_its_frequency() -> None:
    placement = parse_report(REPORT, seed=4, clock_hz=75_000_000).placement
    assert (placement.seed, placement.clock_hz) == (4, 75_000_000)
    assert placement.fmax_mhz == pytest.approx(58.6648, abs=1e-4)
    assert not placement.is_met
    assert [domain.name for domain in missed(placement)] == ["$glbnet$crg_clkout0"]


def test_the_critical_path_is_kept_step_by_step() -> None:
    placement = parse_report(REPORT, seed=1, clock_hz=75_000_000).placement
    path = placement.critical_path
    assert 1e3 / sum(step.delay_ns for step in path) == pytest.approx(placement.fmax_mhz, rel=1e-4)
    assert (path[0].kind, path[0].source) == ("clk-to-q", "tag_mem.0.0")
    assert (path[-1].kind, path[1].net) == ("setup", "tag_mem.0.0_DOB0[2]")
    assert critical_path_text(path) == (
        "from tag_mem.0.0 to VexRiscv.dataCache_1_io_mem_cmd_rValid_TRELLIS_FF_Q:"
        " 17.05 ns, 8.65 of it wires, through 9 cells"
    )


def test_sites_become_the_resources_of_the_family() -> None:
    used = parse_report(REPORT, seed=1, clock_hz=75_000_000).used
    assert ECP5.used(used) == {"lut4": 6220, "ff": 3050, "dp16kd": 46, "mult18x18d": 8}


@pytest.mark.parametrize(("fmax_mhz", "is_met"), [(75.0, False), (75.0018, False), (75.01, True)])
def test_a_clock_is_met_only_when_it_is_strictly_passed(fmax_mhz: float, is_met: bool) -> None:
    text = changed(lambda r: r["fmax"]["$glbnet$crg_clkout0"].update(achieved=fmax_mhz))
    assert parse_report(text, seed=1, clock_hz=75_000_000).placement.is_met is is_met


def test_every_clock_counts_and_the_path_is_the_slowest_ones() -> None:
    def add_a_slow_clock(report: dict[str, Any]) -> None:
        report["fmax"]["$glbnet$crg_clkout0"]["achieved"] = 80.0
        report["fmax"]["usb"] = {"achieved": 40.0, "constraint": 48.0}
        path = {**report["critical_paths"][0], "from": "posedge usb", "to": "posedge usb"}
        path["path"] = path["path"][:2]
        report["critical_paths"].append(path)

    placement = parse_report(changed(add_a_slow_clock), seed=1, clock_hz=75_000_000).placement
    assert not placement.is_met
    assert placement.fmax_mhz == 80.0
    assert [domain.name for domain in placement.domains] == ["$glbnet$crg_clkout0", "usb"]
    assert [domain.name for domain in missed(placement)] == ["usb"]
    assert len(placement.critical_path) == 2


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"fmax": 1}', "garbage"])
def test_a_report_that_makes_no_sense_is_a_crash_of_the_tool(text: str) -> None:
    with pytest.raises(ToolCrashed, match="a report that cannot be read"):
        parse_report(text, seed=1, clock_hz=75_000_000)


def test_a_report_without_the_system_clock_is_not_taken_for_one_that_meets_it() -> None:
    with pytest.raises(ToolCrashed, match="names no clock of 60 MHz"):
        parse_report(REPORT, seed=1, clock_hz=60_000_000)


def test_progress_follows_the_log_and_never_goes_back() -> None:
    lines = LOG.splitlines(keepends=True)
    shares = [progress_of("".join(lines[:count])) for count in range(len(lines) + 1)]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.05
    assert shares[-1] == 0.97
    assert len(set(shares)) > 30


def test_progress_reads_the_other_routers_log_too() -> None:
    log = "Info:     iter=1 wires=900 overused=400 overuse=500 archfail=NA\n"
    further = log + "Info:     iter=2 wires=950 overused=100 overuse=120 archfail=NA\n"
    assert 0.25 < progress_of(log) < progress_of(further) < 0.97


EXPECTED = "Info: Max frequency for clock '$glbnet$pll0': {:.2f} MHz (FAIL at 75.00 MHz)\n"


def test_a_route_is_hopeless_only_when_it_was_placed_far_too_slow() -> None:
    placing = "Info: Max frequency for clock 'other': 3.00 MHz (PASS at 25.00 MHz)\n"

    def why(expected_mhz: float, log: str = placing, end: str = "") -> str | None:
        text = log + EXPECTED.format(expected_mhz) + end
        return hopeless(text, asked_mhz=75.0, least_mhz=40.0, most_gained=2.0)

    assert why(25.0) is None, "routing may bring that much"
    assert why(20.01) is None
    found = why(20.0)
    assert found == "placed, the design is expected to reach 20.00 MHz of 40.00 MHz"
    assert hopeless(placing, asked_mhz=75.0, least_mhz=40.0, most_gained=2.0) is None, (
        "nothing is known yet"
    )
    assert why(50.0, end="Info: Routing..\n" + EXPECTED.format(10.0)) is None, "that is the result"
