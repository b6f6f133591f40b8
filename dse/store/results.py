"""Rows of a Measurement: how a result is written and read back, on an open connection."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from contracts.measurement import (
    ClockDomain,
    Fidelity,
    LayerProfile,
    Measurement,
    Metric,
    PathStep,
    Placement,
    StageTime,
)
from contracts.untrusted import parse_json
from dse.store.schema import artefacts, layers, metrics, placements, stage_times, tools


def write_measurement(
    db: Connection, *, trial_id: int, attempt_id: int, measurement: Measurement
) -> None:
    """Store what an attempt brought back; results replace those of an earlier one."""
    for table in (metrics, layers, placements):
        db.execute(delete(table).where(table.c.trial_id == trial_id))
    _insert(
        db,
        metrics,
        [
            {
                "trial_id": trial_id,
                "name": metric.name,
                "value": metric.value,
                "unit": metric.unit,
                "fidelity": metric.fidelity.value,
                "estimate": metric.estimate,
            }
            for metric in measurement.metrics
        ],
    )
    _insert(
        db,
        layers,
        [
            {
                "trial_id": trial_id,
                "position": layer.index,
                "name": layer.name,
                "operator": layer.operator,
                "output_shape": json.dumps(layer.output_shape),
                "macs": layer.macs,
                "cycles": layer.cycles,
                "bytes_in": layer.bytes_in,
                "bytes_out": layer.bytes_out,
                "bytes_scratch": layer.bytes_scratch,
            }
            for layer in measurement.layers
        ],
    )
    _insert(
        db,
        placements,
        [
            {
                "trial_id": trial_id,
                "position": position,
                "seed": placement.seed,
                "clock_mhz": placement.clock_hz / 1e6,
                "fmax_mhz": placement.fmax_mhz,
                "is_met": placement.is_met,
                "domains": json.dumps([asdict(domain) for domain in placement.domains]),
                "critical_path": json.dumps([asdict(step) for step in placement.critical_path]),
            }
            for position, placement in enumerate(measurement.placements)
        ],
    )
    _insert(
        db,
        stage_times,
        [
            {
                "attempt_id": attempt_id,
                "position": position,
                "stage": time.stage,
                "wall_s": time.wall_s,
                "cpu_s": time.cpu_s,
                "cached": time.cached,
            }
            for position, time in enumerate(measurement.stage_times)
        ],
    )
    _insert(db, artefacts, _pairs(attempt_id, "stage", "key", measurement.artefacts))
    _insert(db, tools, _pairs(attempt_id, "name", "version", measurement.tools))


def read_measurement(db: Connection, *, trial_id: int, attempt_id: int | None) -> Measurement:
    """Return the measurement of a trial, with times and artefacts of one of its attempts."""
    of_attempt = -1 if attempt_id is None else attempt_id
    return Measurement(
        metrics=tuple(
            Metric(
                name=row.name,
                value=row.value,
                unit=row.unit,
                fidelity=Fidelity(row.fidelity),
                estimate=row.estimate,
            )
            for row in db.execute(
                select(metrics).where(metrics.c.trial_id == trial_id).order_by(metrics.c.name)
            )
        ),
        layers=tuple(
            LayerProfile(
                index=row.position,
                name=row.name,
                operator=row.operator,
                output_shape=tuple(parse_json(row.output_shape)),
                macs=row.macs,
                cycles=row.cycles,
                bytes_in=row.bytes_in,
                bytes_out=row.bytes_out,
                bytes_scratch=row.bytes_scratch,
            )
            for row in db.execute(
                select(layers).where(layers.c.trial_id == trial_id).order_by(layers.c.position)
            )
        ),
        placements=tuple(
            Placement(
                seed=row.seed,
                clock_hz=round(row.clock_mhz * 1e6),
                fmax_mhz=row.fmax_mhz,
                is_met=row.is_met,
                domains=tuple(ClockDomain(**domain) for domain in parse_json(row.domains)),
                critical_path=tuple(PathStep(**step) for step in parse_json(row.critical_path)),
            )
            for row in db.execute(
                select(placements)
                .where(placements.c.trial_id == trial_id)
                .order_by(placements.c.position)
            )
        ),
        stage_times=tuple(
            StageTime(stage=row.stage, wall_s=row.wall_s, cpu_s=row.cpu_s, cached=row.cached)
            for row in db.execute(
                select(stage_times)
                .where(stage_times.c.attempt_id == of_attempt)
                .order_by(stage_times.c.position)
            )
        ),
        artefacts={
            row.stage: row.key
            for row in db.execute(select(artefacts).where(artefacts.c.attempt_id == of_attempt))
        },
        tools={
            row.name: row.version
            for row in db.execute(select(tools).where(tools.c.attempt_id == of_attempt))
        },
    )


def _insert(db: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:  # an empty list would insert one row of defaults
        db.execute(insert(table), rows)


def _pairs(
    attempt_id: int, name: str, value: str, mapping: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [{"attempt_id": attempt_id, name: key, value: mapping[key]} for key in mapping]
