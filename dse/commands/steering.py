"""``pause``, ``cancel``, ``note``, ``tag`` and ``archive``: what a person asks of a study.

Processes that work on the study may be anywhere: they read the wish from the database within a
second or so. Each act leaves a row in the table ``audit``, as those of the dashboard do.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from contracts.faults import ConfigError
from dse.commands.whole_studies import client
from dse.results.going_on import shown
from dse.store import AuditRecord, Reader, Remark, Store, StudyRecord, TrialState
from dse.words import printable, study_command, whole_number


def pause_study(store: Store, name: str) -> str:
    """Let running trials end and start no other; say how the study goes on.

    Raises:
        NotFound: There is no such study.
    """
    study, now_s = store.study(name), store.now_s()
    running = store.count_trials(study.id, TrialState.RUNNING)
    store.request_stop(study.id, now_s=now_s)
    if name in store.working_studies(now_s=now_s):
        told = f"no further trial starts; those that run go on to their end ({running} now)"
    else:
        told = "nothing works on it now, and no worker starts a trial of it"
    return _done(store, "stop", name, {}, f"{told}; go on with: {_command(store, 'resume', name)}")


def cancel_trial(store: Store, name: str, number: int, *, undo: bool) -> str:
    """Take a trial back that waits or runs, or queue one again that was; say what came of it.

    Raises:
        NotFound: There is no such study or trial.
        ConfigError: The trial has ended, or there is nothing to undo.
    """
    study, now_s = store.study(name), store.now_s()
    state = store.detail(study, number).result.trial.state
    if undo:
        context = store.last_context(study.id)
        if not store.queue_withdrawn(study.id, number, context=context, now_s=now_s):
            raise ConfigError(
                f"trial {number} of {name} was not cancelled, it is {state}",
                fix="leave out --undo to cancel it",
            )
        return _done(store, "queue", name, {"trial": number}, f"trial {number} is queued again")
    was = store.cancel(study.id, number, now_s=now_s)
    if was is None:
        raise ConfigError(
            f"trial {number} of {name} is {state}: only one that waits or runs can be cancelled",
            fix="leave it, its result is stored already",
        )
    again = _command(store, "cancel", name, str(number), "--undo")
    told = f"trial {number}, which was {was}, is cancelled; queue it again with: {again}"
    return _done(store, "cancel", name, {"trial": number}, told)


def write_note(store: Store, name: str, number: int | None, text: str) -> Remark:
    """Write a note beside a study or a trial instead of the old one; an empty one removes it.

    Raises:
        NotFound: There is no such study or trial.
        ConfigError: The text is too long, or has characters that are not to be seen.
    """
    study = _of_trial(store, name, number)
    written = store.remark(study.id, number, lambda old: replace(old, note=text))
    _done(store, "note", name, _about(number), "the note was written")
    return written


def change_tags(
    store: Store, name: str, number: int | None, tags: Collection[str], *, remove: bool
) -> Remark:
    """Give tags to a study or a trial, or take them from it.

    Raises:
        NotFound: There is no such study or trial.
        ConfigError: A text is no tag, there are too many, or one to remove is not there.
    """
    study = _of_trial(store, name, number)

    def change(old: Remark) -> Remark:
        missing = sorted(set(tags) - set(old.tags))
        if remove and missing:
            raise ConfigError(
                f"the tag {printable(missing[0])[:60]!r} is not there",
                fix=f"use one of: {', '.join(old.tags)}" if old.tags else "there are none",
            )
        kept = set(old.tags) - set(tags) if remove else {*old.tags, *tags}
        return replace(old, tags=tuple(kept))

    written = store.remark(study.id, number, change)
    _done(store, "tag", name, _about(number), f"tags: {' '.join(written.tags) or 'none'}")
    return written


def archive_study(store: Store, name: str) -> str:
    """Put a study away, so that lists leave it out.

    Raises:
        NotFound: There is no such study.
        ConfigError: A process works on it.
    """
    store.study(name)  # its message lists those that there are
    store.archive_study(name, now_s=store.now_s())
    told = "lists leave it out; `list --archived` has it, and `resume` brings it back"
    return _done(store, "archive", name, {}, told)


def unarchive_study(store: Store, name: str) -> str:
    """Let lists have a study again.

    Raises:
        NotFound: There is no such study.
    """
    store.study(name)
    store.unarchive_study(name)
    return _done(store, "unarchive", name, {}, "lists have it again")


def trial_and_words(words: Sequence[str], *, what: str) -> tuple[int | None, list[str]]:
    """Tell a trial's number from what follows: ``47 "the one to flash"``.

    Args:
        words: What stands behind the study.
        what: What is expected behind the number, for the error.

    Raises:
        ConfigError: Nothing is.
    """
    number = whole_number(words[0])
    rest = list(words[number is not None :])
    if not rest:
        raise ConfigError(
            f"{what} is missing behind {words[0]}", fix=f"say STUDY {what}, or STUDY TRIAL {what}"
        )
    return number, rest


def one_text(words: Sequence[str]) -> str:
    """Return the text of a note.

    Raises:
        ConfigError: The shell has broken it into words.
    """
    if len(words) > 1:
        raise ConfigError(
            f"the note is {len(words)} words for the shell", fix='quote it: "the one to flash"'
        )
    return words[0]


def remark_text(remark: Remark) -> str:
    """Return what is written beside a study or trial, safe for a terminal."""
    tags = f"tags  {printable(' '.join(remark.tags)) or '-'}"
    lines = remark.note.splitlines() or ["-"]
    return "\n".join([tags, *(f"note  {printable(line)}" for line in lines)])


def _of_trial(store: Reader, name: str, number: int | None) -> StudyRecord:
    """Return a study, and make sure that it has a trial of this number."""
    study = store.study(name)
    if number is not None:
        store.detail(study, number)  # its message says which numbers there are
    return study


def _about(number: int | None) -> dict[str, Any]:
    return {} if number is None else {"trial": number}


def _done(store: Store, action: str, study: str, detail: dict[str, Any], told: str) -> str:
    """Keep what was done; return what to say."""
    store.record_audit(
        AuditRecord(
            time_s=store.now_s(),
            client=client(),
            action=action,
            study=study,
            detail=detail,
            outcome=f"done: {told}",
        )
    )
    return told


def _command(store: Reader, *words: str) -> str:
    return study_command(*words, db=shown(store.place))
