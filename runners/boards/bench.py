"""The boards on cables of this machine, as its user describes them in ``boards.toml``."""

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.faults import ConfigError
from contracts.untrusted import parse_toml
from runners.boards.meters import PowerSection, require_meter

EXAMPLE = """\
[boards.left]
target = "ulx3s_85f"
port = "/dev/serial/by-id/usb-FTDI_ULX3S_FPGA_85K_v3.0.8_D00084-if00-port0"
"""


class BoardEntry(BaseModel):
    """One board on a cable.

    Attributes:
        name: As commands name it; the key of its section.
        target: The target it is: name of a file in ``configs/targets`` without its ending.
        port: Its serial port; a path of ``/dev/serial/by-id`` stays the same when others come.
        cable: The programming cable as openFPGALoader names it; empty for the board's own.
        cable_serial: Serial number of the cable's FTDI chip; empty for any.
        cable_index: Which of several cables of one kind, from 0; None for any.
        usb: Bus and device number of the cable, such as ``1:4``; empty for any.
        load: Command that loads a bitstream instead of openFPGALoader; ``{bitstream}`` stands for
            its path.
        power_cycle: Command that takes the board's power away and gives it back; empty for none.
        quarantined: Not to be used.
        power: A meter in its supply; None for none, and then there is no energy figure.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)
    target: str = Field(min_length=1)
    port: str = Field(min_length=1)
    cable: str = ""
    cable_serial: str = ""
    cable_index: int | None = Field(default=None, ge=0)
    usb: str = Field(default="", pattern=r"^(\d+:\d+)?$")
    load: list[str] = Field(default_factory=list)
    power_cycle: list[str] = Field(default_factory=list)
    quarantined: bool = False
    power: PowerSection | None = None

    @property
    def power_section(self) -> str:
        """What messages call the section of its meter."""
        return f"[boards.{self.name}.power]"


class Bench:
    """All boards of this machine.

    Args:
        entries: In the order in which they are tried.
        source: Where they are described, for messages.
    """

    def __init__(self, entries: tuple[BoardEntry, ...], *, source: Path) -> None:
        self.entries = entries
        self._source = source

    def named(self, name: str) -> BoardEntry:
        """Return the board of that name.

        Raises:
            ConfigError: There is none, or it is not to be used.
        """
        for entry in self.entries:
            if entry.name == name and entry.quarantined:
                raise ConfigError(
                    f"board {name} is quarantined in {self._source}",
                    fix="take `quarantined` out of its section",
                )
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.entries) or "none"
        raise ConfigError(
            f"{self._source} has no board {name!r}", fix=f"name one that it has: {known}"
        )

    def of_target(self, target: str) -> tuple[BoardEntry, ...]:
        """Return the boards that a design for ``target`` can run on.

        Raises:
            ConfigError: There is none.
        """
        found = tuple(
            entry for entry in self.entries if entry.target == target and not entry.quarantined
        )
        if not found:
            have = ", ".join(f"{entry.name} ({entry.target})" for entry in self.entries) or "none"
            raise ConfigError(
                f"{self._source} has no usable board of target {target!r}; it has: {have}",
                fix=f"describe one there:\n{_indented(EXAMPLE)}",
            )
        return found


def default_bench_path() -> Path:
    """Return ``$DSE_BOARDS``, else ``soft-soc-dse/boards.toml`` in the user's config folder."""
    if "DSE_BOARDS" in os.environ:
        return Path(os.environ["DSE_BOARDS"]).absolute()
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "soft-soc-dse" / "boards.toml"


def read_bench(path: Path) -> Bench:
    """Read a ``boards.toml``.

    Raises:
        ConfigError: It is missing, not TOML, or a key is unknown, missing or wrong.
    """
    try:
        content = parse_toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no {path}, which describes the boards of this machine",
            fix=f"write it, for example:\n{_indented(EXAMPLE)}",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", fix="make it readable") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}", fix="correct that line") from error
    sections = content.pop("boards", {})
    if content or not isinstance(sections, dict):
        raise ConfigError(
            f"{path}: {', '.join(content) or 'boards'} is not a board",
            fix="give each board a section [boards.NAME]",
        )
    entries = tuple(_entry(path, name, section) for name, section in sections.items())
    _require_own_ports(entries, path)
    return Bench(entries, source=path)


def _entry(path: Path, name: str, section: Any) -> BoardEntry:
    if not isinstance(section, dict) or "name" in section:
        raise ConfigError(
            f"{path}: boards.{name} must be a section without a key `name`",
            fix=f"write [boards.{name}]; that is its name",
        )
    try:
        entry = BoardEntry(name=name, **section)
        if entry.power is not None:
            require_meter(entry.power, where=f"{path}: {entry.power_section}")
        return entry
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = ".".join(str(step) for step in problem["loc"])
        where = f"{path}: [boards.{name}] {key}"
        if problem["type"] == "missing":
            raise ConfigError(f"{where} is missing", fix="add the key") from None
        if problem["type"] == "extra_forbidden":
            model = PowerSection if problem["loc"][0] == "power" else BoardEntry
            allowed = [known for known in model.model_fields if known != "name"]
            raise ConfigError(
                f"{where} is not a known key", fix=f"use one of {', '.join(allowed)}"
            ) from None
        raise ConfigError(
            f"{where} is {problem['input']!r}", fix=problem["msg"].replace("Input s", "it s")
        ) from None


def _require_own_ports(entries: tuple[BoardEntry, ...], path: Path) -> None:
    owners: dict[str, str] = {}
    for entry in entries:
        if entry.port in owners:
            raise ConfigError(
                f"{path}: the boards {owners[entry.port]} and {entry.name} have the same port",
                fix="give each its own; `ls -l /dev/serial/by-id` shows them",
            )
        owners[entry.port] = entry.name


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines()).rstrip("\n")
