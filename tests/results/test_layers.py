"""Time, throughput and share of the roofline of each layer."""

from dataclasses import replace

import pytest

from contracts.measurement import Fidelity, LayerProfile, Measurement, Metric
from contracts.parameter import Value
from dse.dashboard.web.serve import example_database
from dse.output.trial_report import show_data, show_text
from dse.results.layers import layer_figures, roofline_of, roofline_text
from dse.results.trial import open_trial
from dse.store import Reader
from hw_templates import cpu
from hw_templates.cfu import BUILT_IN
from runners.job import Memory, Target
from runners.measuring.metrics import PEAK_MACS_PER_CYCLE

SDRAM = Target(name="ulx3s_85f", part="LFE5U-85F", clock_hz=50_000_000)
ON_CHIP = replace(SDRAM, memory=Memory(kind="on-chip", size_bytes=262144, l2_bytes=0))
WIDE_SDRAM = replace(
    SDRAM, board="colorlight_i5", part="LFE5U-25F", memory=Memory(size_bytes=8 << 20)
)
PLAIN: dict[str, Value] = {"multiplier": "pipelined", "cfu": "none"}
SIMD: dict[str, Value] = {
    "multiplier": "pipelined",
    "cfu": "simd",
    "simd_width": 16,
    "buffer_depth": 1024,
    "hardware_requantisation": True,
}  # fmt: skip


def layer(*, macs: int, cycles: int, moved_bytes: int) -> LayerProfile:
    return LayerProfile(
        index=0,
        name="conv2d_0",
        operator="CONV_2D",
        output_shape=(1, 8),
        macs=macs,
        cycles=cycles,
        bytes_in=moved_bytes - 8,
        bytes_out=8,
        bytes_scratch=1000,
    )


def measured(*layers: LayerProfile, clock_mhz: float | None = None) -> Measurement:
    metrics = (Metric(name="cycles", value=1, unit="cycles", fidelity=Fidelity.SIMULATED),)
    if clock_mhz is not None:
        metrics += (
            Metric(name="clock_mhz", value=clock_mhz, unit="MHz", fidelity=Fidelity.PLACED),
        )
    return Measurement(metrics=metrics, layers=layers)


def test_a_layer_that_reuses_its_bytes_is_limited_by_the_multipliers() -> None:
    (figure,) = layer_figures(
        measured(layer(macs=16_000, cycles=2_000, moved_bytes=1_000)), SIMD, SDRAM
    )
    assert figure.macs_per_cycle == 8.0
    assert figure.macs_per_us == 400.0
    assert figure.time_us == 40.0
    assert figure.roofline_share == 0.5, "8 of 16"


def test_a_layer_that_uses_each_byte_once_is_limited_by_the_memory() -> None:
    once = measured(layer(macs=1_000, cycles=1_000, moved_bytes=1_000))
    shares = [
        layer_figures(once, SIMD, target)[0].roofline_share
        for target in (SDRAM, WIDE_SDRAM, ON_CHIP)
    ]
    assert shares == [0.5, 0.25, 0.25], "16 pins move 2 bytes a cycle; the bus no more than 4"


def test_times_are_at_the_clock_that_the_trial_settled_on() -> None:
    one = layer(macs=100, cycles=1_000, moved_bytes=10)
    assert layer_figures(measured(one, clock_mhz=40.0), SIMD, SDRAM)[0].time_us == 25.0
    assert layer_figures(measured(one), SIMD, SDRAM)[0].time_us == 20.0


def test_a_layer_that_does_not_multiply_has_a_time_and_nothing_else() -> None:
    (figure,) = layer_figures(measured(layer(macs=0, cycles=500, moved_bytes=64)), SIMD, SDRAM)
    assert figure.time_us == 10.0
    assert (figure.macs_per_us, figure.macs_per_cycle, figure.roofline_share) == (None, None, None)


