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
from typing import TYPE_CHECKING, assert_never

from dse.suggest.messages import Assume, Explain, Fit, Message, Score, Weigh
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


def _answer(policy: "Policy | None", message: Assume | Score | Explain | Weigh) -> object:
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


def _receive(connection: socket.socket, arrived: "queue.SimpleQueue[Message]") -> None:
    try:
        while True:
            arrived.put(receive_message(connection, None))
    except (EOFError, OSError):
        os._exit(0)  # nobody is left to answer


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
