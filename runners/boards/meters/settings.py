"""A meter as ``boards.toml`` describes it: the section ``[boards.NAME.power]``."""

from pydantic import BaseModel, ConfigDict, Field


class PowerSection(BaseModel):
    """A meter in the supply of a board.

    Attributes:
        meter: Which kind: the name of a file in ``kinds``.
        command: Of the kind ``command``: the program that prints watts.
        port: Serial port of ``ppk2`` and ``lpm01a``; of ``js220`` a part of its path, such as its
            serial number; empty for the only one.
        voltage_mv: What the board is supplied with; ``ppk2`` and ``lpm01a`` measure current.
        supplies: The meter is the supply itself (``ppk2``).
        window_s: How long a row of inferences is measured at the least.
        accuracy_percent: What the meter's data sheet says its error may be.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    meter: str = Field(min_length=1)
    command: list[str] = Field(default_factory=list)
    port: str = ""
    voltage_mv: int | None = Field(default=None, ge=800, le=5000)
    supplies: bool = False
    window_s: float = Field(default=2.0, gt=0, le=60, strict=False)
    accuracy_percent: float = Field(default=0.0, ge=0, lt=100, strict=False)
