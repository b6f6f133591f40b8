"""Metrics that mean the same on every part, from what was recorded of each family's tools."""

import math
import re

import pytest

from benchmarks.targets import read_results, read_target
from contracts.measurement import Fidelity
from runners.fpga import FAMILIES, METRICS, PARTS, capacity_of, family_of_part
from runners.fpga.cells import ROLES
from runners.stages.place.report import parse_report
from tests.docs.pages import ROOT

RESULTS = read_results()
REPORT = ROOT / "tests" / "stages" / "place" / "assets" / "report.json"


def recorded(target: str) -> dict[str, float]:
    """Return the metrics of the design that was recorded for a target, routed where it can be."""
    counts = {
        name: int(count) for count, name in re.findall(r"(\d+)/\d+ (\w+)", RESULTS[target]["cells"])
    }
    family = family_of_part(read_target(target).part)
    return {m.name: m.value for m in family.measured(counts, Fidelity.PLACED)}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_every_role_and_says_how_much_of_it(part: str) -> None:
    capacity = capacity_of(part)
    assert capacity.keys() == PARTS[part].keys() | ROLES.keys()
    assert all(count > 0 for count in capacity.values())


def test_a_part_of_a_newer_version_has_no_known_capacity() -> None:
    assert capacity_of("LFE6U-1F") == {}


def test_every_role_that_a_cell_names_is_one() -> None:
    assert {each.role for each in METRICS if each.role is not None} == ROLES.keys()


def test_bits_and_multipliers_of_unlike_cells_are_counted_alike() -> None:
    assert recorded("ulx3s_85f")["block_ram_bits"] == 46 * 18_432
    assert recorded("icebreaker")["block_ram_bits"] == 22 * 4_096, "large RAMs are not in it"
    assert recorded("crosslink_nx_evn")["block_ram_bits"] == 29 * 18_432
    assert recorded("tang_nano_20k")["block_ram_bits"] == 35 * 18_432
    assert recorded("tang_nano_20k")["multipliers"] == 4 + 4 / 2
    assert recorded("arty_a7_35t")["block_ram_bits"] == 96 * 18_432, "halves of blocks of 36 kbit"
    assert recorded("arty_a7_35t")["luts"] == 4_530, "2,831 with six inputs, in those with four"
    assert capacity_of("XC7A35T")["luts"] == 33_280, "the logic cells of the data sheet"
    assert capacity_of("XC7A35T")["block_ram_bits"] == 50 * 36_864
    assert capacity_of("GW2AR-18C")["multipliers"] == 48, "not 48 and 96 halves: the same places"


@pytest.mark.parametrize("target", sorted(RESULTS))
def test_a_recorded_design_of_every_target_has_roles_within_its_part(target: str) -> None:
    found, capacity = recorded(target), capacity_of(read_target(target).part)
    worth = {"lut4": 1.0, "cpe_half": 1.0, "lut6": 1.6}
    assert found["luts"] == sum(math.ceil(worth.get(n, 0) * count) for n, count in found.items())
    # the router of iCE40 counts no flip-flops: theirs stay those of synthesis
    expected = ROLES.keys() - ({"flip_flops"} if "ff" not in found else set())
    assert found.keys() & ROLES.keys() == expected
    assert all(found[name] <= capacity[name] for name in expected)


def test_synthesis_knows_every_role_of_every_family() -> None:
    for family in FAMILIES:
        found = {m.name: m for m in family.measured(family.no_cost(), Fidelity.SYNTHESISED)}
        assert found.keys() == {metric.name for metric in family.metrics}
        assert found.keys() >= ROLES.keys()
        assert {m.fidelity for m in found.values()} == {Fidelity.SYNTHESISED}


def test_a_report_of_the_router_becomes_metrics_with_units_of_their_definitions() -> None:
    family = family_of_part("LFE5U-85F")
    report = parse_report(REPORT.read_text(), seed=1, clock_hz=75_000_000)
    found = {m.name: m for m in family.measured(family.used(report.used), Fidelity.PLACED)}
    units = {each.name: each.unit for each in family.metrics}
    assert {name: metric.unit for name, metric in found.items()} == units
    assert found["block_ram_bits"].value == 18_432 * found["dp16kd"].value
