"""The stages that generate a SoC with LiteX: one to simulate and one for the board."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hw_templates.soc.config import SocConfig
from hw_templates.soc.fpga_boards import board_file
from runners.job import Job
from runners.pipeline import ROOT, Building, Stage, source_digest
from runners.stages.design import cfu_clock_percent, has_cfu
from runners.stages.socs import board_soc, simulated_soc
from runners.tools import identities, run_tool


def _soc_of(flavour: Callable[..., SocConfig], job: Job) -> SocConfig:
    return flavour(job.target, with_cfu=has_cfu(job), cfu_clock_percent=cfu_clock_percent(job))


def _soc_inputs(config: SocConfig) -> Mapping[str, Any]:
    return {
        "config": config.canonical_json(),
        "board": source_digest(board_file(config.board)) if config.board else "",
        "tools": identities("litex", "litedram", "migen"),
    }


def _generate_soc(building: Building, config: SocConfig) -> float:
    (building.out / "config.json").write_text(config.canonical_json())
    return run_tool(
        [sys.executable, "-m", "hw_templates.soc.generate", "config.json", building.out],
        cwd=building.out,
        log=building.out / "litex.log",
        timeout_s=building.job.limits.stage_timeout_s,
        env={"PYTHONPATH": str(ROOT)},
    ).cpu_s


def read_soc(folder: Path) -> dict[str, Any]:
    """Return the description ``soc.json`` that the SoC generator wrote."""
    description: dict[str, Any] = json.loads((folder / "soc.json").read_text())
    return description


_CODE = (
    *(f"runners/stages/{name}.py" for name in ("soc", "socs")),
    "hw_templates/cfu/family.py",
    "hw_templates/soc",
)

SOC_STAGE = Stage(
    name="soc",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=(),
    inputs=lambda job: _soc_inputs(_soc_of(simulated_soc, job)),
    code=_CODE,
    build=lambda building: _generate_soc(building, _soc_of(simulated_soc, building.job)),
)
BOARD_SOC_STAGE = Stage(
    name="board-soc",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=(),
    inputs=lambda job: _soc_inputs(_soc_of(board_soc, job)),
    code=_CODE,
    build=lambda building: _generate_soc(building, _soc_of(board_soc, building.job)),
)
