"""Vizier's own designer ``grid``, see ``dse.suggest.guests``."""

from pathlib import Path

from dse.suggest.guests.suggester import GuestSuggester
from dse.suggest.interface import Suggester


def make(*, timeout_s: float, compilation_cache: Path | None) -> Suggester:
    """See ``dse.suggest.make_suggester``."""
    return GuestSuggester("vizier:grid", timeout_s=timeout_s, compilation_cache=compilation_cache)
