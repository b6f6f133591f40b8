"""How a generator or component refuses an argument, before anything is stored or built."""

from collections.abc import Sequence

from contracts.faults import ConfigError
from contracts.parameter import Value, same_value


def require_choice(what: str, value: Value, allowed: Sequence[Value]) -> None:
    """Raise unless ``value`` is one of those allowed; ``True`` is not ``1``.

    Args:
        what: Component and argument, ``DotProduct width`` for example.
        value: What was given.
        allowed: What there is.

    Raises:
        ConfigError: The message names argument, value and what is allowed.
    """
    if not any(same_value(value, legal) for legal in allowed):
        raise ConfigError(f"{what} is {value!r}", fix=f"use one of {', '.join(map(str, allowed))}")
