"""The process of guests: ``python -m dse.suggest.guests.serve FD`` answers on a socket.

It alone imports Vizier's designers or Optuna. It remembers nothing: each guest is made anew for
each question and told all trials.
"""

import os
import queue
import socket
import sys
import threading
import traceback

from dse.suggest.guests.messages import Places, Propose
from dse.suggest.process import ChildError, receive_message, send_message


def serve(connection: socket.socket) -> None:
    """Answer questions until the other end has gone."""
    arrived: queue.SimpleQueue[Propose] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, arrived), daemon=True).start()
    while True:
        question = arrived.get()
        try:
            answer: object = _proposals(question)
        except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
            answer = ChildError(repr(error), traceback.format_exc())
        send_message(connection, answer, None)


def _proposals(question: Propose) -> tuple[Places, ...]:
    source, _, name = question.guest.partition(":")
    if source == "vizier":
        from dse.suggest.guests.vizier_designers import propose
    else:
        from dse.suggest.guests.optuna_samplers import propose
    return propose(name, question)


def _receive(connection: socket.socket, arrived: "queue.SimpleQueue[Propose]") -> None:
    try:
        while True:
            arrived.put(receive_message(connection, None))
    except (EOFError, OSError):
        os._exit(0)  # nobody is left to answer


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
