"""``python -m hw_templates.soc.generate CONFIG.json OUTDIR``: write a SoC.

A process of its own because LiteX changes folder and keeps global state. Writes ``soc.v`` (the
CPU and the CFU as instances of modules ``VexRiscv`` and ``Cfu``), ``soc.json`` (addresses and
memories) and, for synthesis, ``soc.lpf`` and ``soc_rom.init``. The same configuration gives the
same bytes.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from hw_templates.soc.config import SocConfig

_HASH_SEED = "0"
_TREE = re.compile(r"//-+\n// Hierarchy\n//-+\n\n/\*.*?\*/\n+", re.DOTALL)


def main(arguments: Sequence[str]) -> int:
    """Run the command; 0 when the SoC was written, 2 when the configuration is wrong."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m hw_templates.soc.generate CONFIG.json OUTDIR\n")
        return 2
    if os.environ.get("PYTHONHASHSEED") != _HASH_SEED:
        # LiteX walks over sets of names; their order, and with it the Verilog, follows this seed.
        command = [sys.executable, "-m", "hw_templates.soc.generate", *arguments]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": _HASH_SEED})
    logging.disable(logging.WARNING)  # LiteX reports every region and bus it adds
    try:
        config = SocConfig.from_json(Path(arguments[0]).read_text(encoding="utf-8"))
        generate(config, Path(arguments[1]))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def generate(config: SocConfig, out: Path) -> None:
    """Write the files of one SoC into the existing folder ``out``."""
    # Imported here: an import of LiteX costs half a second and starts its global state.
    if config.flavour == "simulation":
        from hw_templates.soc.simulated import SimulatedSoc

        simulated = SimulatedSoc(config)
        verilog = simulated.platform_for_verilog.get_verilog(
            simulated, name="soc", regular_comb=False
        )
        files = {"soc.v": strip_variable_parts(verilog.main_source)}
        description = {**describe(simulated, config), "images": _images(simulated.images)}
    else:
        from hw_templates.soc.synthesised import sdram_start, synthesised_files

        soc, device, constraints, files = synthesised_files(config)
        description = {
            **describe(soc, config),
            "device": device,
            "files": {
                "verilog": ["soc.v"],
                "black_boxes": ["VexRiscv", *(["Cfu"] if config.with_cfu else [])],
                "memories": sorted(name for name in files if name.endswith(".init")),
                "constraints": constraints,
            },
        }
        if config.dynamic_baud:
            description["uart_tuning_word"] = register_addresses(soc, "uart_phy")["tuning_word"]
        if config.memory == "sdram":
            description["sdram"] = {
                "registers": register_addresses(soc, "sdram"),
                "start": sdram_start(soc),
            }
    files["soc.json"] = json.dumps(description, indent=2, sort_keys=True) + "\n"
    for name, text in files.items():
        (out / name).write_text(
            strip_variable_parts(text) if name == "soc.v" else text, encoding="utf-8"
        )


def strip_variable_parts(verilog: str) -> str:
    """Cut what differs from run to run: date, LiteX's revision, and the tree of modules.

    Banner and trailer have the date; the tree, a comment, lists instances in any order.
    """
    start = verilog.index("`timescale")
    end = verilog.rindex("endmodule") + len("endmodule")
    return _TREE.sub("", verilog[start:end], count=1) + "\n"


def describe(soc: Any, config: SocConfig) -> dict[str, Any]:
    """Return what the firmware and the runners need to know of a finished SoC."""
    wanted = ("rxtx", "txfull", "rxempty", "ev_status", "ev_pending", "ev_enable")
    uart = register_addresses(soc, "uart")
    return {
        "clock_hz": config.clock_hz,
        "uart": {name: uart[name] for name in wanted},
        "memory": {
            name: {"origin": region.origin, "size_bytes": region.size}
            for name, region in soc.bus.regions.items()
            if name in ("rom", "sram", "main_ram")
        },
        "reset_address": soc.cpu.reset_address,
        "with_cfu": config.with_cfu,
    }


def register_addresses(soc: Any, peripheral: str) -> dict[str, int]:
    """Return the address of each register of a peripheral of a finished SoC."""
    region = soc.csr.regions[peripheral]
    addresses = {}
    offset = 0
    for register in region.obj:
        addresses[str(register.name)] = region.origin + offset
        offset += 4 * -(-register.size // 32)
    return addresses


def _images(images: Any) -> dict[str, Any]:
    return {
        "files": list(images.files),
        "word_bytes": images.word_bytes,
        "chunk_words": images.chunk_words,
        "fill_words": images.fill_words,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
