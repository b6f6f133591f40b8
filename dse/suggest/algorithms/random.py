"""Random search: learns nothing, and is what any other algorithm has to beat."""

from pathlib import Path

from contracts.belief import AT_RANDOM, Belief
from dse.suggest.interface import Suggester, Suggestion, SuggestRequest
from dse.suggest.orders import next_untaken, random_order


class RandomSuggester:
    """Draws designs in a random order that depends on the seed alone; none comes twice."""

    name = "random"

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        """Return the next designs of the order that are not taken."""
        found = next_untaken(random_order(request.space, request.seed), request)
        belief = Belief(reason=AT_RANDOM)
        return tuple(
            Suggestion(design=design, suggested_by=self.name, belief=belief) for design in found
        )

    def close(self) -> None:
        """Release nothing."""


def make(*, timeout_s: float, compilation_cache: Path | None) -> Suggester:
    """See ``dse.suggest.make_suggester``; nothing here takes time or is compiled."""
    del timeout_s, compilation_cache
    return RandomSuggester()
