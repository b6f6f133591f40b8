"""Which command takes a study on, for the state that it is in."""

from pathlib import Path

from contracts.faults import DseError
from dse.config import config_from_json
from dse.store import Place, Reader, TrialState
from dse.words import study_command

_ENDS = (TrialState.COMPLETED, TrialState.INFEASIBLE)
_MORE = 8
"""Trials that a study whose budget is used up is offered."""


def going_on(reader: Reader, name: str) -> str:
    """Return the command that brings a study more results, its database named.

    That is ``watch`` while a process works on it, ``resume`` where trials are left, and ``resume``
    with a larger budget where all have ended.

    Args:
        reader: Has the study.
        name: Of the study.
    """
    db = shown(reader.place)
    study = reader.study(name)
    if name in reader.working_studies(now_s=reader.now_s()):
        return study_command("watch", name, db=db)
    try:
        budget = config_from_json(study.config_json).trials
    except DseError:  # a study that cannot be read has a fault of its own to tell
        return study_command("resume", name, db=db)
    ended = reader.count_trials(study.id, *_ENDS)
    if ended < budget:
        return study_command("resume", name, db=db)
    return study_command("resume", name, "--trials", str(ended + _MORE), db=db)


def shown(place: Place) -> str | None:
    """Return how a command names a database; the default one need not be named."""
    return None if place == Path("results.db") else str(place)
