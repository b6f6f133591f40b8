"""A child process that answers messages within a time limit, or is killed with its whole group."""

import contextlib
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from contracts.faults import ToolCrashed, ToolTimeout
from runners.tools import child

_LENGTH_BYTES = 8
_LOG_TAIL_CHARS = 2000


def send_message(connection: socket.socket, message: object, deadline_s: float | None) -> None:
    """Send one pickled object; both ends belong to this program.

    Raises:
        TimeoutError: The other end did not take it before ``deadline_s`` on the monotonic clock.
    """
    body = pickle.dumps(message)
    connection.settimeout(_left_s(deadline_s))
    connection.sendall(len(body).to_bytes(_LENGTH_BYTES, "big") + body)


def receive_message(connection: socket.socket, deadline_s: float | None) -> Any:
    """Receive what ``send_message`` sent.

    Raises:
        TimeoutError: It did not arrive before ``deadline_s`` on the monotonic clock.
        EOFError: The other end has gone.
    """
    length = int.from_bytes(_receive_exactly(connection, _LENGTH_BYTES, deadline_s), "big")
    return pickle.loads(_receive_exactly(connection, length, deadline_s))


def _receive_exactly(connection: socket.socket, size: int, deadline_s: float | None) -> bytes:
    chunks = bytearray()
    while len(chunks) < size:
        connection.settimeout(_left_s(deadline_s))
        chunk = connection.recv(min(size - len(chunks), 1 << 20))
        if not chunk:
            raise EOFError
        chunks += chunk
    return bytes(chunks)


def _left_s(deadline_s: float | None) -> float | None:
    return None if deadline_s is None else max(0.001, deadline_s - time.monotonic())


@dataclass(frozen=True, slots=True)
class ChildError:
    """What a child answers when it could not do what it was asked."""

    summary: str
    traceback: str


class ChildProcess:
    """Runs ``python -m module FD``, where FD is its end of a connection.

    The child is in a process group of its own, ends when this process ends, and holds no state
    that an answer may depend on beyond the conversation that led to it.

    Args:
        module: Its ``main`` serves messages until the connection closes.
        env: Variables added to its environment.
        name: For messages.
    """

    def __init__(self, module: str, *, env: Mapping[str, str], name: str) -> None:
        self._name = name
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._connection, theirs = socket.socketpair()
        try:
            self._process = child.start(
                [sys.executable, "-m", module, str(theirs.fileno())],
                is_tied=False,  # the end of its socket ends it; the thread that asks may end first
                pass_fds=[theirs.fileno()],
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env={**env, **child.importing_environment()},
            )
        except BaseException:
            self._connection.close()
            self._log.close()
            raise
        finally:
            theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process id, which is the id of its group too."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, message: object, *, deadline_s: float) -> Any:
        """Send a message and return the answer. After a fault the process is dead.

        Args:
            message: Anything that can be pickled.
            deadline_s: On the monotonic clock.

        Raises:
            ToolTimeout: There was no answer in time.
            ToolCrashed: The process ended, or answered with an error.
        """
        try:
            send_message(self._connection, message, deadline_s)
            answer = receive_message(self._connection, deadline_s)
        except TimeoutError as error:
            self.kill()
            raise ToolTimeout(
                f"{self._name} did not answer within its time limit and was stopped",
                "raise the time limit of suggestions, or use the algorithm `random`",
                self._log_tail(),
            ) from error
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1.0)  # it is ending: with which status?
            self.kill()
            status = self._process.returncode
            raise ToolCrashed(
                f"{self._name} ended without an answer (status {status})",
                "try again; if it happens again, use the algorithm `random`",
                self._log_tail(),
            ) from error
        except BaseException:
            self.kill()  # the conversation is broken off in the middle
            raise
        if isinstance(answer, ChildError):
            raise ToolCrashed(
                f"{self._name} failed: {answer.summary}",
                "try again; if it happens again, use the algorithm `random` and report it",
                answer.traceback,
            )
        return answer

    def kill(self) -> None:
        """End the process and everything that it started."""
        self._connection.close()
        child.end(self._process)

    def _log_tail(self) -> str:
        if self._log.closed:  # another thread closed this while it was waiting
            return ""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-_LOG_TAIL_CHARS:]

    def close(self) -> None:
        """End the process and release what it wrote."""
        self.kill()
        self._log.close()


class KeptChild:
    """A child that is kept between questions: started when first needed, anew when it has ended.

    Args:
        module: What it runs, see ``ChildProcess``.
        compilation_cache: See ``quiet_environment``.
        name: For messages.
    """

    def __init__(self, module: str, *, compilation_cache: Path | None, name: str) -> None:
        self._module = module
        self._compilation_cache = compilation_cache
        self._name = name
        self._child: ChildProcess | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, None while there is none."""
        return None if self._child is None else self._child.pid

    def running(self) -> ChildProcess:
        """Return it, started where it does not run."""
        if self._child is not None and not self._child.alive:
            self.close()
        if self._child is None:
            env = quiet_environment(self._compilation_cache)
            self._child = ChildProcess(self._module, env=env, name=self._name)
        return self._child

    def close(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.close()
            self._child = None


def quiet_environment(compilation_cache: Path | None) -> dict[str, str]:
    """Return variables that keep a search process to one core and quiet.

    Args:
        compilation_cache: Folder in which code that jax compiled survives it; None for none.
    """
    env = {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "GRPC_ENABLE_FORK_SUPPORT": "false",  # as in dse.suggest.vizier_api
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
    }
    if compilation_cache is not None:
        env["JAX_COMPILATION_CACHE_DIR"] = str(compilation_cache)
        env["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
    return env
