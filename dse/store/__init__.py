"""The only place that touches the database."""

from dse.store.records import (
    AttemptRecord,
    AuditRecord,
    Claim,
    NewTrial,
    RetryPolicy,
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
    "NewTrial",
    "RetryPolicy",
    "Store",
    "StudyRecord",
    "StudySummary",
    "TrialDetail",
    "TrialRecord",
    "TrialResult",
    "TrialState",
]
