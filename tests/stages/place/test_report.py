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


def fmax(**clocks: tuple[float, float]) -> str:
    """Return the report with other clocks: name to what was asked and what was reached, in MHz."""

    def put(report: dict[str, Any]) -> None:
        report["fmax"] = {
            name: {"constraint": asked, "achieved": reached}
            for name, (asked, reached) in clocks.items()
        }

    return changed(put)


def test_of_clocks_that_are_as_fast_as_the_system_the_slowest_counts() -> None:
    text = fmax(quick=(75.0, 90.0), slow=(75.02, 76.0), other=(25.0, 99.0))
    placement = parse_report(text, seed=1, clock_hz=75_000_000).placement
    assert [domain.name for domain in placement.domains] == ["slow", "quick", "other"]
    assert placement.fmax_mhz == 76.0
    assert placement.is_met
    with pytest.raises(ToolCrashed, match=r"names no clock of 74\.9 MHz") as caught:
        parse_report(text, seed=1, clock_hz=74_900_000)
    assert caught.value.detail == text[:2000]


@pytest.mark.parametrize(
    ("system", "other", "names"),
    [
        ((75.0, 75.1), (25.0, 25.1), []),
        ((75.0, 75.1), (25.0, 25.0), ["other"]),
        ((75.0, 75.0), (25.0, 25.1), ["sys"]),
        ((74.99, 74.995), (25.0, 25.1), ["sys"]),  # asked for a little less than the clock
        ((74.99, 75.0), (25.0, 25.1), ["sys"]),
        ((75.02, 75.01), (25.0, 25.1), ["sys"]),
        ((75.0, 75.1), (0.5, 0.9), []),
        ((75.0, 75.1), (90.0, 80.0), ["other"]),
        ((75.0, 60.0), (25.0, 20.0), ["sys", "other"]),
        ((75.0, 75.1), (25.0, 70.0), []),  # only the system's clock has to be the system's
    ],
)
def test_each_clock_is_met_when_it_passes_its_own(
    system: tuple[float, float], other: tuple[float, float], names: list[str]
) -> None:
    text = fmax(other=other, sys=system)
    placement = parse_report(text, seed=1, clock_hz=75_000_000).placement
    assert [domain.name for domain in missed(placement)] == names
    assert placement.is_met is not bool(names)


def test_the_path_is_that_of_the_clock_that_falls_short_most_and_its_slowest() -> None:
    def put(report: dict[str, Any]) -> None:
        step = report["critical_paths"][0]["path"][0]

        def path(start: str, end: str, *delays: float) -> dict[str, Any]:
            steps = [{**step, "delay": delay} for delay in delays]
            return {"from": f"posedge {start}", "to": f"negedge {end}", "path": steps}

        report["fmax"] = {
            "sys": {"constraint": 75.0, "achieved": 60.0},
            "usb": {"constraint": 48.0, "achieved": 30.0},
            "idle": {"constraint": 0.0, "achieved": 10.0},
        }
        report["critical_paths"] = [
            path("sys", "sys", 16.0, 0.6),
            path("usb", "usb", 1.0, 2.0),
            path("usb", "usb", 30.0),
            path("usb", "usb", 2.0, 3.0, 4.0),
            path("sys", "usb", 99.0),
        ]

    placement = parse_report(changed(put), seed=1, clock_hz=75_000_000).placement
    assert [step.delay_ns for step in placement.critical_path] == [30.0]
    assert critical_path_text(()) == "no critical path is known"


def test_a_route_is_hopeless_by_the_slowest_of_the_systems_clocks() -> None:
    log = EXPECTED.format(19.0) + EXPECTED.format(50.0)
    for text in (log, EXPECTED.format(50.0) + EXPECTED.format(19.0)):
        found = hopeless(text, asked_mhz=75.0, least_mhz=40.0, most_gained=2.0)
        assert found == "placed, the design is expected to reach 19.00 MHz of 40.00 MHz"


@pytest.mark.parametrize(
    ("log", "least", "most"),
    [
        ("", 0.02, 0.02),
        ("Info:     at iteration #1, type ALL: wirelen 1\n" * 10, 0.10, 0.11),
        ("Info:   at iteration #1: temp = 1\n" * 4, 0.11, 0.12),
        ("Info:  1000 |       10       20 |   30   40 |       80|  1 1\n"
         "Info:  2000 |       10       20 |   30   40 |       20|  1 1\n", 0.78, 0.79),
        ("Info:  1000 |       10       20 |   30   40 |        0|  1 1\n", 0.95, 0.95),
        ("Info:  iter=1 wires=9 overused=80 \nInfo:  iter=2 wires=9 overused=20 \n", 0.78, 0.79),
        ("Info:  iter=1 wires=9 overused=0 \n", 0.95, 0.95),
        ("Routing complete", 0.97, 0.97),
    ],
)  # fmt: skip
def test_progress_by_hand(log: str, least: float, most: float) -> None:
    assert least - 1e-9 <= progress_of(log) <= most + 1e-9
