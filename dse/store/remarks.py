"""What people write beside studies and trials: a note and tags. Functions on an open connection.

Such texts come from anybody, and are shown in terminals, pages and spreadsheets: they are limited
in length, and characters that a reader obeys instead of seeing them are refused.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable

from sqlalchemy import Connection, delete, insert, select, update

from contracts.faults import ConfigError, NotFound
from dse.store.records import Remark, stored_remark
from dse.store.schema import MOST_TRIALS, remarks, studies, trials
from dse.store.soundness import require_sound

NOTE_CHARS = 2000
TAG_CHARS = 40
MOST_TAGS = 20
"""Of one study or trial."""

_TAG = re.compile(rf"[^\W\d_][\w.-]{{0,{TAG_CHARS - 1}}}")
_NEW_LINE = re.compile(r"\r\n?")
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the direction of writing, so that a text is shown in another order than it has."""


Change = Callable[[Remark], Remark]
"""Returns what is written instead of a remark."""


def checked_note(text: str) -> str:
    """Return a note as it is kept: lines end in line feeds, spaces around it are gone.

    Raises:
        ConfigError: It is too long, or has characters that are not to be seen.
    """
    note = _NEW_LINE.sub("\n", text).strip()
    if len(note) > NOTE_CHARS:
        raise ConfigError(
            f"the note has {len(note):,} characters", fix=f"write at most {NOTE_CHARS:,}"
        )
    hidden = next((c for c in note if c != "\n" and _is_hidden(c)), None)
    if hidden is not None:
        raise ConfigError(
            f"the note has the character {hidden!a}, which readers obey and do not see",
            fix="leave it out; a note is text and line ends",
        )
    return note


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as they are kept: each once, in alphabetical order.

    Raises:
        ConfigError: One is no tag, or there are too many.
    """
    kept = sorted({unicodedata.normalize("NFC", tag) for tag in tags})
    for tag in kept:
        if _TAG.fullmatch(tag) is None:
            raise ConfigError(
                f"{tag[:60]!a} is no tag",
                fix="begin with a letter; go on with letters, digits, dots, dashes and underscores,"
                f" {TAG_CHARS} characters at most",
            )
    if len(kept) > MOST_TAGS:
        raise ConfigError(f"these are {len(kept)} tags", fix=f"keep at most {MOST_TAGS}")
    return tuple(kept)


def trial_remark(db: Connection, trial_id: int) -> Remark:
    """Return what people wrote beside a trial.

    Raises:
        ValueError: It is not what this program writes.
    """
    require_sound(db, remarks, remarks.c.trial_id == trial_id)
    columns = select(remarks.c.note, remarks.c.tags_json).where(remarks.c.trial_id == trial_id)
    row = db.execute(columns).one_or_none()
    return Remark() if row is None else stored_remark(*row)


def remarks_of(db: Connection, study_id: int) -> dict[int, Remark]:
    """Return the remarks of a study's trials by their numbers.

    Raises:
        ValueError: One is not what this program writes.
    """
    # by the remarks, of which there are few: by the trials, it would take as long as a study is old
    number = (
        select(trials.c.number)
        .where(trials.c.id == remarks.c.trial_id, trials.c.study_id == study_id)
        .scalar_subquery()
    )
    require_sound(db, remarks, number.is_not(None))
    of_all = select(number.label("number"), remarks.c.note, remarks.c.tags_json).subquery()
    rows = db.execute(select(of_all).where(of_all.c.number.is_not(None)).order_by("number"))
    return {number: stored_remark(note, tags_json) for number, note, tags_json in rows}


def write_remark(db: Connection, study_id: int, number: int | None, change: Change) -> Remark:
    """Change what is written beside a study, or beside one of its trials, see ``Store.remark``."""
    if number is None:
        return _write_of_study(db, study_id, change)
    which = (trials.c.study_id == study_id) & (trials.c.number == number)
    key = (
        db.execute(select(trials.c.id).where(which)).scalar()
        if abs(number) <= MOST_TRIALS
        else None
    )
    if key is None:
        raise NotFound(f"the study has no trial {number}", fix="use the number of a trial")
    changed = _checked(change(trial_remark(db, key)))
    db.execute(delete(remarks).where(remarks.c.trial_id == key))
    if changed != Remark():
        db.execute(insert(remarks).values(trial_id=key, **_columns(changed)))
    return changed


def _write_of_study(db: Connection, study_id: int, change: Change) -> Remark:
    which = studies.c.id == study_id
    row = db.execute(select(studies.c.note, studies.c.tags_json).where(which)).one_or_none()
    if row is None:
        raise NotFound("the study is not there any more", fix="`list` prints those that there are")
    changed = _checked(change(stored_remark(*row)))
    db.execute(update(studies).where(which).values(_columns(changed)))
    return changed


def _checked(remark: Remark) -> Remark:
    return Remark(note=checked_note(remark.note), tags=checked_tags(remark.tags))


def _columns(remark: Remark) -> dict[str, str]:
    return {"note": remark.note, "tags_json": json.dumps(remark.tags)}


def _is_hidden(character: str) -> bool:
    # Cc: control; Cs: half of a pair; Zl, Zp: line ends that only some readers know
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _TURNING
