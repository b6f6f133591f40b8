"""All stages by name: which needs which, from a design to what is measured.

::

    cpu-generator ─► cpu ─┬──────────────► synthesise-cpu ─┐
    cfu ──────────────────┼──────────────► synthesise-cfu ─┼─► cost, fits the part?
    board-soc ────────────┼──────────────► synthesise-soc ─┘
    simulator-runtime ─┐  │
    soc ──┬────────────┴──┴─► simulator ─┐
          └─► firmware ──────────────────┼─► simulate ─► latency, bit-exact?
    golden ──────────────────────────────┘
    host-firmware ─► accuracy on the host
"""

from runners.firmware_stages import FIRMWARE_STAGES
from runners.golden import GOLDEN_STAGE
from runners.hardware_stages import HARDWARE_STAGES
from runners.pipeline import Stage
from runners.simulate_stage import SIMULATE_STAGE

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (*HARDWARE_STAGES, *FIRMWARE_STAGES, GOLDEN_STAGE, SIMULATE_STAGE)
}
