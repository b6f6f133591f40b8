"""Metrics of a user's own: one Python file that defines them and reads them off a trial.

A config names such files under ``[metrics] files``; see docs/how-to/add-a-metric.md. They are run
where the study's trials are, and where its config is checked before the first of them.
"""

import importlib.util
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ConfigError
from contracts.measurement import Fidelity, LayerProfile, Metric
from contracts.metric import MetricDefinition
from runners.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What ``MetricReader.read`` is given: all that is known of a trial so far.

    Attributes:
        job: The design and its surroundings, at the settled clock once it is placed.
        metrics: What was measured so far, by name.
        layers: Profile of the last inference.
        folder: Returns the folder of a stage's artefact, building what is not there yet:
            ``folder("firmware") / "firmware.bin"``. Stages are listed in docs/reference/cache.md.
    """

    job: Job
    metrics: Mapping[str, Metric]
    layers: Sequence[LayerProfile]
    folder: Callable[[str], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReader:
    """Metrics, and the function that reads them off a trial.

    Attributes:
        metrics: What ``read`` returns values of.
        read: Called when a trial reaches the lowest ``since`` of them, and again at each higher
            fidelity, where its values replace the earlier ones.
    """

    metrics: tuple[MetricDefinition, ...]
    read: Callable[[Measured], Iterable[Metric]]


def load_reader(path: str) -> MetricReader:
    """Run a Python file and return the reader that it holds under the name ``READER``.

    Raises:
        ConfigError: The file cannot be run, or has no reader with a metric.
    """
    spec = importlib.util.spec_from_file_location(f"metrics_of_{Path(path).stem}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise ConfigError(
            f"there is no Python file {path} that defines metrics",
            fix="correct the path under [metrics] files of the config",
        )
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(
            f"{path}, which shall define metrics, ends with {type(error).__name__}: {error}",
            fix="run it with Python and correct it",
        ) from error
    reader = getattr(module, "READER", None)
    if not isinstance(reader, MetricReader) or not reader.metrics:
        raise ConfigError(
            f"{path} defines no metric: it has no MetricReader under the name READER",
            fix="see docs/how-to/add-a-metric.md: READER = MetricReader(metrics=(...), read=...)",
        )
    return reader


def read_metrics(
    readers: Sequence[MetricReader], measured: Measured, *, reached: Fidelity
) -> tuple[Metric, ...]:
    """Return the metrics that readers find in a trial that has reached a fidelity.

    A value that is infinite or not a number counts as not measured: the metric is left out.

    Raises:
        ConfigError: A reader returned a metric that it does not define.
    """
    found: list[Metric] = []
    for reader in readers:
        if not any(each.is_measured_at(reached) for each in reader.metrics):
            continue
        names = {each.name for each in reader.metrics}
        for metric in reader.read(measured):
            if metric.name not in names:
                raise ConfigError(
                    f"a reader of the metrics {', '.join(sorted(names))} returned {metric.name!r}",
                    fix="name it in the reader's `metrics`",
                )
            if math.isfinite(metric.value):
                found.append(metric)
    return tuple(found)
