"""What trials took: functions on an open connection."""

from sqlalchemy import Connection, and_, case, func, select

from contracts.measurement import Fidelity
from dse.store.dialect import is_number
from dse.store.records import StageCost, TrialStages, TrialState, TrialWork
from dse.store.schema import artefacts, attempts, layers, metrics, stage_times, studies, trials

_RESULTS = (TrialState.COMPLETED, TrialState.INFEASIBLE)


def newest_stages(
    db: Connection, study_id: int, *, most: int, since: int, of_promotions: bool
) -> tuple[TrialStages, ...]:
    """Return the stages of a study's newest results, see ``Reader.newest_stages``."""
    newest = (
        select(
            trials.c.id,
            trials.c.revision,
            trials.c.design_json,
            trials.c.state,
        )
        .where(
            trials.c.study_id == study_id,
            trials.c.revision > since,
            trials.c.state.in_(_RESULTS),
            trials.c.promotes.is_not(None) if of_promotions else trials.c.promotes.is_(None),
            trials.c.reused_from.is_(None),
            trials.c.ended_s.is_not(None),
        )
        .order_by(trials.c.revision.desc())
        .limit(most)
        .subquery()
    )
    rows = db.execute(
        select(
            *newest.c,
            stage_times.c.stage,
            stage_times.c.cpu_s,
            stage_times.c.cached,
            artefacts.c.key,
        )
        .join(attempts, attempts.c.trial_id == newest.c.id)
        .join(stage_times, stage_times.c.attempt_id == attempts.c.id)
        .join(
            artefacts,
            and_(
                artefacts.c.attempt_id == attempts.c.id,
                artefacts.c.stage == stage_times.c.stage,
            ),
            isouter=True,
        )
        .where(attempts.c.outcome.in_(_RESULTS))
        .order_by(newest.c.revision, stage_times.c.position)
    ).all()
    found: dict[int, TrialStages] = {}
    for row in rows:
        cost = StageCost(stage=row.stage, key=row.key, cpu_s=row.cpu_s, was_cached=row.cached)
        before = found.get(row.id)
        found[row.id] = TrialStages(
            trial_id=row.id,
            revision=row.revision,
            design_json=row.design_json,
            state=TrialState(row.state),
            stages=(cost,) if before is None else (*before.stages, cost),
        )
    return tuple(found.values())


def trial_works(db: Connection, *, most: int) -> tuple[TrialWork, ...]:
    """Return what the newest trials cost, see ``Reader.trial_works``."""
    newest = (
        select(trials.c.id, trials.c.fidelity, studies.c.name, metrics.c.value)
        .join(studies, studies.c.id == trials.c.study_id)
        .join(metrics, (metrics.c.trial_id == trials.c.id) & (metrics.c.name == "cycles"))
        .where(
            trials.c.state == TrialState.COMPLETED,
            trials.c.promotes.is_(None),
            trials.c.reused_from.is_(None),
            trials.c.fidelity.in_(list(Fidelity)),
            is_number(metrics.c.value),
        )
        .order_by(trials.c.id.desc())
        .limit(most)
        .subquery()
    )
    macs = (
        select(layers.c.trial_id, func.sum(layers.c.macs).label("macs"))
        .where(layers.c.trial_id.in_(select(newest.c.id)), is_number(layers.c.macs))
        .group_by(layers.c.trial_id)
        .subquery()
    )
    spent_s = case((stage_times.c.cached, 0.0), else_=stage_times.c.cpu_s)
    of_simulation = case((stage_times.c.stage == "simulate", spent_s), else_=0.0)
    rows = db.execute(
        select(
            newest.c.name,
            newest.c.fidelity,
            newest.c.value,
            macs.c.macs,
            func.sum(of_simulation).label("simulated_s"),
            func.sum(spent_s).label("all_s"),
        )
        .join(macs, macs.c.trial_id == newest.c.id)
        .join(attempts, attempts.c.trial_id == newest.c.id)
        .join(stage_times, stage_times.c.attempt_id == attempts.c.id)
        .where(attempts.c.outcome == TrialState.COMPLETED, is_number(stage_times.c.cpu_s))
        .group_by(*newest.c, macs.c.macs)
        .order_by(newest.c.id)
    ).all()
    return tuple(
        TrialWork(
            study=row.name,
            fidelity=Fidelity(row.fidelity),
            macs=int(row.macs),
            cycles=float(row.value),
            simulated_cpu_s=float(row.simulated_s),
            other_cpu_s=float(row.all_s - row.simulated_s),
        )
        for row in rows
    )


def worked_s(db: Connection, study_id: int, *, now_s: float) -> float:
    """Return how long workers have been busy with a study's trials, each worker counted.

    An attempt lasts until it ends; one whose worker died, until its lease ran out.
    """
    end_s = func.coalesce(attempts.c.ended_s, now_s)
    until_s = case((end_s < attempts.c.lease_until_s, end_s), else_=attempts.c.lease_until_s)
    total = db.execute(
        select(func.sum(until_s - attempts.c.started_s))
        .join(trials, trials.c.id == attempts.c.trial_id)
        .where(trials.c.study_id == study_id)
    ).scalar()
    return 0.0 if total is None else float(total)
