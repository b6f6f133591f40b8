"""Running the dashboard: the socket, what is printed, and a server that sleeps when idle."""

import asyncio
import contextlib
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from contracts.faults import ConfigError
from dse.dashboard.data.studies import Studies
from dse.dashboard.web.app import make_app
from dse.dashboard.web.security import is_loopback, make_access
from runners.pipeline import default_root

_GRACE_S = 3


class QuietServer(uvicorn.Server):
    """Uvicorn without its ten wake-ups a second: idle, it costs nothing."""

    async def main_loop(self) -> None:
        """Sleep until a signal asks to stop."""
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._stop.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, from a signal handler."""
        super().handle_exit(sig, frame)
        self.wake()

    def wake(self) -> None:
        """Notice ``should_exit``; from any thread."""
        if hasattr(self, "_loop"):
            self._loop.call_soon_threadsafe(self._stop.set)


def serve(
    studies: Studies,
    *,
    host: str,
    port: int,
    is_example: bool = False,
    configs: Sequence[Path] = (),
) -> None:
    """Serve the studies of a database until Ctrl-C.

    Args:
        studies: Of the database.
        host: Address to listen at.
        port: Of it; 0 takes a free one.
        is_example: Whether to say that the recorded example is shown.
        configs: Folders whose config files may be started.

    Raises:
        ConfigError: The address cannot be listened to.
        StoreError: The database cannot be used.
    """
    studies.reader()  # says what is wrong with the database
    listener = listen(host, port)
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    access = make_access(token=token, host=host, port=port)
    app = make_app(
        studies.place, studies=studies, access=access, cache_root=default_root(),
        is_example=is_example, shown_db=str(studies.place), configs=configs,
    )  # fmt: skip
    server = make_server(app)
    # compiles the templates before the first page asks for one
    threading.Thread(target=app.state.context.pages.warm, daemon=True).start()
    shown = f"[{host}]" if ":" in host else host
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else shown
    _announce(f"http://{shown}:{port}/", token, host=host)
    # uvicorn raises the signal again when it has ended: as an exception it lets others clean up
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server.run(sockets=[listener])


def make_server(app: FastAPI) -> QuietServer:
    """Return a server for an application; its event streams end when it stops."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses hold the token once
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        lifespan="off",
        ws="none",
    )
    server = QuietServer(config)
    watch = app.state.context.watch

    shutdown = server.shutdown

    async def close_streams_first(sockets: list[socket.socket] | None = None) -> None:
        watch.close()
        await shutdown(sockets)

    server.shutdown = close_streams_first  # type: ignore[method-assign]
    return server


@contextlib.contextmanager
def example_database() -> Iterator[Path]:
    """Yield a copy of the recorded example that ends with the dashboard."""
    from dse.dashboard.example import unpack

    folder = Path(tempfile.mkdtemp(prefix="dse-example-"))
    try:
        yield unpack(folder / "example.db")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections at an address.

    Raises:
        ConfigError: The address is not ours, or is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # who reads the address before the server runs waits for it
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"the dashboard cannot listen at {host} port {port}: {error}",
            fix="choose another --port (0 takes a free one) or another --host",
        ) from error
    listener.set_inheritable(True)
    return listener


def _announce(url: str, token: str, *, host: str) -> None:
    lines = [f"dashboard  {url}"]
    if is_loopback(host):
        lines.append(f"to act     {url}?token={token}")
    else:
        lines = [f"dashboard  {url}?token={token}"]
        lines.append("anyone on the network who knows this address may read and act")
    lines.append("Ctrl-C ends it; studies that it started go on")
    print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201
