"""All stages by name: which needs which, from a design to what is measured.

The table is the flow; ``python -m runners.stages.flow`` prints it.
"""

from runners.job import Job
from runners.pipeline import Cache, Pipeline, Report, Stage, machine_of
from runners.stages.accuracy import ACCURACY_STAGE
from runners.stages.bios import BIOS_LIBRARIES_STAGE, BIOS_STAGE
from runners.stages.bitstream import BITSTREAM_STAGE
from runners.stages.cfu import CFU_STAGE
from runners.stages.cfu_check import CFU_CHECK_STAGE
from runners.stages.cfu_on_host import CFU_ON_HOST_STAGE
from runners.stages.cpu import CPU_GENERATOR_STAGE, CPU_STAGE
from runners.stages.firmware import FIRMWARE_STAGE, HOST_FIRMWARE_STAGE
from runners.stages.golden import GOLDEN_STAGE
from runners.stages.kernel_check import KERNEL_CHECK_STAGE
from runners.stages.place.stage import PLACE_STAGE
from runners.stages.simulate import SIMULATE_STAGE
from runners.stages.simulator import SIMULATOR_RUNTIME_STAGE, SIMULATOR_STAGE
from runners.stages.soc import BOARD_SOC_STAGE, SOC_STAGE
from runners.stages.synthesis import SYNTHESIS_STAGES

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        CPU_GENERATOR_STAGE,
        CPU_STAGE,
        CFU_STAGE,
        SOC_STAGE,
        SIMULATOR_RUNTIME_STAGE,
        SIMULATOR_STAGE,
        FIRMWARE_STAGE,
        HOST_FIRMWARE_STAGE,
        GOLDEN_STAGE,
        KERNEL_CHECK_STAGE,
        CFU_ON_HOST_STAGE,
        CFU_CHECK_STAGE,
        SIMULATE_STAGE,
        ACCURACY_STAGE,
        BOARD_SOC_STAGE,
        *SYNTHESIS_STAGES,
        PLACE_STAGE,
        BIOS_LIBRARIES_STAGE,
        BIOS_STAGE,
        BITSTREAM_STAGE,
    )
}


def pipeline_of(job: Job, *, cache: Cache, report: Report) -> Pipeline:
    """Return the walk over all stages of a job, each built with its share of this machine."""
    return Pipeline(job, stages=STAGES, cache=cache, report=report, machine=machine_of(job))
