"""What the profile of a trial's layers says: time, throughput, and how far it is from the most.

The most is a roofline: a layer does not multiply faster than the design's multipliers, and not
faster than the main memory can move its inputs, weights and outputs, each byte once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.faults import ConfigError
from contracts.measurement import LayerProfile, Measurement
from contracts.parameter import Value
from dse.words import number_text
from hw_templates import cpu
from hw_templates.cfu import BUILT_IN
from runners.job import Target
from runners.measuring.metrics import PEAK_MACS_PER_CYCLE
from runners.stages.socs import simulated_soc


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """What no layer of a design can exceed.

    Attributes:
        macs_per_cycle: Multiply-accumulates of the CFU, or of the core where it does more.
        bytes_per_cycle: What the target's main memory moves.
    """

    macs_per_cycle: float
    bytes_per_cycle: float

    def most_macs_per_cycle(self, layer: LayerProfile) -> float:
        """Return what this layer could reach; 0 for one that does not multiply."""
        moved_bytes = layer.bytes_in + layer.bytes_out
        if not moved_bytes:
            return self.macs_per_cycle
        return min(self.macs_per_cycle, layer.macs * self.bytes_per_cycle / moved_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFigures:
    """One layer's figures; None where it has no multiply-accumulates or was not counted.

    Attributes:
        time_us: At the trial's clock.
        macs_per_us: Multiply-accumulates in a microsecond.
        macs_per_cycle: The same in a cycle.
        roofline_share: Of what the roofline lets it reach; None also without a roofline.
    """

    time_us: float
    macs_per_us: float | None
    macs_per_cycle: float | None
    roofline_share: float | None


def clock_mhz(measurement: Measurement, target: Target) -> float:
    """Return the clock that layer times are computed at: the trial's own, else the requested."""
    own = (metric.value for metric in measurement.metrics if metric.name == "clock_mhz")
    return next(own, target.clock_hz / 1e6)


def roofline_of(
    measurement: Measurement, design: Mapping[str, Value], target: Target
) -> Roofline | None:
    """Return the roofline of a measured design. No code of a study is loaded.

    Returns:
        None where no peak is known: the CFU is of a family of the study's own that did not say it
        when it was measured, or there is neither a CFU nor a multiplier; or the board of the study
        is gone.
    """
    peak = _macs_per_cycle(measurement, design)
    if peak is None:
        return None
    try:
        soc = simulated_soc(target, with_cfu=False)
    except ConfigError:  # an old database with a board or a memory that there is no more
        return None
    return Roofline(macs_per_cycle=peak, bytes_per_cycle=soc.memory_bytes_per_cycle)


def roofline_text(roofline: Roofline | None) -> str:
    """Say what shares of the roofline are shares of."""
    if roofline is None:
        return "no roofline: nobody has said how many MAC a cycle this design can do"
    return (
        f"roofline: {number_text(roofline.macs_per_cycle)} MAC/cycle, or what"
        f" {number_text(roofline.bytes_per_cycle)} bytes/cycle of memory let a layer do"
    )


def layer_figures(
    measurement: Measurement, design: Mapping[str, Value], target: Target
) -> tuple[LayerFigures, ...]:
    """Return the figures of each layer of a measurement, in the same order."""
    roofline = roofline_of(measurement, design, target)
    clock = clock_mhz(measurement, target)
    return tuple(_figures(layer, roofline, clock) for layer in measurement.layers)


def _figures(layer: LayerProfile, roofline: Roofline | None, clock: float) -> LayerFigures:
    time_us = layer.cycles / clock
    if not layer.macs or not layer.cycles:
        return LayerFigures(
            time_us=time_us, macs_per_us=None, macs_per_cycle=None, roofline_share=None
        )
    rate = layer.macs / layer.cycles
    return LayerFigures(
        time_us=time_us,
        macs_per_us=rate * clock,
        macs_per_cycle=rate,
        roofline_share=None if roofline is None else rate / roofline.most_macs_per_cycle(layer),
    )


def _macs_per_cycle(measurement: Measurement, design: Mapping[str, Value]) -> float | None:
    of_core = cpu.MACS_PER_CYCLE.get(str(design.get("multiplier")))
    family_name = str(design.get("cfu", "none"))
    if family_name == "none":
        return of_core
    for metric in measurement.metrics:
        if metric.name == PEAK_MACS_PER_CYCLE.name:
            return max(metric.value, of_core or 0.0)
    family = BUILT_IN.get(family_name)
    if family is None or family.macs_per_cycle is None:
        return None
    if not any(p.name in design for p in family.parameters):
        return None  # a design of another family of this name
    # what a design of an older version of the family does not say is as it was then: the default
    values = {p.name: design.get(p.name, p.default) for p in family.parameters}
    return max(family.macs_per_cycle(values), of_core or 0.0)
