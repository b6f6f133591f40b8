"""Optuna's sampler ``tpe``, of the extra ``optuna``, see ``dse.suggest.guests``."""

from pathlib import Path

from dse.suggest.guests.optuna_extra import require_optuna
from dse.suggest.guests.suggester import GuestSuggester
from dse.suggest.interface import Suggester


def make(*, timeout_s: float, compilation_cache: Path | None) -> Suggester:
    """See ``dse.suggest.make_suggester``.

    Raises:
        ConfigError: Optuna is not installed.
    """
    require_optuna("optuna:tpe", needs=("optuna",))
    return GuestSuggester("optuna:tpe", timeout_s=timeout_s, compilation_cache=compilation_cache)
