"""``python -m hw_templates.soc.bios_headers CONFIG.json FOLDER``: a SoC as LiteX's C headers.

A process of its own because LiteX changes folder and keeps global state. Writes what LiteX's own
builder would write into ``include/generated``, without anything that differs from build to build.
"""

import importlib.metadata
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from hw_templates.soc.config import SocConfig
from hw_templates.soc.generate import register_addresses

_HASH_SEED = "0"
_CONSTANTS = {
    "CONFIG_BIOS_NO_BUILD_TIME": None,  # the same sources give the same bytes
}
_ENABLES_EVENTS = "static inline void uart_ev_enable_write(uint32_t v) {\n"
_UNWANTED = ("CONFIG_CPU_HAS_ICACHE", "CONFIG_CPU_HAS_DCACHE")
"""Whether there are caches differs between designs. No code has been fetched from main memory
before the BIOS jumps there, and the data cache writes through: there is nothing to flush."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; 0 when the headers were written, 2 when the configuration is wrong."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m hw_templates.soc.bios_headers CONFIG.json FOLDER\n")
        return 2
    if os.environ.get("PYTHONHASHSEED") != _HASH_SEED:
        # As for the SoC itself: registers must get the same addresses.
        command = [sys.executable, "-m", "hw_templates.soc.bios_headers", *arguments]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": _HASH_SEED})
    logging.disable(logging.WARNING)  # LiteX reports every region and bus it adds
    folder = Path(arguments[1]).absolute()
    try:
        config = SocConfig.from_json(Path(arguments[0]).read_text(encoding="utf-8"))
        soc = _finished_soc(config)
        tuning_word = None
        if config.dynamic_baud:
            address = register_addresses(soc, "uart_phy")["tuning_word"]
            tuning_word = address, config.tuning_word
        for name, text in header_texts(soc, tuning_word=tuning_word).items():
            (folder / name).write_text(text, encoding="utf-8")
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def header_texts(soc: Any, *, tuning_word: tuple[int, int] | None) -> dict[str, str]:
    """Return the headers of a finished SoC by their names.

    Args:
        soc: LiteX's.
        tuning_word: Address of the serial port's divider and its value, None where it is fixed.
    """
    from litex.soc.integration import export

    constants = {
        name: value
        for name, value in {**soc.constants, **_CONSTANTS}.items()
        if name not in _UNWANTED
    }
    registers = export.get_csr_header(
        regions=soc.csr_regions,
        constants=constants,
        csr_base=soc.mem_regions["csr"].origin,
        with_access_functions=True,
        with_fields_access_functions=False,
    )
    texts = {
        "output_format.ld": export.get_linker_output_format(soc.cpu),
        "regions.ld": export.get_linker_regions(soc.mem_regions),
        "mem.h": export.get_mem_header(soc.mem_regions),
        "soc.h": export.get_soc_header(constants),
        "csr.h": registers if tuning_word is None else _with_tuning_word(registers, *tuning_word),
        # LiteX would ask git, and find the revision of whatever project it is installed in.
        "git.h": f'#define LITEX_GIT_SHA1 "{importlib.metadata.version("litex")}"\n',
    }
    if hasattr(soc, "sdram"):
        from litedram.init import get_sdram_phy_c_header

        settings = soc.sdram.controller.settings
        texts["sdram_phy.h"] = get_sdram_phy_c_header(settings.phy, settings.timing, settings.geom)
    return texts


def _with_tuning_word(registers: str, address: int, value: int) -> str:
    """Return ``csr.h`` with which the BIOS sets the serial port's speed before it speaks.

    LiteX's BIOS has no place for that. The only one who enables the port's events is its
    ``uart_init``, which runs before the first byte is sent.
    """
    opened, found, rest = registers.partition(_ENABLES_EVENTS)
    if not found:
        raise ConfigError(
            f"LiteX's csr.h has no {_ENABLES_EVENTS.split('(')[0].split()[-1]}",
            fix="check the version of litex: make setup",
        )
    return f"{opened}{found}\tcsr_write_simple({value}UL, {address}UL);\n{rest}"


def _finished_soc(config: SocConfig) -> Any:
    if not config.rom_bytes:
        raise ConfigError(
            "a BIOS needs a ROM, and this SoC has none", fix="set rom_bytes to at least 32768"
        )
    if config.flavour == "simulation":
        from hw_templates.soc.simulated import SimulatedSoc

        soc = SimulatedSoc(config)
        soc.platform_for_verilog.get_verilog(soc, name="soc", regular_comb=False)
        return soc
    from hw_templates.soc.synthesised import synthesised_files

    return synthesised_files(config)[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
