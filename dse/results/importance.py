"""What the model that suggested last makes of each parameter, as the store keeps it."""

from contracts.belief import Importance
from contracts.untrusted import parse_json


def stored_importance(importance_json: str | None) -> Importance:
    """Return the importance that a study keeps; empty where no model has suggested yet."""
    found: Importance = {} if importance_json is None else parse_json(importance_json)
    return found
