"""An SDRAM that is right for a range of clocks. Needs LiteDRAM; see ``generate``."""

from typing import Any

from hw_templates.soc.config import SocConfig


def module_for(config: SocConfig, chip: type[Any]) -> Any:
    """Return LiteDRAM's module of a chip, whose waits in cycles hold at every clock of a SoC.

    A wait must not be too short at the fastest clock, the time between two refreshes not too long
    at the slowest.

    Args:
        config: Tells the clocks.
        chip: Class of ``litedram.modules``, or one derived from it.
    """
    lowest_hz, highest_hz = config.clocks_hz
    module = chip(highest_hz, "1:1")
    module.timing_settings.tREFI = chip(lowest_hz, "1:1").timing_settings.tREFI
    return module
