"""Search algorithms behind one small interface."""

from dse.suggest.interface import Objective, Observation, Suggester, SuggestRequest

__all__ = ["Objective", "Observation", "SuggestRequest", "Suggester"]
