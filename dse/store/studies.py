"""Studies as a whole, renamed and deleted: functions on an open write transaction.

Trials of other studies may share results of a study that goes: the first of them gets these results
as its own, and the others share that one's from then on.
"""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, insert, select, text, update

from contracts.faults import ConfigError, NotFound
from dse.store import presence, queries
from dse.store.queries import KEYED
from dse.store.records import DELETE, NOTIFY, PRESENT, AuditRecord, RemovedStudy, StudyRecord
from dse.store.schema import (
    artefacts,
    attempts,
    audit,
    beliefs,
    contexts,
    layers,
    metrics,
    placements,
    predictions,
    remarks,
    stage_times,
    studies,
    tools,
    trials,
)

_RENAMED = "rename"

_RESULTS = (metrics, layers, placements)
_OF_TRIAL = (predictions, beliefs, remarks, *_RESULTS)
_OF_ATTEMPT = (stage_times, artefacts, tools)


def require_there(db: Connection, study_id: int) -> None:
    """Make sure that nobody has deleted a study that a process works on.

    Raises:
        NotFound: Somebody has.
    """
    if db.execute(select(studies.c.id).where(studies.c.id == study_id)).scalar() is None:
        raise NotFound(
            "the study was deleted while this process worked on it",
            fix="start it again from its config, if you want it back",
        )


def delete_study(db: Connection, name: str, *, now_s: float, client: str) -> RemovedStudy:
    """Remove a study with all its trials, see ``Store.delete_study``."""
    study = _idle_study(db, name, now_s=now_s, doing="deleted")
    # for each deleted trial the database looks for those that refer to it; nothing else does
    db.execute(text("CREATE INDEX trials_by_origin ON trials (reused_from)"))
    handed_over = _hand_over(db, study.id)
    of_study = select(trials.c.id).where(trials.c.study_id == study.id)
    tried = select(attempts.c.id).where(attempts.c.trial_id.in_(of_study))
    for table in _OF_ATTEMPT:
        db.execute(delete(table).where(table.c.attempt_id.in_(tried)))
    last = {table.name: db.execute(select(func.max(table.c.id))).scalar() for table in KEYED}
    removed_attempts = _remove(db, attempts, attempts.c.trial_id.in_(of_study))
    for table in _OF_TRIAL:
        db.execute(delete(table).where(table.c.trial_id.in_(of_study)))
    removed_trials = _remove(db, trials, trials.c.study_id == study.id)
    db.execute(delete(studies).where(studies.c.id == study.id))
    db.execute(delete(contexts).where(contexts.c.context.not_in(select(trials.c.context))))
    # a new study of this name has told nobody anything yet, and nobody works on it
    of_processes = audit.c.action.in_((NOTIFY, PRESENT))
    db.execute(delete(audit).where(audit.c.study == name, of_processes))
    db.execute(text("DROP INDEX trials_by_origin"))
    removed = RemovedStudy(
        study=name, trials=removed_trials, attempts=removed_attempts, handed_over=handed_over
    )
    _audit(db, DELETE, name, now_s, client, {"last": last, **asdict(removed)})
    return removed


def rename_study(
    db: Connection,
    name: str,
    new: str,
    *,
    now_s: float,
    client: str,
) -> None:
    """Give a study another name wherever its own stands, see ``Store.rename_study``."""
    study = _idle_study(db, name, now_s=now_s, doing="renamed")
    if db.execute(select(studies.c.id).where(studies.c.name == new)).scalar() is not None:
        raise ConfigError(f"there is a study {new!r} already", fix="choose another name")
    config_toml, config_json = renamed_config(study, new)
    values = {"name": new, "config_json": config_json, "config_toml": config_toml}
    db.execute(update(studies).where(studies.c.id == study.id).values(values))
    # readers that know a trial's origin by the study's name read it again
    shared = select(trials.c.id).where(trials.c.study_id == study.id)
    sharing = select(trials.c.study_id).where(trials.c.reused_from.in_(shared)).distinct()
    for other in db.execute(sharing).scalars().all():
        db.execute(
            update(trials)
            .where(trials.c.study_id == other, trials.c.reused_from.in_(shared))
            .values(revision=queries.next_revision(other))
        )
    db.execute(update(audit).where(audit.c.study == name).values(study=new))
    _audit(db, _RENAMED, new, now_s, client, {"before": name})


def archive_study(db: Connection, name: str, *, now_s: float) -> None:
    """Put a study away, see ``Store.archive_study``."""
    study = _idle_study(db, name, now_s=now_s, doing="archived")
    db.execute(update(studies).where(studies.c.id == study.id).values(archived_s=now_s))


