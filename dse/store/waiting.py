"""Waiting for a database that is locked, or whose server is away: a transaction is tried again."""

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar

from dse.store.dialect import Unavailable

_PAUSE_S = 0.5
"""Between two tries, where the database itself did not make us wait."""
_Store = TypeVar("_Store")


def patient(of: type[_Store]) -> type[_Store]:
    """Let the methods of a class be tried again, as long as its ``_keep_waiting`` wants.

    For classes whose methods are one transaction each, of which nothing was stored when they raise
    ``Unavailable``. The first connection that turns out to be lost is replaced without asking.
    """
    for name, method in list(vars(of).items()):
        is_public = not name.startswith("_") and name not in ("close", "wait_while", "reading")
        if is_public and callable(method) and not isinstance(method, type):
            setattr(of, name, _tried_again(method))
    return of


def _tried_again(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def try_until_it_is_there(self: Any, *arguments: Any, **named: Any) -> Any:
        is_first = True
        while True:
            try:
                return method(self, *arguments, **named)
            except Unavailable as error:
                is_replaced = is_first and not error.has_waited
                if not is_replaced and not self._keep_waiting(error):
                    raise
                if not is_replaced and not error.has_waited:
                    time.sleep(_PAUSE_S)
                is_first = False

    return try_until_it_is_there
