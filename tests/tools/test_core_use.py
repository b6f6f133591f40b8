"""Whose a CPU-second is that a study costs, seen from outside, whatever ends between two looks."""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.core_use import Accounts, Process, Second, picture, sums_table
from runners.pipeline import Share

CAMPAIGN, LAUNCHER, SEARCH, TRIAL, TOOL, OTHER = 10, 11, 12, 13, 14, 99


def process(parent: int, own_s: float, ended_s: float = 0.0, **more: Any) -> Process:
    return Process(**{"resident_bytes": 0, **more}, parent=parent, own_s=own_s, ended_s=ended_s)


def test_what_ended_between_two_looks_is_still_whose_it_was() -> None:
    accounts = Accounts(CAMPAIGN)
    share = Share(
        began_ms=1, number=1, is_held=True, cores=1, memory_bytes=1, pid=TRIAL, stage="simulate"
    )
    first = {
        CAMPAIGN: process(1, 1.0),
        LAUNCHER: process(CAMPAIGN, 2.0, is_launcher=True),
        SEARCH: process(CAMPAIGN, 3.0, is_search=True),
        TRIAL: process(LAUNCHER, 0.5, 4.0),
        TOOL: process(TRIAL, 6.0, resident_bytes=7),
        OTHER: process(1, 50.0),
    }
    assert set(accounts.take(first, machine_s=100.0, held=[share]).values()) == {0.0}

    tool_ended = {
        **first,
        SEARCH: process(CAMPAIGN, 3.25, is_search=True),
        TRIAL: process(LAUNCHER, 0.75, 12.0),
    }
    del tool_ended[TOOL]
    used = accounts.take(tool_ended, machine_s=104.0, held=[share])
    assert used == pytest.approx({"tools": 2.0, "service": 0.25, "search": 0.25, "others": 1.5})
    assert accounts.peaks["simulate"].resident_bytes == 7

    trial_ended = {**tool_ended, LAUNCHER: process(CAMPAIGN, 2.0, 0.75 + 13.0, is_launcher=True)}
    del trial_ended[TRIAL]
    used = accounts.take(trial_ended, machine_s=105.0)
    assert used == pytest.approx({"tools": 1.0, "service": 0.0, "search": 0.0, "others": 0.0})

    asked = {**trial_ended, CAMPAIGN: replace(trial_ended[CAMPAIGN], own_s=1.25, ended_s=0.5)}
    used = accounts.take(asked, machine_s=105.75)
    assert used == pytest.approx({"tools": 0.5, "service": 0.25, "search": 0.0, "others": 0.0})

    handed_s = 0.5 + 2.0 + 13.75 + 3.25  # the launcher and the search end with the study
    ended = {
        CAMPAIGN: process(1, 1.25, handed_s),
        OTHER: process(1, 50.0),
    }
    used = accounts.take(ended, machine_s=105.75)
    assert used == pytest.approx({"tools": 0.0, "service": 0.0, "search": 0.0, "others": 0.0})


def test_the_share_of_tools_is_told_of_all_cores_and_of_what_others_left() -> None:
    seconds = [
        Second(
            end_s=float(end),
            passed_s=1.0,
            used_s={"tools": 0.9, "search": 0.0, "service": 0.0, "others": 1.0},
            shares=1,
        )
        for end in range(1, 500)
    ]
    line = next(line for line in sums_table(seconds, cores=2).splitlines() if "tools" in line)
    assert line.split() == ["tools", "449.1", "45.0%", "90.0%"]
    drawn = picture(seconds, cores=2, title="a night").file().decode()
    assert drawn.count("tools: 0.90 cores") == -(-499 // 3)
