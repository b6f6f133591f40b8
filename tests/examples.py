"""How many examples of Hypothesis a test draws: with the slow tests all, without them a part.

Faults of a kind that any of hundreds of examples shows are shown by the first ones; the rare ones
are what the others are for, and `make test` draws them all. So does pytest for a single file.
"""

from hypothesis import settings

ALL, FEW = "all", "few"
"""The names of Hypothesis' profiles; ``tests/conftest.py`` loads one before it reads the tests."""
_LEAST, _PART = 12, 6


def examples(most: int, profile: str | None = None) -> int:
    """Return how many examples a test draws.

    Args:
        most: With the slow tests.
        profile: Of Hypothesis; the one that is loaded if None.
    """
    loaded = profile or settings.get_current_profile_name()
    return min(most, max(_LEAST, most // _PART)) if loaded == FEW else most
