"""A walk through the whole space: learns nothing, for spaces small enough to be measured whole."""

from pathlib import Path

from contracts.belief import IN_ORDER, Belief
from dse.suggest.interface import Suggester, Suggestion, SuggestRequest
from dse.suggest.orders import grid_order, next_untaken


class GridSuggester:
    """Walks through the whole space in an order that covers it evenly from the start.

    Steps of about the golden section of the space visit every design once; after any number of
    steps no part of the space has waited much longer than another. The seed has no influence.
    """

    name = "grid"

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        """Return the next designs of the walk that are not taken."""
        found = next_untaken(grid_order(request.space), request)
        belief = Belief(reason=IN_ORDER)
        return tuple(
            Suggestion(design=design, suggested_by=self.name, belief=belief) for design in found
        )

    def close(self) -> None:
        """Release nothing."""


def make(*, timeout_s: float, compilation_cache: Path | None) -> Suggester:
    """See ``dse.suggest.make_suggester``; nothing here takes time or is compiled."""
    del timeout_s, compilation_cache
    return GridSuggester()
