"""Reading JSON and TOML that come from elsewhere: whatever is wrong with a text is a ValueError.

Python's own readers raise a RecursionError for a text that is nested too deep, and of such texts a
file of a stranger may be made.
"""

import json
import tomllib
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text says.

    Raises:
        ValueError: It is no JSON, or nested too deep, or has a number of thousands of digits.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its JSON is nested too deep") from None


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text says.

    Raises:
        ValueError: It is no TOML (then it is a ``tomllib.TOMLDecodeError``), or nested too deep, or
            has a number of thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its TOML is nested too deep") from None
