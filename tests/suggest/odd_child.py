"""Children that misbehave as ``ODD_CHILD`` tells them to."""

import os
import socket
import subprocess
import sys
import time

from dse.suggest.process import ChildError, receive_message, send_message


def main(connection: socket.socket) -> None:
    while True:
        message = receive_message(connection, None)
        match os.environ["ODD_CHILD"]:
            case "echo":
                send_message(connection, message, None)
            case "refuse":
                send_message(connection, ChildError("ValueError('no')", "line 7"), None)
            case "exit":
                sys.stdout.write("out of luck\n")
                sys.exit(3)
            case "garbage":
                connection.sendall((5).to_bytes(8, "big") + b"hello")
            case "partial":
                connection.sendall((500).to_bytes(8, "big") + b"hello")
                time.sleep(600)
            case _:  # hang
                grandchild = subprocess.Popen(["sleep", "600"])
                sys.stdout.write(f"grandchild {grandchild.pid}\n")
                sys.stdout.flush()
                time.sleep(600)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
