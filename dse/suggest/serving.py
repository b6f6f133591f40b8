"""The far end of a search process: answers messages on a socket until the parent has gone."""

import os
import queue
import socket
import threading
import traceback
from collections.abc import Callable
from typing import Any

from dse.suggest.process import ChildError, receive_message, send_message


def serve(connection: socket.socket, make_answer: Callable[[], Callable[[Any], object]]) -> None:
    """Answer messages; never returns, since the process ends with its parent.

    Args:
        connection: To the parent's ``ChildProcess``.
        make_answer: Called once, before the first message: imports what takes seconds, and
            returns what answers a message. What that raises is told to the parent.
    """
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
    # A thread of its own notices that the parent has gone even during an import or a fit.
    threading.Thread(target=_receive, args=(connection, arrived), daemon=True).start()
    answer = make_answer()
    while True:
        message = arrived.get()
        try:
            told: object = answer(message)
        except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
            told = ChildError(repr(error), traceback.format_exc())
        send_message(connection, told, None)


def _receive(connection: socket.socket, arrived: "queue.SimpleQueue[Any]") -> None:
    try:
        while True:
            arrived.put(receive_message(connection, None))
    except (EOFError, OSError):
        os._exit(0)  # nobody is left to answer
