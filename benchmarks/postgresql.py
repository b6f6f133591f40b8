"""A PostgreSQL server of our own, in a temporary folder, for tests and for measurements."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from dse.store import Server, Store, parse_place

_TEMPLATE = "studies"
PASSWORD = "s3cr€t @/:#?"
"""Of the role ``guarded``, whose connections are asked for it."""


def bin_folder() -> Path | None:
    """Return where the server's programs are, or None where it is not installed."""
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: p.parts[4])
    if known:
        return known[-1].parent
    found = shutil.which("postgres")
    return None if found is None else Path(found).parent


@dataclass(slots=True, kw_only=True)
class PostgreSQLServer:
    """A server that runs, and that a test may stop and start again.

    Attributes:
        folder: Data, log and socket.
        port: At the loopback address, and of the socket.
        is_durable: Whether it waits until the disk has what it stores.
    """

    folder: Path
    port: int
    is_durable: bool
    _databases: int = 0

    def url(self, database: str, *, user: str = "postgres") -> str:
        """Return where a database is, by the address."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str) -> str:
        """Return where a database is, by the socket."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def new_database(self, *, is_empty: bool = False) -> Server:
        """Return a database of a test's own, set up unless it shall be empty."""
        self._databases += 1
        name = f"{'empty' if is_empty else 'test'}{self._databases}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {'template0' if is_empty else _TEMPLATE}")
        place = parse_place(self.url(name))
        assert isinstance(place, Server)
        return place

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as the owner of everything and return its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def require_up(self) -> None:
        """Start it where it does not run."""
        if not (self.folder / "data" / "postmaster.pid").exists():
            self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        if not self.is_durable:
            options += " -c fsync=off"
        self._control("start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, how: str = "fast") -> None:
        """End it: ``fast`` as its owner would, ``immediate`` as a power cut would."""
        self._control("stop", "-w", "-m", how)

    def set_up(self) -> None:
        """Make the data folder: everybody is trusted, but ``guarded``, who has a password."""
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8",
                  "--no-sync", "-A", "trust")  # fmt: skip
        rules = self.folder / "data" / "pg_hba.conf"
        rules.write_text(
            f"host all guarded all scram-sha-256\nhost all banned all reject\n{rules.read_text()}"
        )
        self.start()
        self.run(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
        self.run("CREATE ROLE banned LOGIN")
        self.run("CREATE ROLE visitor LOGIN")
        self.run(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        Store(parse_place(self.url(_TEMPLATE))).close()

    def _control(self, *words: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), *words)

    def _run(self, program: str, *words: str) -> None:
        folder = bin_folder()
        assert folder is not None
        command = [str(folder / program), *words]
        if os.geteuid() == 0:  # the server refuses to run as root
            command = ["runuser", "-u", "nobody", "--", *command]
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server inherits it, and would keep a pipe open
            stderr=subprocess.DEVNULL,
            timeout=120,
        )


@contextmanager
def running_server(*, is_durable: bool = True) -> Iterator[PostgreSQLServer]:
    """Run a server, and remove all of it at the end; ``bin_folder`` tells whether there is one."""
    folder = Path(tempfile.mkdtemp(prefix="dse-pg-"))
    server = PostgreSQLServer(folder=folder, port=_free_port(), is_durable=is_durable)
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
    try:
        server.set_up()
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop("immediate")
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
