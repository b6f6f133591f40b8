"""When a limit that a design reaches is a result about the design."""

from collections.abc import Sequence
from dataclasses import replace

from contracts.faults import Fault, FaultKind, TooLargeToBuild, TooSlowToBuild
from dse.store.records import AttemptRecord

_RESULT_OF = {
    FaultKind.TOOL_TIMEOUT: (TooSlowToBuild, "limits.stage_timeout_s"),
    FaultKind.OUT_OF_MEMORY: (TooLargeToBuild, "limits.memory_bytes"),
}
"""Fault of the infrastructure to the design fault that it is after the second time."""

LIMIT_RESULTS = tuple(fault.kind for fault, _ in _RESULT_OF.values())
"""Kinds of results that hold for the limits and the machine of one study only."""


def fault_of_design(fault: Fault, earlier: Sequence[AttemptRecord]) -> Fault | None:
    """Return what a limit says about the design, or None while it says nothing.

    A program that reaches a limit once may have met a bad moment. One that does so in the same
    stage of the same trial a second time would do it for ever: both times it had what it needs
    (``Fault.is_own_limit``), so a further attempt only costs the same again.

    Args:
        fault: How an attempt ended.
        earlier: The attempts of the same trial before it, in any order.
    """
    if fault.kind not in _RESULT_OF or not fault.is_own_limit or fault.stage is None:
        return None
    alike = [
        attempt
        for attempt in earlier
        if attempt.kind is fault.kind and attempt.stage == fault.stage and attempt.is_own_limit
    ]
    if not alike:
        return None
    result, limit = _RESULT_OF[fault.kind]
    before = max(alike, key=lambda attempt: attempt.number)
    error = result(
        f"stage {fault.stage} reached {limit} in attempt {before.number} and again: {fault.what}",
        fix=f"start another study with a higher {limit}, or leave such designs out of the space",
        detail=f"attempt {before.number}: {before.what}\n{before.detail}\n\nnow:\n{fault.detail}",
    )
    return replace(error.fault, stage=fault.stage, is_own_limit=True)
