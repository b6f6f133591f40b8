"""All stages by name: which needs which, from a design to what is measured.

::

    cpu-generator ─► cpu ─┬──────────────► synthesise-cpu ─┐  cost, fits the part?
    cfu ──────────────────┼──────────────► synthesise-cfu ─┼─► place-and-route ─► clock met?
    board-soc ────────────┼──────────────► synthesise-soc ─┘         └─► bitstream
    simulator-runtime ─┐  │
    soc ──┬────────────┴──┴─► simulator ─┐
          └─► firmware ──────────────────┼─► simulate ─► latency, bit-exact?
    golden ──────────────────────────────┘
    host-firmware ─► accuracy on the host
    bios-libraries ─► bios ─► bitstream
"""

from hw_templates.cfu import register_module
from runners.bios import BIOS_STAGES
from runners.bitstream import BITSTREAM_STAGE
from runners.cache import Cache
from runners.firmware_stages import FIRMWARE_STAGES
from runners.golden import GOLDEN_STAGE
from runners.hardware_stages import HARDWARE_STAGES
from runners.job import Job
from runners.pipeline import Pipeline, Report, Stage
from runners.place import PLACE_STAGE
from runners.simulate_stage import SIMULATE_STAGE

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        *HARDWARE_STAGES,
        *FIRMWARE_STAGES,
        *BIOS_STAGES,
        GOLDEN_STAGE,
        SIMULATE_STAGE,
        PLACE_STAGE,
        BITSTREAM_STAGE,
    )
}


def pipeline_of(job: Job, *, cache: Cache, report: Report) -> Pipeline:
    """Return the walk over all stages of a job, whose own CFU families are registered here.

    Raises:
        ConfigError: A module of a family cannot be imported.
    """
    for module in job.families:
        register_module(module)
    return Pipeline(job, stages=STAGES, cache=cache, report=report)
