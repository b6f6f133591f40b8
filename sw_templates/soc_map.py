"""What the firmware has to know of the SoC it runs on: addresses and the clock."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError

MIN_STACK_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A piece of memory."""

    origin: int
    size_bytes: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.origin + self.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SocMap:
    """Addresses of one SoC.

    Attributes:
        clock_hz: Cycles in a second, until whoever loads the firmware gives it others.
        uart_rxtx: LiteX's UART: data.
        uart_txfull: 1 while no byte can be sent.
        uart_rxempty: 1 while no byte has arrived.
        uart_ev_pending: Writing 2 takes the byte that was read.
        main_ram: Code, constants and data.
        sram: On-chip memory for the stack, None to keep the stack in ``main_ram``.
    """

    clock_hz: int
    uart_rxtx: int
    uart_txfull: int
    uart_rxempty: int
    uart_ev_pending: int
    main_ram: Region
    sram: Region | None

    @classmethod
    def from_json(cls, path: Path) -> "SocMap":
        """Read ``soc.json`` as the SoC generator writes it.

        Raises:
            ConfigError: The file is missing or not of that form.
        """
        try:
            return cls.from_mapping(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"SoC description {path} cannot be used: {type(error).__name__}: {error}",
                fix="generate the SoC again",
            ) from None

    @classmethod
    def from_mapping(cls, soc: Any) -> "SocMap":
        """Take the parsed ``soc.json``; raises KeyError or TypeError where a part is missing."""
        memory = {
            name: Region(origin=int(area["origin"]), size_bytes=int(area["size_bytes"]))
            for name, area in soc["memory"].items()
        }
        sram = memory.get("sram")
        return cls(
            clock_hz=int(soc["clock_hz"]),
            uart_rxtx=int(soc["uart"]["rxtx"]),
            uart_txfull=int(soc["uart"]["txfull"]),
            uart_rxempty=int(soc["uart"]["rxempty"]),
            uart_ev_pending=int(soc["uart"]["ev_pending"]),
            main_ram=memory["main_ram"],
            sram=sram if sram is not None and sram.size_bytes >= MIN_STACK_BYTES else None,
        )
