"""Dominance as the literature defines it, to test fronts against."""

from collections.abc import Sequence


def dominates(left: Sequence[float], right: Sequence[float], goals: Sequence[str]) -> bool:
    """Tell whether ``left`` is nowhere worse and somewhere better; equal points do not dominate."""
    signs = [-1 if goal == "maximise" else 1 for goal in goals]
    gaps = [sign * (a - b) for sign, a, b in zip(signs, left, right, strict=True)]
    return max(gaps) <= 0 and min(gaps) < 0