def unarchive_study(db: Connection, name: str) -> None:
    """Take a study out again, see ``Store.unarchive_study``."""
    back = update(studies).where(studies.c.name == name).values(archived_s=None)
    if db.execute(back).rowcount == 0:
        raise NotFound(f"there is no study {name!r}", fix="`list` prints those that there are")


def renamed_config(study: Row[Any] | StudyRecord, new: str) -> tuple[str, str]:
    """Return the file and the resolved config of a study with another name in them.

    Raises:
        ConfigError: The config cannot be read.
    """
    try:
        config = json.loads(study.config_json)
        config["study"]["name"] = new
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"study {study.name!r} cannot be renamed: its config cannot be read ({error!r})",
            fix="read it with the version that wrote it, or restore the file from a copy",
        ) from error
    return renamed_toml(study.config_toml, new), json.dumps(config, sort_keys=True)


def renamed_toml(config_toml: str, new: str) -> str:
    """Return a config file's text with another study's name; as it is where it does not say one.

    Only the line of ``name`` in ``[study]`` changes, comments stay.
    """
    head = re.search(r"^[ \t]*\[[ \t]*study[ \t]*\][^\n]*$", config_toml, re.MULTILINE)
    if head is None:
        return config_toml
    name = re.compile(r"""^([ \t]*name[ \t]*=[ \t]*)("[^"\n]*"|'[^'\n]*')""", re.MULTILINE)
    following = re.compile(r"^[ \t]*\[", re.MULTILINE).search(config_toml, head.end())
    end = len(config_toml) if following is None else following.start()
    section = name.sub(rf'\g<1>"{new}"', config_toml[head.end() : end], count=1)
    changed = config_toml[: head.end()] + section + config_toml[end:]
    try:
        is_it = tomllib.loads(changed)["study"]["name"] == new
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        is_it = False
    return changed if is_it else config_toml


def _idle_study(db: Connection, name: str, *, now_s: float, doing: str) -> Row[Any]:
    """Return the row of a study on which nothing works; it need not be readable otherwise.

    Raises:
        NotFound: There is no such study.
        ConfigError: A process works on it.
    """
    row = db.execute(select(studies).where(studies.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"there is no study {name!r}", fix="`list` prints those that there are")
    busy = presence.workers_on(db, name, now_s=now_s)
    if busy:
        raise ConfigError(
            f"study {name!r} cannot be {doing}: {_workers_text(busy)}",
            fix="stop it first: Ctrl-C there, or Stop on its page; a process that was lost is known"
            " to be when its lease runs out, a minute or so after",
        )
    return row


def _workers_text(workers: Sequence[str]) -> str:
    few = ", ".join(workers[:3]) + (", ..." if len(workers) > 3 else "")
    return f"{len(workers)} process{'es' if len(workers) > 1 else ''} work on it ({few})"


def _hand_over(db: Connection, study_id: int) -> int:
    """Give results that other studies share to the first that does; return how many trials share.

    The attempts go with the results: their times, tools and artefacts are part of them.
    """
    going = select(trials.c.id).where(trials.c.study_id == study_id)
    rows = db.execute(
        select(trials.c.id, trials.c.study_id, trials.c.reused_from)
        .where(trials.c.reused_from.in_(going), trials.c.study_id != study_id)
        .order_by(trials.c.id)
    ).all()
    heirs: dict[int, int] = {}
    for row in rows:
        heir = heirs.setdefault(row.reused_from, row.id)
        if heir == row.id:
            _inherit(db, heir, row.reused_from)
        db.execute(
            update(trials)
            .where(trials.c.id == row.id)
            .values(
                reused_from=None if heir == row.id else heir,
                revision=queries.next_revision(row.study_id),
            )
        )
    return len(rows)


def _inherit(db: Connection, heir: int, origin: int) -> None:
    for table in _RESULTS:
        db.execute(update(table).where(table.c.trial_id == origin).values(trial_id=heir))
    own = db.execute(
        select(func.max(attempts.c.number)).where(attempts.c.trial_id == heir)
    ).scalar()
    db.execute(
        update(attempts)
        .where(attempts.c.trial_id == origin)
        .values(trial_id=heir, number=attempts.c.number + (own or 0))
    )


def _remove(db: Connection, table: Table, which: Any) -> int:
    return db.execute(delete(table).where(which)).rowcount


def _audit(
    db: Connection, action: str, study: str, now_s: float, client: str, detail: dict[str, Any]
) -> None:
    write_audit(
        db,
        AuditRecord(
            time_s=now_s, client=client, action=action, study=study, detail=detail, outcome="done"
        ),
    )


def write_audit(db: Connection, entry: AuditRecord) -> None:
    """Keep what a person did."""
    values = {**asdict(entry), "detail": json.dumps(entry.detail, sort_keys=True)}
    db.execute(insert(audit).values(values))
