"""What placing adds to the cells that synthesis counts, where a front has designs of both kinds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.measurement import Fidelity
from dse.results.cell_model import measured_twice
from dse.results.columns import FIDELITIES, StudyColumns

_SYNTHESISED = FIDELITIES.index(Fidelity.SYNTHESISED)
_USUAL = "1 to 4 %"
"""What placing added wherever this project measured it; docs/results.md has the designs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacingAdds:
    """What placing adds to a metric that counts cells.

    Attributes:
        metric: Its name.
        shares: By how much more a placed design took than synthesis had counted of it, as a share,
            for each design of the study that was measured both ways; ascending, and may be empty.
    """

    metric: str
    shares: tuple[float, ...]

    @property
    def text(self) -> str:
        """One sentence for who reads placed and unplaced designs side by side."""
        counted = f"{self.metric} of what is not placed is what synthesis counts"
        if not self.shares:
            return f"{counted}; placing usually adds {_USUAL}"
        low, high = (100 * share for share in (self.shares[0], self.shares[-1]))
        if len(self.shares) == 1:
            return f"{counted}; placing made it {low:+.1f} % in the one design that has both"
        return (
            f"{counted}; placing made it {low:+.1f} to {high:+.1f} %,"
            f" {100 * float(np.median(self.shares)):+.1f} % in the median, in the"
            f" {len(self.shares)} designs of this study that have both"
        )


def placing_adds(columns: StudyColumns, numbers: Sequence[int]) -> tuple[PlacingAdds, ...]:
    """Return what a reader must know of a front that mixes placed designs with others.

    Nothing of a metric whose unplaced values are raised already to what is expected of them: they
    are marked as estimates, see ``CellModel``.

    Args:
        columns: Of the study, with its objectives.
        numbers: Of the trials on the front.

    Returns:
        One for each objective that counts cells of the part.
    """
    from runners.fpga import PARTS, family_of_part  # takes a while to import

    part = columns.config.target.part
    if part not in PARTS:
        return ()
    cells = {metric.name for metric in family_of_part(part).metrics}
    positions = [at for number in numbers if (at := columns.index_of(number)) is not None]
    found = []
    for name in columns.config.objectives:
        if name not in cells or name not in columns.metrics or name in columns.cell_models:
            continue
        column = columns.metrics[name]
        reached = column.fidelity[positions]
        if not (reached == _SYNTHESISED).any() or not (reached > _SYNTHESISED).any():
            continue
        pairs = measured_twice(column, ids=columns.ids, promotes=columns.promotes)
        shares = sorted(placed / counted - 1 for counted, placed in pairs if counted > 0)
        found.append(PlacingAdds(metric=name, shares=tuple(shares)))
    return tuple(found)
