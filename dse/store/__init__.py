"""The only place that touches the database."""

from dse.store.reader import Reader
from dse.store.records import (
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
