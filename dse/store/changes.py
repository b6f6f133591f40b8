"""Reading many trials at once, into arrays, since a study has 100,000 of them.

How they are read differs between databases, see ``dse.store.dialect.Bulk``.
"""

import gc
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from contracts.faults import FaultKind
from contracts.measurement import Fidelity
from dse.store.bulk import Bulk, Which
from dse.store.dialect import dialect_of
from dse.store.queries import origins
from dse.store.records import (
    AttemptsWanted,
    LastAttempts,
    MetricValues,
    StudyChanges,
    StudyRecord,
    TrialColumns,
    TrialRecord,
    TrialState,
)
from dse.store.remarks import remarks_of
from dse.store.schema import trials
from dse.store.soundness import require_sound

_STATES = {state.value: state for state in TrialState}
_FAULTS = {kind.value: kind for kind in FaultKind}
_FIDELITIES = {fidelity.value: fidelity for fidelity in Fidelity}
_NUMBER, _CONTEXT, _FIDELITY, _SUGGESTED_BY, _STATE = map(
    TrialRecord._fields.index, ("number", "context", "fidelity", "suggested_by", "state")
)
_FEW = 1000
"""Up to so many trials are looked up one by one, more of them by a range of keys."""


def study_changes(
    db: Connection,
    study: StudyRecord,
    *,
    since: int,
    names: Collection[str] | None,
    with_records: bool,
    wanted: AttemptsWanted,
) -> StudyChanges:
    """Return what changed in a study after a revision, see ``Reader.changes``."""
    require_sound(db, trials, (trials.c.study_id == study.id) & (trials.c.revision > since))
    bulk = dialect_of(db).bulk(db)
    with _no_collection():
        found = _columns(bulk, study.id, since)
        sources = _Sources(found)
        return StudyChanges(
            study=study,
            remarks=remarks_of(db, study.id),
            trials=found,
            records=_records(bulk, study.id, since) if with_records else None,
            metrics=tuple(_metrics(bulk, sources, names)) if len(found.ids) else (),
            attempts=_attempts(bulk, sources, wanted),
            origins=origins(db, set(found.reused_from[found.reused_from > 0].tolist())),
        )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking through all that is read, again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _columns(bulk: Bulk, study_id: int, since: int) -> TrialColumns:
    *columns, each_id = bulk.columns(study_id, since)
    ids, numbers, revisions, reused_from, promotes, codes = columns
    order = np.argsort(numbers)  # in the database, whole rows would be moved
    return TrialColumns(
        ids=ids[order],
        numbers=numbers[order],
        states=(codes[order] >> 2).astype(np.int8),
        revisions=revisions[order],
        reused_from=reused_from[order],
        promotes=promotes[order],
        is_stand_in=(codes[order] & 1) != 0,
        is_by_hand=(codes[order] & 2) != 0,
        design_ids=[each_id[place] for place in order.tolist()],
    )


def _records(bulk: Bulk, study_id: int, since: int) -> tuple[TrialRecord, ...]:
    # as TrialRecord._make, but without a call of Python for each trial
    to_record = partial(tuple.__new__, TrialRecord)
    shared: dict[str, str] = {}  # one text for all trials that have the same
    found: list[TrialRecord] = []
    for rows in bulk.rows(study_id, since):
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        for place, meaning in ((_FIDELITY, _FIDELITIES), (_STATE, _STATES)):
            columns[place] = map(meaning.__getitem__, columns[place])
        for place in (_CONTEXT, _SUGGESTED_BY):
            columns[place] = list(map(shared.setdefault, columns[place], columns[place]))
        found += map(to_record, zip(*columns, strict=True))
    found.sort(key=itemgetter(_NUMBER))
    return tuple(found)


class _Sources:
    """Under which keys the results of some trials are, and which trials share each of them."""

    def __init__(self, trials: TrialColumns) -> None:
        is_own = trials.reused_from == 0
        keys = np.where(is_own, trials.ids, trials.reused_from)
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._numbers = trials.numbers[order]
        own = keys[is_own].tolist()
        shared = keys[~is_own].tolist()
        self.conditions: list[Which] = []
        if len(own) > _FEW:
            self.conditions.append((min(own), max(own)))
            own = []
        if own or shared:
            self.conditions.append([*own, *set(shared)])

    def numbers(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Return the numbers of the trials behind keys, and for each which of the keys it is."""
        first = np.searchsorted(self._keys, keys, side="left")
        counts = np.searchsorted(self._keys, keys, side="right") - first
        rows = np.repeat(np.arange(len(keys)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._numbers[first[rows] + within], rows


def _metrics(
    bulk: Bulk, sources: _Sources, names: Collection[str] | None
) -> Iterator[MetricValues]:
    for name in bulk.metric_names() if names is None else sorted(names):
        parts = [
            part for which in sources.conditions if (part := bulk.metric(name, which)) is not None
        ]
        if not parts:
            continue
        keys, values, codes = map(np.concatenate, zip(*parts, strict=True))
        numbers, rows_of = sources.numbers(keys)
        if not len(numbers):
            continue
        codes = codes[rows_of]
        yield MetricValues(
            name=name,
            unit=bulk.unit(name),
            numbers=numbers,
            values=values[rows_of],
            fidelities=(codes >> 1).astype(np.int8),
            estimates=(codes & 1) != 0,
        )


def _attempts(bulk: Bulk, sources: _Sources, wanted: AttemptsWanted) -> LastAttempts:
    rows = [
        row
        for which in (sources.conditions if wanted != "none" else ())
        for row in bulk.last_attempts(which, only_faulty=wanted == "faults")
    ]
    keys, started_s, ended_s, kinds, whats = zip(*rows, strict=True) if rows else [()] * 5
    numbers, places = sources.numbers(np.array(keys, dtype=np.int64))
    has_fault = np.array([kind is not None for kind in kinds], dtype=np.bool_)[places]
    return LastAttempts(
        numbers=numbers,
        started_s=np.array(started_s, dtype=np.float64)[places],
        ended_s=np.array(ended_s, dtype=np.float64)[places],  # None becomes NaN
        faults={
            number: (_FAULTS[kinds[place]], whats[place] or "")
            for number, place in zip(
                numbers[has_fault].tolist(), places[has_fault].tolist(), strict=True
            )
        },
    )