def test_a_layer_without_cycles_divides_by_nothing() -> None:
    (figure,) = layer_figures(measured(layer(macs=5, cycles=0, moved_bytes=64)), SIMD, SDRAM)
    assert figure.time_us == 0.0
    assert figure.macs_per_us is None


@pytest.mark.parametrize(
    ("design", "peak"),
    [
        (PLAIN, 0.5),
        (PLAIN | {"multiplier": "iterative"}, 1 / 34),
        (SIMD, 16.0),
        (SIMD | {"multiplier": "none"}, 16.0),
        (PLAIN | {"multiplier": "none"}, None),
        (PLAIN | {"cfu": "somebody-elses"}, None),
        ({"cfu": "simd", "lanes": 4}, None),
        ({}, None),
    ],
)
def test_the_peak_is_the_cfus_or_else_the_cores(
    design: dict[str, Value], peak: float | None
) -> None:
    roofline = roofline_of(measured(), design, SDRAM)
    assert (None if roofline is None else roofline.macs_per_cycle) == peak
    if roofline is None:
        assert roofline_text(roofline).startswith("no roofline")


def test_what_a_family_of_ones_own_said_of_itself_makes_its_roofline() -> None:
    """Stored when the trial was measured: no code of the study is loaded to show it."""
    once = measured(layer(macs=16_000, cycles=4_000, moved_bytes=1_000))
    said = PEAK_MACS_PER_CYCLE.measured(8)
    own = replace(once, metrics=(*once.metrics, said))
    design: dict[str, Value] = {"multiplier": "pipelined", "cfu": "dotter", "lanes": 8}
    (figure,) = layer_figures(own, design, SDRAM)
    assert figure.roofline_share == 0.5
    assert roofline_text(roofline_of(own, design, SDRAM)).startswith("roofline: 8 MAC/cycle")
    assert layer_figures(once, design, SDRAM)[0].roofline_share is None


def test_a_board_that_is_gone_takes_the_roofline_and_not_the_trial() -> None:
    gone = replace(SDRAM, board="of-last-year")
    (figure,) = layer_figures(measured(layer(macs=9, cycles=9, moved_bytes=9)), SIMD, gone)
    assert figure.macs_per_cycle == 1.0
    assert figure.roofline_share is None


def test_every_multiplier_and_every_built_in_cfu_has_a_peak() -> None:
    (multiplier,) = (p for p in cpu.PARAMETERS if p.name == "multiplier")
    assert set(cpu.MACS_PER_CYCLE) == set(multiplier.values)
    assert all(family.macs_per_cycle for name, family in BUILT_IN.items() if name != "none")


def test_no_layer_that_was_ever_measured_is_above_its_roofline() -> None:
    shares = []
    with example_database() as database, Reader(database) as reader:
        for study, numbers in (("imgc", (1, 2, 13, 31, 47)), ("imgc-placed", (1, 2))):
            for number in numbers:
                opened = open_trial(reader, study, number)
                data = show_data(opened.detail, opened.config.target)
                shares += [each["roofline_share"] for each in data["layers"] if each["macs"]]
                assert all(e["roofline_share"] is None for e in data["layers"] if not e["macs"])
    assert len(shares) >= 50
    assert 0.5 < max(shares) <= 1.0


def test_show_prints_a_dash_for_layers_without_macs_and_says_what_the_share_is_of() -> None:
    with example_database() as database, Reader(database) as reader:
        opened = open_trial(reader, "imgc", 47)
    lines = show_text(opened.detail, opened.config.target).splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line.strip()}
    assert rows["layer"][4:8] == ["time", "MAC/us", "MAC/cycle", "roofline"]
    assert rows["conv2d_5"][4:9] == ["5.86", "ms", "402.82", "8.056", "50.4%"]
    assert rows["add_3"][4:9] == ["3.60", "ms", "-", "-", "-"]
    assert "roofline: 16 MAC/cycle, or what 2 bytes/cycle of memory let a layer do" in lines
