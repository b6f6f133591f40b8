"""The search process: ``python -m dse.suggest.search FD`` answers messages on a socket.

It alone imports jax and Vizier, which takes seconds and prints warnings. Every search begins with
``Fit``, so an answer depends on the messages of its own search and on nothing before.
"""

import os
import queue
import socket
import sys
import threading
import traceback
from typing import TYPE_CHECKING

from dse.suggest.messages import Assume, Fit, Message, Score
from dse.suggest.process import ChildError, receive_message, send_message

if TYPE_CHECKING:
    from dse.suggest.policy import Policy


def serve(connection: socket.socket) -> None:
    """Answer messages until the other end has gone."""
    arrived: queue.SimpleQueue[Message] = queue.SimpleQueue()
    # A thread of its own notices that the parent has gone even during an import or a fit.
    threading.Thread(target=_receive, args=(connection, arrived), daemon=True).start()
    from dse.suggest.policy import Policy  # late: only the child pays for jax

    policy: Policy | None = None
    while True:
        message = arrived.get()
        try:
            if isinstance(message, Fit):
                policy = Policy(message.evidence)
                answer: object = None
            else:
                answer = _answer(policy, message)
        except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
            answer = ChildError(repr(error), traceback.format_exc())
        send_message(connection, answer, None)


def _answer(policy: "Policy | None", message: Assume | Score) -> object:
    if policy is None:
        raise RuntimeError("a search begins with Fit")
    if isinstance(message, Assume):
        policy.assume(message.design)
        return None
    return policy.score(message.candidates)


def _receive(connection: socket.socket, arrived: "queue.SimpleQueue[Message]") -> None:
    try:
        while True:
            arrived.put(receive_message(connection, None))
    except (EOFError, OSError):
        os._exit(0)  # nobody is left to answer


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
