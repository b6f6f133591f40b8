"""``delete``, ``rename`` and ``copy``: what a person is asked and told."""

import getpass
import os
import platform
import re

from contracts.faults import ConfigError
from dse.config.file import STUDY_NAME
from dse.program import log_of
from dse.store import CopiedStudy, Reader, RemovedStudy, Store, TrialState
from dse.words import plural, study_command


def what_goes(reader: Reader, name: str) -> str:
    """Say what deleting a study removes, in the words that a person is asked with.

    Raises:
        NotFound: There is no such study.
    """
    for summary in reader.summaries():
        if summary.study.name == name:
            ended = sum(summary.counts[s] for s in (TrialState.COMPLETED, TrialState.INFEASIBLE))
            trials = sum(summary.counts.values())
            return (
                f"study {name} of {reader.place}: {plural(trials, 'trial')},"
                f" {plural(ended, 'result')}"
            )
    reader.study(name)  # raises NotFound and says which there are
    raise AssertionError("a study that `list` has not")


def delete_study(store: Store, name: str, *, now_s: float) -> RemovedStudy:
    """Remove a study.

    Raises:
        NotFound: There is no such study.
        ConfigError: A process works on it.
    """
    return store.delete_study(name, now_s=now_s, client=client())


def removed_text(removed: RemovedStudy) -> str:
    """Say what was removed, and what was not."""
    lines = [
        f"study {removed.study} was removed: {plural(removed.trials, 'trial')},"
        f" {plural(removed.attempts, 'attempt')}"
    ]
    if removed.handed_over:
        shared = plural(removed.handed_over, "trial")
        lines.append(f"{shared} of other studies shared its results and keep them")
    lines.append("what its trials built stays in the cache (`cache --prune --limit SIZE`)")
    return "\n".join(lines)


def rename_study(store: Store, name: str, new: str, *, now_s: float) -> None:
    """Give a study another name, its log beside the database included.

    Raises:
        NotFound: There is no such study.
        ConfigError: The name is none, there is a study that has it, or a process works on this one.
    """
    _require_name(new)
    store.rename_study(name, new, now_s=now_s, client=client())
    before, after = log_of(store.place, name), log_of(store.place, new)
    if before.is_file() and not after.exists():
        before.rename(after)


def copy_study(store: Reader, target: Store, name: str, new: str | None) -> CopiedStudy:
    """Write a study into another database.

    Args:
        store: The database that has it.
        target: The other one.
        name: Of the study.
        new: What it is called there; None for the same.

    Raises:
        NotFound: There is no such study.
        ConfigError: The name is none, or there is a study that has it.
    """
    if new is not None:
        _require_name(new)
    return target.take_study(store, name, new=new or name, now_s=target.now_s(), client=client())


def copied_text(copied: CopiedStudy, target: Reader) -> str:
    """Say what was copied, and how to go on with it."""
    go_on = study_command("resume", copied.study, db=str(target.place))
    return (
        f"study {copied.study} is in {target.place} now: {plural(copied.trials, 'trial')},"
        f" {plural(copied.attempts, 'attempt')}\ngo on with it: {go_on}"
    )


def _require_name(new: str) -> None:
    if re.fullmatch(STUDY_NAME, new) is None:
        raise ConfigError(
            f"{new[:80]!r} is no name of a study",
            fix="use letters, digits, dots, dashes and underscores; begin with a letter or a digit",
        )


def client() -> str:
    """Return who types a command, for the audit."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container, nobody may have the number of this user
        user = str(os.getuid())
    return f"{user} on {platform.node()}"
