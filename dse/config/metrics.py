"""The metrics that trials bring back, and the fidelity from which on each is known."""

from contracts.measurement import Fidelity
from runners.fpga import PARTS

KNOWN_FROM: dict[str, Fidelity] = {
    "latency_us": Fidelity.SIMULATED,
    "cycles": Fidelity.SIMULATED,
    "lut4": Fidelity.SYNTHESISED,
    "ff": Fidelity.SYNTHESISED,
    "dp16kd": Fidelity.SYNTHESISED,
    "mult18x18d": Fidelity.SYNTHESISED,
    "ebr": Fidelity.SYNTHESISED,
    "lram": Fidelity.SYNTHESISED,
    "mult18": Fidelity.SYNTHESISED,
    "bsram": Fidelity.SYNTHESISED,
    "mult18x18": Fidelity.SYNTHESISED,
    "mult9x9": Fidelity.SYNTHESISED,
    "spram": Fidelity.SYNTHESISED,
    "mac16": Fidelity.SYNTHESISED,
    "clock_mhz": Fidelity.PLACED,
    "requested_clock_mhz": Fidelity.PLACED,
    "fmax_mhz": Fidelity.PLACED,
    "place_seed": Fidelity.PLACED,
    "latency_half_width_us": Fidelity.BOARD,
    "inferences": Fidelity.BOARD,
}
"""Metric to the cheapest fidelity that measures it."""

_ORDER = tuple(Fidelity)


def measured_by(fidelity: Fidelity, *, part: str) -> tuple[str, ...]:
    """Return the metrics that a trial of this fidelity on this part has."""
    reached = _ORDER.index(fidelity)
    other = {resource for held in PARTS.values() for resource in held} - PARTS[part].keys()
    return tuple(
        name
        for name, since in KNOWN_FROM.items()
        if _ORDER.index(since) <= reached and name not in other
    )
