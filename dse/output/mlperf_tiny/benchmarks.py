"""The benchmarks of MLPerf Tiny that classify or find anomalies.

Names, quality targets and sizes of the sample sets are those of the rules and of
``benchmark/evaluation/datasets`` in https://github.com/mlcommons/tiny (v1.3).
"""

from dataclasses import dataclass

from contracts.faults import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark.

    Attributes:
        name: What the firmware calls its network, and the runner its samples: ``ic01``.
        folder: What results are filed under: ``ic``.
        reference: What the reference implementation is called.
        metric: ``top-1`` or ``auc``.
        target: What the closed division asks for: percent, or the area.
        samples: How many there are.
    """

    name: str
    folder: str
    reference: str
    metric: str
    target: float
    samples: int


BENCHMARKS = {
    each.name: each
    for each in (
        Benchmark(
            name="ic01",
            folder="ic",
            reference="image_classification",
            metric="top-1",
            target=85.0,
            samples=200,
        ),
        Benchmark(
            name="kws01",
            folder="kws",
            reference="keyword_spotting",
            metric="top-1",
            target=90.0,
            samples=1000,
        ),
        Benchmark(
            name="vww01",
            folder="vww",
            reference="visual_wake_words",
            metric="top-1",
            target=80.0,
            samples=1000,
        ),
        Benchmark(
            name="ad01",
            folder="ad",
            reference="anomaly_detection",
            metric="auc",
            target=0.85,
            samples=248,
        ),
    )
}


def benchmark_named(name: str) -> Benchmark:
    """Return a benchmark.

    Raises:
        ConfigError: There is none of this name.
    """
    if name not in BENCHMARKS:
        raise ConfigError(
            f"MLPerf Tiny has no benchmark {name!r} that can be handed in here",
            fix=f"name one with --benchmark: {', '.join(BENCHMARKS)}",
        )
    return BENCHMARKS[name]
