"""Server-sent events: what changed in a study, told to each viewer as it is stored."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool

from contracts.faults import DseError
from dse.dashboard.data.payload import PROCESS, changes_data, mark
from dse.dashboard.data.studies import Studies
from dse.dashboard.web.watch import Watch
from dse.store import TrialState
from dse.words import json_text, whole_number

ALIVE_S = 25.0
"""A sign of life this often, so that a connection that broke is noticed."""
LOOK_S = 5.0
"""While a study is worked on, look so often whether its processes live: the dead write nothing."""


async def study_events(
    studies: Studies, watch: Watch, name: str, *, last_id: str, now_s: Any
) -> AsyncIterator[str]:
    """Yield the events of one study for one viewer.

    ``trials`` has the changed trials, ``reload`` asks to fetch all again, ``progress`` says that
    a stage, a worker or a wish to stop changed, ``gone`` that the study cannot be read any more.

    Args:
        studies: The database.
        watch: Wakes us.
        name: Of the study.
        last_id: What the viewer has seen, see ``payload.mark``.
        now_s: Called for the time.
    """
    try:
        woken = watch.enter()
    except DseError as error:
        yield event("gone", {"what": error.what, "fix": error.fix})
        return
    try:
        process, _, seen = last_id.partition("-")
        since = whole_number(seen) if process == PROCESS else None
        running: object = None
        is_first = True
        while not watch.is_closing:
            try:
                columns = await run_in_threadpool(studies.columns, name)
                now_running = await run_in_threadpool(studies.running, columns.id, now_s=now_s())
                is_worked_on = await run_in_threadpool(studies.is_worked_on, name, now_s=now_s())
            except DseError as error:
                yield event("gone", {"what": error.what, "fix": error.fix})
                return
            if since is None or since > columns.revision:
                yield event("reload", {}, mark(columns))
            elif since < columns.revision:
                data = await run_in_threadpool(changes_data, columns, since)
                yield event("reload" if data is None else "trials", data or {}, mark(columns))
            since = columns.revision
            shown = [(r.number, r.stage, r.attempt, r.fraction, r.cycles) for r in now_running]
            state = (shown, is_worked_on, columns.stop_requested_s, columns.config.trials)
            # whoever ran a trial may have died after the page was made, and before this
            is_left = not is_worked_on and columns.is_state(TrialState.RUNNING).any()
            if running != state and (not is_first or is_left):
                yield event("progress", {"running": len(shown)})
            running, is_first = state, False
            if not await _is_woken(woken, LOOK_S if is_worked_on else ALIVE_S):
                yield ": alive\n\n"
    finally:
        watch.leave(woken)


async def list_events(studies: Studies, watch: Watch, *, now_s: Any) -> AsyncIterator[str]:
    """Yield ``studies`` whenever the list of studies would look different."""
    try:
        woken = watch.enter()
    except DseError as error:
        yield event("gone", {"what": error.what, "fix": error.fix})
        return
    try:
        before: object = None
        while not watch.is_closing:
            try:
                lines = await run_in_threadpool(studies.lines, now_s=now_s())
            except DseError as error:
                yield event("gone", {"what": error.what, "fix": error.fix})
                return
            now = [
                (line.name, line.counts, line.is_running, line.remark, line.is_archived)
                for line in lines
            ]
            if before is not None and now != before:
                yield event("studies", {"count": len(lines)})
            before = now
            is_worked_on = any(line.is_running for line in lines)
            if not await _is_woken(woken, LOOK_S if is_worked_on else ALIVE_S):
                yield ": alive\n\n"
    finally:
        watch.leave(woken)


def event(kind: str, data: Any, identity: str = "") -> str:
    """Write one event."""
    head = f"id: {identity}\n" if identity else ""
    return f"{head}event: {kind}\ndata: {json_text(data)}\n\n"


async def _is_woken(woken: asyncio.Event, within_s: float) -> bool:
    try:
        await asyncio.wait_for(woken.wait(), within_s)
    except TimeoutError:
        return False
    woken.clear()
    return True
