"""Two trials of a study beside each other: what differs in the design, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.measurement import LayerProfile
from contracts.parameter import Value
from dse.results.study_results import Wanted, study_columns
from dse.results.trial import OpenedTrial, open_trial
from dse.store import Reader

NOISE_OF_LAYER, NOISE_OF_ALL = 0.01, 0.001
"""A layer whose time differs by less than 1 % of its own, or by less than 0.1 % of the inference's,
has not become faster or slower by the design: caches hold other lines after another link order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A value of both trials; None where one has none.

    Attributes:
        name: Of the metric or the layer.
        before: Of the first trial, in the metric's unit; of a layer microseconds.
        after: Of the second.
        is_estimate: Whether either rests on a clock or cells that are only expected.
        is_noise: Whether the difference says nothing about the designs.
        cycles: Of a layer in both trials; None of a metric.
    """

    name: str
    before: float | None
    after: float | None
    is_estimate: bool = False
    is_noise: bool = False
    cycles: tuple[int | None, int | None] | None = None

    @property
    def difference(self) -> float:
        """The second less the first; one that is absent counts as nothing."""
        return (self.after or 0.0) - (self.before or 0.0)

    @property
    def factor(self) -> float | None:
        """The second over the first; None where that says nothing."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after / self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two trials of a study.

    Attributes:
        study: Its name.
        trials: The first and the second, with designs and states.
        parameters: Name to both values where they differ; None where a design has none.
        common: Parameters that are equal in both.
        metrics: Objectives first.
        layers: The largest difference first; noise last.
        maximise: Metrics that are better when they are larger.
    """

    study: str
    trials: tuple[OpenedTrial, OpenedTrial]
    parameters: Mapping[str, tuple[Value | None, Value | None]]
    common: Mapping[str, Value]
    metrics: tuple[Compared, ...]
    layers: tuple[Compared, ...]
    maximise: tuple[str, ...]


def compare_trials(reader: Reader, study: str, first: int, second: int) -> Comparison:
    """Put two trials of a study beside each other.

    Latencies and cells of trials that are not placed are what placed ones let expect, as in the
    front of the study.

    Raises:
        NotFound: There is no such study or trial.
        StoreError: The database cannot be used.
    """
    trials = (open_trial(reader, study, first), open_trial(reader, study, second))
    columns = study_columns(reader, study, Wanted(records=False, designs=False, attempts="none"))
    expected = []
    for opened in trials:
        position = columns.index_of(opened.trial.number)
        assert position is not None, "it was read a moment ago"
        expected.append(columns.measured(position))
    designs = [opened.trial.design for opened in trials]
    names = sorted(designs[0].keys() | designs[1].keys())
    pairs = {name: (designs[0].get(name), designs[1].get(name)) for name in names}
    config = trials[1].config
    shown = config.shown_metrics(sorted(expected[0][0].keys() | expected[1][0].keys()))
    return Comparison(
        study=study,
        trials=trials,
        parameters={name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
        common={name: b for name, (a, b) in pairs.items() if a == b and b is not None},
        metrics=tuple(
            Compared(
                name=name,
                before=expected[0][0].get(name),
                after=expected[1][0].get(name),
                is_estimate=any(name in estimates for _, estimates in expected),
            )
            for name in shown
            if any(name in values for values, _ in expected)
        ),
        layers=compared_layers(
            [opened.detail.measurement.layers for opened in trials],
            [
                _clock_mhz(values, opened)
                for (values, _), opened in zip(expected, trials, strict=True)
            ],
        ),
        maximise=tuple(config.maximise),
    )


def compared_layers(
    profiles: "list[tuple[LayerProfile, ...]]", clocks_mhz: list[float]
) -> tuple[Compared, ...]:
    """Return the layers of two profiles, the largest difference in time first and noise last.

    Args:
        profiles: Of the first and the second trial; layers of a name are the same layer.
        clocks_mhz: Of both.
    """
    by_name = [{layer.name: layer for layer in profile} for profile in profiles]
    names = dict.fromkeys(layer.name for profile in profiles for layer in profile)
    totals_us = [
        sum(layer.cycles for layer in profile) / clock
        for profile, clock in zip(profiles, clocks_mhz, strict=True)
    ]
    found = []
    for name in names:
        cycles = tuple(layers[name].cycles if name in layers else None for layers in by_name)
        before, after = (
            None if count is None else count / clock
            for count, clock in zip(cycles, clocks_mhz, strict=True)
        )
        off_us = abs((after or 0.0) - (before or 0.0))
        in_both = before is not None and after is not None
        own_us = max(before or 0.0, after or 0.0)
        found.append(
            Compared(
                name=name,
                before=before,
                after=after,
                cycles=(cycles[0], cycles[1]),
                is_noise=in_both
                and (off_us < NOISE_OF_LAYER * own_us or off_us < NOISE_OF_ALL * max(totals_us)),
            )
        )
    return tuple(sorted(found, key=lambda layer: (layer.is_noise, -abs(layer.difference))))


def _clock_mhz(values: Mapping[str, float], opened: OpenedTrial) -> float:
    """Return the clock that a trial's latency is told at: settled, expected, or requested."""
    cycles, latency_us = values.get("cycles"), values.get("latency_us")
    if cycles and latency_us:
        return cycles / latency_us
    return opened.config.target.clock_hz / 1e6
