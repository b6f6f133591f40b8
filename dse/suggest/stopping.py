"""When a search has so little left to gain that its study may end."""

from collections.abc import Sequence

AGREEING = 3
"""Suggestions in a row that must agree: after a surprise, a model is often wrong once."""


def has_converged(gains: Sequence[float], stop_gain: float) -> bool:
    """Tell whether the expected gain stays below a share of the front.

    Args:
        gains: What the newest suggestions were expected to gain, newest first, as shares of the
            front's hypervolume; at least ``AGREEING`` of them where there are so many.
        stop_gain: The share; 0 is never reached.
    """
    newest = gains[:AGREEING]
    return len(newest) == AGREEING and all(gain < stop_gain for gain in newest)
