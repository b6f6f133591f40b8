"""What a SoC description accepts."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.faults import ConfigError
from hw_templates.soc.config import SocConfig

SIMULATED = SocConfig(with_cfu=True, clock_hz=75_000_000)
BOARD = SocConfig(
    flavour="synthesis",
    with_cfu=False,
    clock_hz=50_000_000,
    rom_bytes=16384,
    board="ulx3s",
    uart_baud=115200,
)


@pytest.mark.parametrize("config", [SIMULATED, BOARD])
def test_the_text_of_a_soc_reads_back(config: SocConfig) -> None:
    assert SocConfig.from_json(config.canonical_json()) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memory": "ddr3"}, "memory is 'ddr3'"),
        ({"flavour": "both"}, "flavour is 'both'"),
        ({"main_ram_bytes": 3 << 20}, "main_ram_bytes is 3145728"),
        (
            {"memory": "on-chip", "l2_bytes": 0, "main_ram_bytes": 163_842},
            "main_ram_bytes is 163842",
        ),
        ({"main_ram_bytes": 64 << 20}, "the MT48LC16M16 has 33554432"),
        ({"l2_bytes": 1000}, "l2_bytes is 1000"),
        ({"memory": "on-chip", "main_ram_bytes": 1 << 20}, "needs no level-2 cache"),
        ({"sram_bytes": 0}, "sram_bytes is 0"),
        ({"clock_hz": 150_000_000}, "goes up to 133000000"),
        ({"clock_hz": 0}, "outside 1000000..400000000"),
        ({"uart_baud": 115_200}, "belong to the synthesis flavour"),
        ({"flavour": "synthesis"}, "rom_bytes is 0"),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_fix(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        replace(SIMULATED, **change)
    assert "fix:" in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", '{"colour": 1}', '{"with_cfu": true}'])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a SoC description"):
        SocConfig.from_json(text)
