"""The search process: ``python -m dse.suggest.search FD`` answers messages on a socket.

It alone imports jax and Vizier's models, which takes seconds and prints warnings. Every search
begins with ``Fit``, so an answer depends on the messages of its own search and on nothing before.
"""

import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from dse.suggest.messages import Assume, Explain, Fit, Message, Score, Weigh
from dse.suggest.serving import serve

if TYPE_CHECKING:
    from dse.suggest.policy import Policy


class Search:
    """Answers the messages of one search after the other."""

    def __init__(self, fit: "Callable[[Fit], Policy]") -> None:
        self._fit = fit
        self._policy: Policy | None = None

    def answer(self, message: Message) -> object:
        """Return what a message is answered by, see ``dse.suggest.messages``."""
        if isinstance(message, Fit):
            self._policy = self._fit(message)
            return None
        policy = self._policy
        if policy is None:
            raise RuntimeError("a search begins with Fit")
        match message:
            case Assume():
                policy.assume(message.design)
                return None
            case Score():
                return policy.score(message.candidates)
            case Explain():
                return policy.explain(message.designs)
            case Weigh():
                return policy.weigh(message.sample)
            case _:
                assert_never(message)


def _make_answer() -> Callable[[Message], object]:
    from dse.suggest.policy import Policy  # late: only the child pays for jax

    return Search(lambda message: Policy(message.evidence)).answer


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), _make_answer)
