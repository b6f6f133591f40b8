"""What the tests of the store share."""

from contracts.measurement import (
    Completed,
    Fidelity,
    LayerProfile,
    Measurement,
    Metric,
    StageTime,
)
from dse.store import (
    NewTrial,
    Place,
    Reader,
    RetryPolicy,
    Store,
    StudyRecord,
    TrialRecord,
    parse_place,
)
from dse.store.schema import metadata

NO_WAIT = RetryPolicy(attempts=3, backoff_s=0.0)


def new_study(store: Store, name: str = "one") -> StudyRecord:
    return store.create_study(
        name=name, config_toml="# text", config_json="{}", source_hash="0", now_s=100.0
    )


def new_trials(
    store: Store, study: StudyRecord, count: int, *, context: str = "here", first: int = 0
) -> tuple[TrialRecord, ...]:
    return store.add_trials(
        study.id,
        [
            NewTrial(
                design_id=f"design{number}",
                design_json=f'{{"schema":1,"values":{{"width":{number}}}}}',
                suggested_by="random",
            )
            for number in range(first, first + count)
        ],
        context=context,
        budget=1000,
        now_s=100.0,
    )


def a_measurement(cycles: float = 1000.0) -> Measurement:
    return Measurement(
        metrics=(
            Metric(name="cycles", value=cycles, unit="cycles", fidelity=Fidelity.SIMULATED),
            Metric(
                name="latency_us",
                value=cycles / 50,
                unit="us",
                fidelity=Fidelity.SIMULATED,
                estimate=True,
            ),
        ),
        layers=(
            LayerProfile(
                index=0,
                name="conv2d_0",
                operator="CONV_2D",
                output_shape=(1, 32, 32, 16),
                macs=442_368,
                cycles=900,
                bytes_in=3504,
                bytes_out=16384,
                bytes_scratch=64,
            ),
        ),
        stage_times=(
            StageTime(stage="core", wall_s=2.0, cpu_s=1.5, cached=False),
            StageTime(stage="simulate", wall_s=9.0, cpu_s=8.5, cached=True),
        ),
        artefacts={"core": "a" * 32},
        tools={"verilator": "5.006"},
    )


def completed(cycles: float = 1000.0) -> Completed:
    return Completed(measurement=a_measurement(cycles))


def open_at(place: Place | str) -> Store:
    return Store(parse_place(str(place)), busy_timeout_s=30)


def content(place: Place) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables."""
    with Reader(place) as reader, reader._read() as db:
        return {
            table.name: [tuple(row) for row in db.execute(table.select().order_by(*table.c))]
            for table in metadata.sorted_tables
        }
