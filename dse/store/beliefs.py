"""What was believed of trials: functions on an open connection."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select

from contracts.belief import Belief, Prediction
from dse.store.schema import beliefs, predictions, trials


def write_belief(db: Connection, trial_id: int, belief: Belief) -> None:
    """Keep what is believed of a new trial."""
    db.execute(
        insert(beliefs).values(
            trial_id=trial_id,
            reason=belief.reason,
            feasible=belief.feasible,
            gain=belief.gain,
            cost_s=belief.cost_s,
        )
    )
    rows = [
        {
            "trial_id": trial_id,
            "metric": each.metric,
            "middle": each.middle,
            "low": each.low,
            "high": each.high,
        }
        for each in belief.predictions
    ]
    if rows:
        db.execute(insert(predictions), rows)


def read_belief(db: Connection, trial_id: int) -> Belief | None:
    """Return what was believed of one trial, or None."""
    row = db.execute(select(beliefs).where(beliefs.c.trial_id == trial_id)).one_or_none()
    if row is None:
        return None
    found = db.execute(
        select(predictions).where(predictions.c.trial_id == trial_id).order_by(predictions.c.metric)
    )
    return Belief(
        reason=row.reason,
        predictions=tuple(_prediction(each) for each in found),
        feasible=row.feasible,
        gain=row.gain,
        cost_s=row.cost_s,
    )


def newest_beliefs(db: Connection, study_id: int, *, most: int) -> dict[int, Belief]:
    """Return what was believed of a study's newest trials, promotions left out, by number.

    Args:
        db: Where to look.
        study_id: Key of the study.
        most: How many of the trials, at most; the result is ascending.
    """
    rows = db.execute(
        select(trials.c.number, *beliefs.c)
        .join(beliefs, beliefs.c.trial_id == trials.c.id)
        .where(trials.c.study_id == study_id, trials.c.promotes.is_(None))
        .order_by(trials.c.number.desc())
        .limit(most)
    ).all()
    if not rows:
        return {}
    first = min(row.trial_id for row in rows)
    found: dict[int, list[Prediction]] = {}
    wanted = {row.trial_id for row in rows}
    for row in db.execute(
        select(predictions)
        .join(trials, trials.c.id == predictions.c.trial_id)
        .where(trials.c.study_id == study_id, predictions.c.trial_id >= first)
        .order_by(predictions.c.trial_id, predictions.c.metric)
    ):
        if row.trial_id in wanted:
            found.setdefault(row.trial_id, []).append(_prediction(row))
    return {
        row.number: Belief(
            reason=row.reason,
            predictions=tuple(found.get(row.trial_id, ())),
            feasible=row.feasible,
            gain=row.gain,
            cost_s=row.cost_s,
        )
        for row in reversed(rows)
    }


def newest_gains(db: Connection, study_id: int, *, most: int) -> tuple[float, ...]:
    """Return what the newest suggestions were expected to gain, newest first.

    Only of those that a model chose: designs that a person queued say nothing about the search.
    """
    return tuple(
        db.execute(
            select(beliefs.c.gain)
            .join(trials, trials.c.id == beliefs.c.trial_id)
            .where(trials.c.study_id == study_id, beliefs.c.gain.is_not(None))
            .order_by(trials.c.number.desc())
            .limit(most)
        ).scalars()
    )


def _prediction(row: Iterable[object]) -> Prediction:
    _, metric, middle, low, high = row
    return Prediction(metric=metric, middle=middle, low=low, high=high)  # type: ignore[arg-type]
