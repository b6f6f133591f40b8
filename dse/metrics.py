"""The metrics that trials bring back, and the fidelity from which on each is known."""

from contracts.measurement import Fidelity

KNOWN_FROM: dict[str, Fidelity] = {
    "latency_us": Fidelity.SIMULATED,
    "cycles": Fidelity.SIMULATED,
    "lut4": Fidelity.SYNTHESISED,
    "ff": Fidelity.SYNTHESISED,
    "dp16kd": Fidelity.SYNTHESISED,
    "mult18x18d": Fidelity.SYNTHESISED,
    "clock_mhz": Fidelity.PLACED,
    "requested_clock_mhz": Fidelity.PLACED,
    "fmax_mhz": Fidelity.PLACED,
    "place_seed": Fidelity.PLACED,
}
"""Metric to the cheapest fidelity that measures it."""

_ORDER = tuple(Fidelity)


def measured_by(fidelity: Fidelity) -> tuple[str, ...]:
    """Return the metrics that a trial of this fidelity has."""
    reached = _ORDER.index(fidelity)
    return tuple(name for name, since in KNOWN_FROM.items() if _ORDER.index(since) <= reached)
