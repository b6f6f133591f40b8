"""The process of guests: ``python -m dse.suggest.guests.serve FD`` answers on a socket.

It alone imports Vizier's designers or Optuna. It remembers nothing: each guest is made anew for
each question and told all trials.
"""

import socket
import sys
from collections.abc import Callable

from dse.suggest.guests.messages import Places, Propose
from dse.suggest.serving import serve


def proposals(question: Propose) -> tuple[Places, ...]:
    """Ask the guest that a question names."""
    source, _, name = question.guest.partition(":")
    if source == "vizier":
        from dse.suggest.guests.vizier_designers import propose
    else:
        from dse.suggest.guests.optuna_samplers import propose
    return propose(name, question)


def _make_answer() -> Callable[[Propose], tuple[Places, ...]]:
    return proposals


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), _make_answer)
