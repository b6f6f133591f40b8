"""What the model that suggested last makes of each parameter, as the store keeps it."""

import json

from contracts.belief import Importance


def stored_importance(importance_json: str | None) -> Importance:
    """Return the importance that a study keeps; empty where no model has suggested yet."""
    found: Importance = {} if importance_json is None else json.loads(importance_json)
    return found
