"""What a trial brings back: metrics with unit and fidelity, a profile, and an outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from contracts.faults import DseError, Fault, Then


class Fidelity(StrEnum):
    """How a number was obtained, from the cheapest to the truest."""

    SIMULATED = "simulated"
    SYNTHESISED = "synthesised"
    PLACED = "placed"
    BOARD = "board"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number with its unit and the fidelity it was obtained at.

    Attributes:
        name: For example ``latency_us``, ``cycles``, ``lut4``, ``mult18x18d``.
        value: The number; finite.
        unit: For example ``us``, ``cycles``, ``cells``.
        fidelity: How it was obtained.
        estimate: True while the clock behind it is only requested or predicted.
    """

    name: str
    value: float
    unit: str
    fidelity: Fidelity
    estimate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerProfile:
    """One layer of one inference as the firmware counted it.

    Attributes:
        index: Position in execution order, from 0.
        name: Operator and index, for example ``conv2d_3``.
        operator: TFLite's name of the operator, for example ``CONV_2D``.
        output_shape: Shape of the first output, batch first.
        macs: Multiply-accumulates by the operator's definition.
        cycles: CPU cycles from the call to its return.
        bytes_in: Bytes of activations and constants read by definition.
        bytes_out: Bytes of the output tensor.
        bytes_scratch: Bytes of scratch memory used by the kernel.
    """

    index: int
    name: str
    operator: str
    output_shape: tuple[int, ...]
    macs: int
    cycles: int
    bytes_in: int
    bytes_out: int
    bytes_scratch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """What one stage of one attempt cost.

    Attributes:
        stage: Name of the stage.
        wall_s: Seconds by the clock, waiting for another builder included.
        cpu_s: CPU-seconds of the programs that ran for it; 0 from the cache.
        cached: True when the artefact was there already.
    """

    stage: str
    wall_s: float
    cpu_s: float
    cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDomain:
    """One clock of a routed design.

    Attributes:
        name: As the tool calls its net.
        clock_mhz: What the router was asked for; 0 where it was told nothing.
        fmax_mhz: What it reaches.
    """

    name: str
    clock_mhz: float
    fmax_mhz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """One step of a critical path.

    Attributes:
        kind: ``clk-to-q``, ``routing``, ``logic`` or ``setup``.
        delay_ns: What it adds to the path.
        source: Cell that the step starts at.
        sink: Cell that it ends at.
        net: Net of a ``routing`` step, else empty.
    """

    kind: str
    delay_ns: float
    source: str
    sink: str
    net: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One run of place and route.

    Attributes:
        seed: Of the placer.
        clock_hz: System clock that the PLL makes: the highest one that this route meets, where
            the PLL is set after routing, else the one that was asked for.
        fmax_mhz: What the system clock's domain reaches, as the router tells it.
        is_met: Every domain is strictly faster than its clock when the PLL makes ``clock_hz``.
        domains: All clocks, the system clock first, as the router was asked for them.
        critical_path: Of the slowest domain against its clock, from clock edge to clock edge.
    """

    seed: int
    clock_hz: int
    fmax_mhz: float
    is_met: bool
    domains: tuple[ClockDomain, ...]
    critical_path: tuple[PathStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Everything that one finished attempt brings back.

    Attributes:
        metrics: Each name once.
        layers: Profile of the last inference, in execution order.
        placements: Runs of place and route in the order tried; the last one is what counts.
        stage_times: In the order in which the stages ended.
        artefacts: Stage name to the key of its artefact in the cache.
        tools: Program or package name to its version.
    """

    metrics: tuple[Metric, ...]
    layers: tuple[LayerProfile, ...] = ()
    placements: tuple[Placement, ...] = ()
    stage_times: tuple[StageTime, ...] = ()
    artefacts: Mapping[str, str] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> float:
        """Return the value of metric ``name``.

        Raises:
            KeyError: There is no such metric.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric.value
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The design was measured and its answers are bit-exact."""

    measurement: Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Infeasible:
    """The design is at fault. ``measurement`` holds what was learnt before that."""

    fault: Fault
    measurement: Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The infrastructure is at fault. ``measurement`` holds stage times and artefacts so far."""

    fault: Fault
    measurement: Measurement


Outcome = Completed | Infeasible | Failed


def outcome_of(error: DseError, measurement: Measurement) -> Infeasible | Failed:
    """Turn a fault into the outcome that its kind prescribes."""
    kind_of_outcome = Infeasible if error.then is Then.INFEASIBLE else Failed
    return kind_of_outcome(fault=error.fault, measurement=measurement)
