"""What a trial measures: each metric defined once, and the table of them all.

``measure`` and ``on_board``, beside this, make their values with these definitions; what an FPGA is
made of is defined by the families in ``runners/fpga``. Nothing here builds or imports a builder, so
configs and pages may look at it.
"""

from collections.abc import Iterable, Mapping, Sequence

from contracts.faults import ConfigError
from contracts.measurement import Fidelity
from contracts.metric import MetricDefinition
from runners import fpga
from runners.measuring.reader import load_reader

CYCLES = MetricDefinition(
    name="cycles",
    unit="cycles",
    description="CPU cycles of one inference, as the firmware counts them",
    since=Fidelity.SIMULATED,
    better="lower",
)
LATENCY_US = MetricDefinition(
    name="latency_us",
    unit="us",
    description="`cycles` by the system clock; an estimate until the design is placed",
    since=Fidelity.SIMULATED,
    better="lower",
)
ACCURACY_PERCENT = MetricDefinition(
    name="accuracy_percent",
    unit="%",
    description="labelled samples that the network classifies as labelled (top-1)",
    since=Fidelity.SIMULATED,
    better="higher",
)
AUC = MetricDefinition(
    name="auc",
    unit="",
    description="area under the ROC curve of the anomaly scores of labelled samples",
    since=Fidelity.SIMULATED,
    better="higher",
)
OF_SAMPLES = (ACCURACY_PERCENT, AUC)
"""What only a workload with labelled samples has: the one of the two that its task asks for."""
PEAK_MACS_PER_CYCLE = MetricDefinition(
    name="peak_macs_per_cycle",
    unit="",
    description="the most MAC that a CFU family of the study's own says its hardware does in a"
    " cycle; a property of the design and no objective",
    since=Fidelity.SIMULATED,
    better=None,
)
"""Only a family from a file of the study has it: what built-in families say is read from them."""
CLOCK_MHZ = MetricDefinition(
    name="clock_mhz",
    unit="MHz",
    description="the system clock that the bitstream makes and the routed design strictly meets",
    since=Fidelity.PLACED,
    better="higher",
)
REQUESTED_CLOCK_MHZ = MetricDefinition(
    name="requested_clock_mhz",
    unit="MHz",
    description="the clock that the router was asked for first: the top of"
    " `target.clock_range_mhz`, or the pinned one",
    since=Fidelity.PLACED,
    better=None,
)
FMAX_MHZ = MetricDefinition(
    name="fmax_mhz",
    unit="MHz",
    description="what the routed design reaches, by nextpnr's report",
    since=Fidelity.PLACED,
    better="higher",
)
PLACE_SEED = MetricDefinition(
    name="place_seed",
    unit="",
    description="seed of the placer, from 1 on",
    since=Fidelity.PLACED,
    better=None,
)
LATENCY_HALF_WIDTH_US = MetricDefinition(
    name="latency_half_width_us",
    unit="us",
    description="half the width of the 95 % confidence interval of `latency_us`",
    since=Fidelity.BOARD,
    better="lower",
)
INFERENCES = MetricDefinition(
    name="inferences",
    unit="",
    description="how many inferences were measured on the board",
    since=Fidelity.BOARD,
    better=None,
)

ENERGY_UJ = MetricDefinition(
    name="energy_uj",
    unit="uJ",
    description="what one inference takes out of the board's supply, by a meter in it",
    since=Fidelity.BOARD,
    better="lower",
)
ENERGY_HALF_WIDTH_UJ = MetricDefinition(
    name="energy_half_width_uj",
    unit="uJ",
    description="half the width of the 95 % confidence interval of `energy_uj`, the meter's error"
    " included",
    since=Fidelity.BOARD,
    better="lower",
)
OF_METERS = (ENERGY_UJ, ENERGY_HALF_WIDTH_UJ)
"""What only a board with a meter has."""


def by_name(definitions: Iterable[MetricDefinition]) -> dict[str, MetricDefinition]:
    """Return definitions by name, in their order.

    Raises:
        ConfigError: Two of them share a name and differ.
    """
    found: dict[str, MetricDefinition] = {}
    for each in definitions:
        if found.setdefault(each.name, each) != each:
            raise ConfigError(
                f"the metric {each.name!r} is defined twice, and the two differ",
                fix="give one of them another name",
            )
    return found


METRICS: Mapping[str, MetricDefinition] = by_name(
    (
        *(CYCLES, LATENCY_US),
        *OF_SAMPLES,
        PEAK_MACS_PER_CYCLE,
        *fpga.METRICS,
        *(CLOCK_MHZ, REQUESTED_CLOCK_MHZ, FMAX_MHZ, PLACE_SEED),
        *(LATENCY_HALF_WIDTH_US, INFERENCES),
        *OF_METERS,
    )
)
"""What this software measures, by name, the cheapest first."""


def metrics_with(files: Sequence[str]) -> dict[str, MetricDefinition]:
    """Return all metrics, those that a user's files define included.

    Raises:
        ConfigError: A file defines none, or one whose name is taken.
    """
    own = [metric for path in files for metric in load_reader(path).metrics]
    return by_name((*METRICS.values(), *own))


def measured_by(
    fidelity: Fidelity,
    *,
    part: str,
    definitions: Mapping[str, MetricDefinition],
    with_samples: bool = True,
) -> tuple[str, ...]:
    """Return the names of the metrics that a trial of this fidelity on this part has.

    Without ``PEAK_MACS_PER_CYCLE``, which depends on what a family says.

    Args:
        fidelity: How far the trial goes.
        part: Of the target.
        definitions: All metrics by name.
        with_samples: Whether the workload has labelled samples.
    """
    of_parts = {metric.name for metric in fpga.METRICS}
    here = {metric.name for metric in fpga.family_of_part(part).metrics}
    unknown = of_parts - here | {PEAK_MACS_PER_CYCLE.name}
    unknown |= set() if with_samples else {each.name for each in OF_SAMPLES}
    return tuple(
        name
        for name, metric in definitions.items()
        if metric.is_measured_at(fidelity) and name not in unknown
    )
