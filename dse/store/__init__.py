"""The only place that touches the database."""

from dse.store.reader import Reader
from dse.store.records import (
    AttemptRecord,
    AttemptRow,
    AuditRecord,
    Claim,
    HeldTrial,
    MetricValues,
    NewTrial,
    RetryPolicy,
    Sample,
    StudyChanges,
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
    "AttemptRow",
    "AuditRecord",
    "Claim",
    "HeldTrial",
    "MetricValues",
    "NewTrial",
    "Reader",
    "RetryPolicy",
    "Sample",
    "Store",
    "StudyChanges",
    "StudyRecord",
    "StudySummary",
    "TrialDetail",
    "TrialRecord",
    "TrialResult",
    "TrialState",
]
