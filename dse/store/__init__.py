"""The only place that touches the database."""

from dse.store.reader import Reader
from dse.store.records import (
    BY_HAND,
    STAND_IN,
    AttemptRecord,
    AuditRecord,
    Claim,
    ContextRecord,
    NewTrial,
    RetryPolicy,
    Sample,
    StudyRecord,
    StudySummary,
    TrialDetail,
    TrialRecord,
    TrialResult,
    TrialState,
)
from dse.store.store import Store

__all__ = [
    "BY_HAND",
    "STAND_IN",
    "AttemptRecord",
    "AuditRecord",
    "Claim",
    "ContextRecord",
    "NewTrial",
    "Reader",
    "RetryPolicy",
    "Sample",
    "Store",
    "StudyRecord",
    "StudySummary",
    "TrialDetail",
    "TrialRecord",
    "TrialResult",
    "TrialState",
]
