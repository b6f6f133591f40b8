"""Which operators a CFU family takes from the CPU, and how many times faster that was measured."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw_templates.cfu import BUILT_IN, Family
from sw_templates.layer import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """How many times fewer cycles single layers took than with plain kernels.

    Attributes:
        least: Of the layers measured.
        most: Of the layers measured.
        condition: What the CFU must have for it; empty for nothing beside the family.
    """

    least: float
    most: float
    condition: str = ""

    @property
    def text(self) -> str:
        """The range with its condition: ``4.6 to 5.2 times``."""
        span = f"{self.least:g}" if self.least == self.most else f"{self.least:g} to {self.most:g}"
        return f"{span} times" + (f", with {self.condition}" if self.condition else "")


def _measured() -> dict[tuple[str, str], Factor]:
    text = Path(__file__).with_name("measured_factors.toml").read_text(encoding="utf-8")
    return {
        (operator, family): Factor(**values)
        for family, operators in tomllib.loads(text).items()
        for operator, values in operators.items()
    }


FACTORS: Mapping[tuple[str, str], Factor] = _measured()
"""By operator and family, of the tables in docs/results.md; what was not measured is not here."""


def is_accelerated(layer: type[Layer] | Layer, family: Family) -> bool:
    """Tell whether a family's hardware takes part in an operator.

    Args:
        layer: The operator's class, or a layer: then it is asked what it computes, and a shape that
            it has no words for stays with the CPU. A family's compiler may still refuse it.
        family: Its kernels replace plain ones of their names; one with a compiler runs what it is
            told the computation of.
    """
    if family.compiler is not None:
        if layer.for_int16 or layer.aliases_input:
            return False
        if isinstance(layer, Layer):
            return layer.computation() is not None
        return layer.computation is not Layer.computation
    if family.kernels is None:
        return False
    return (family.kernels.folder / f"{layer.kernel}.c.j2").is_file()


def acceleration_data(
    layers: Iterable[Layer], macs: Mapping[int, int], families: Mapping[str, Family] = BUILT_IN
) -> list[dict[str, Any]]:
    """Return for each operator of a network what each family makes of it, the most work first.

    Args:
        layers: Of the network.
        macs: Multiply-accumulates by number of the layer.
        families: To tell of.
    """
    rows: dict[str, dict[str, Any]] = {}
    told = {name: family for name, family in families.items() if family.kernels is not None}
    for layer in layers:
        row = rows.setdefault(
            layer.operator,
            {
                "operator": layer.operator,
                "layers": 0,
                "macs": 0,
                "families": {name: {"layers": 0, "measured": None} for name in told},
            },
        )
        row["layers"] += 1
        row["macs"] += macs.get(layer.index, 0)
        for name, family in told.items():
            row["families"][name]["layers"] += is_accelerated(layer, family)
    for row in rows.values():
        for name, of_family in row["families"].items():
            factor = FACTORS.get((row["operator"], name))
            if factor is not None and of_family["layers"]:
                of_family["measured"] = {
                    "least": factor.least,
                    "most": factor.most,
                    "condition": factor.condition,
                }
    return sorted(rows.values(), key=lambda row: (-row["macs"], row["operator"]))


def acceleration_rows(data: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return the heads and rows of the table for people."""
    families = list(data[0]["families"]) if data else []
    rows = [
        [
            row["operator"],
            f"{row['layers']}",
            f"{row['macs']:,}",
            *(_cell(row, row["families"][name]) for name in families),
        ]
        for row in data
    ]
    return ["operator", "layers", "MAC", *families], rows


def _cell(row: dict[str, Any], of_family: dict[str, Any]) -> str:
    """Write what a family does with an operator: ``-`` for nothing."""
    count = of_family["layers"]
    if not count:
        return "-"
    some = "yes" if count == row["layers"] else f"{count} of {row['layers']}"
    measured = of_family["measured"]
    return some if measured is None else f"{some}, {Factor(**measured).text}"
