"""How far the stage of a running trial is, as its attempt has it until it ends."""

import json
from typing import Any

from contracts.untrusted import parse_json
from runners.job import SimulatedCycles, StageEvent


def how_far_text(event: StageEvent) -> str:
    """Return what is stored of an event that tells how far a stage is."""
    told = {"fraction": event.fraction}
    if event.cycles is not None:
        told |= {"cycles": event.cycles.done, "expected_cycles": event.cycles.expected}
    return json.dumps(told)


def how_far(text: str | None) -> tuple[float | None, SimulatedCycles | None]:
    """Return the finished share of a stage and its simulated cycles, each where it is known.

    What this program did not write tells nothing: a picture of the moment is not worth a refusal.
    """
    try:
        told = {} if text is None else parse_json(text)
    except ValueError:
        return None, None
    if not isinstance(told, dict):
        return None, None
    fraction, done = told.get("fraction"), _count(told.get("cycles"))
    share = None
    if isinstance(fraction, float | int) and 0 <= fraction <= 1:
        share = float(fraction)
    cycles = None
    if done is not None:
        cycles = SimulatedCycles(done=done, expected=_count(told.get("expected_cycles")))
    return share, cycles


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63
    return value if is_count else None
