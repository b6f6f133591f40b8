"""Trials that were placed, with what a real place and route reported."""

import json
from dataclasses import replace
from pathlib import Path

from contracts.measurement import Completed, Fidelity, Measurement, Metric
from dse.campaign.promotion import SUGGESTED_BY
from dse.store import NewTrial, RetryPolicy, Store
from runners.stages.place.report import parse_report

REPORT = Path(__file__).parents[1] / "stages" / "place" / "assets" / "report.json"


def place(database: Path, *numbers: int) -> None:
    """Promote trials of the study imgc; their clocks are near that of the report."""
    routed = parse_report(REPORT.read_text(), seed=2, clock_hz=75_000_000).placement
    missed = replace(routed, seed=1, fmax_mhz=49.1, is_met=False, critical_path=())
    with Store(database) as store:
        study = store.study("imgc")
        for count, number in enumerate(numbers):
            detail = store.detail(study, number)
            trial, before = detail.result.trial, detail.measurement
            clock_mhz = 50.0 + 3 * count
            values = {m.name: m for m in before.metrics}
            metrics = {
                **values,
                "clock_mhz": metric("clock_mhz", clock_mhz, "MHz"),
                "fmax_mhz": metric("fmax_mhz", clock_mhz + 1.5, "MHz"),
                "latency_us": metric("latency_us", values["cycles"].value / clock_mhz, "us"),
                "lut4": metric("lut4", values["lut4"].value * 0.94, "cells"),
            }
            new = NewTrial(
                design_id=trial.design_id,
                design_json=trial.design_json,
                suggested_by=SUGGESTED_BY,
                fidelity=Fidelity.PLACED,
                promotes=trial.id,
            )
            store.add_trials(study.id, [new], context=f"p{number}", budget=None, now_s=2e9)
            claim = store.claim(study.id, worker="w", now_s=2e9, lease_s=60.0)
            assert claim is not None
            measurement = Measurement(
                metrics=tuple(metrics.values()),
                layers=before.layers,
                placements=(missed, replace(routed, clock_hz=round(clock_mhz * 1e6))),
                stage_times=before.stage_times,
                artefacts=before.artefacts,
                tools=before.tools,
            )
            done = Completed(measurement=measurement)
            store.finish(claim.attempt_id, done, now_s=2e9 + 200, retry=RetryPolicy())


def metric(name: str, value: float, unit: str) -> Metric:
    return Metric(name=name, value=value, unit=unit, fidelity=Fidelity.PLACED)


def change_config(database: Path, study: str, **sections: object) -> None:
    """Replace sections of a study's config."""
    with Store(database) as store:
        record = store.study(study)
        resolved = json.loads(record.config_json) | sections
        store.update_config(record.id, config_toml="", config_json=json.dumps(resolved))
