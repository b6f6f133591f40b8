"""Where studies are kept: a file of SQLite, or a database of a PostgreSQL server.

A URL may hold a password. It is kept apart from the moment the URL is read: no message, page,
record or command line has it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from contracts.faults import StoreError

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_SHAPE = "postgresql://USER@HOST:PORT/DATABASE"
_NO_PASSWORD = (
    "write @ as %40, / as %2F, # as %23 and ? as %3F in it, or keep the password in ~/.pgpass or"
    " PGPASSWORD and leave it out of the URL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A database of a PostgreSQL server.

    Attributes:
        url: Where it is, as libpq reads it, without a password. What is left out of it, libpq
            takes from its variables (``PGHOST`` ...), ``~/.pgpass`` and its defaults.
        password: To log in with, where the URL had one.
    """

    url: str
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.url

    def without_password(self, text: str) -> str:
        """Return a message with the password blanked out, should the message have it."""
        if not self.password:
            return text
        for secret in {self.password, quote(self.password), quote(self.password, safe="")}:
            text = text.replace(secret, "***")
        return text


Place = Path | Server
"""Where studies are kept."""


def folders_of(place: Place) -> dict[str, Path]:
    """Return the folder that a database grows in, where it is on a disk of this machine."""
    return {"database": place.parent} if isinstance(place, Path) else {}


def environment_of(place: Place) -> dict[str, str]:
    """Return the variables with which a child process opens a database by its shown name."""
    if isinstance(place, Path) or place.password is None:
        return {}
    return {"PGPASSWORD": place.password}


def name_of(place: Place) -> str:
    """Return what a database is called, without where it is."""
    if isinstance(place, Path):
        return place.name
    return urlsplit(place.url).path.removeprefix("/") or "PostgreSQL"


def parse_place(text: str) -> Place:
    """Read how a person names a database: the path of a file, or a URL.

    Raises:
        StoreError: It is a URL, but not one of PostgreSQL.
    """
    scheme = _SCHEME.match(text)
    if scheme is None:
        return Path(text)
    name = scheme.group(1).lower()
    if name not in _SCHEMES:
        raise StoreError(
            f"{name}: is no kind of database that this program knows",
            fix=f"name a file of SQLite by its path, or a PostgreSQL server by {_SHAPE}",
        )
    return _server(text)


def _server(text: str) -> Server:
    """Read a URL of PostgreSQL; nothing of what may be a password is in a message."""
    try:
        parts = urlsplit(text)
    except ValueError:  # whose words have a part of the URL
        raise StoreError("the URL of the database cannot be read", fix=_NO_PASSWORD) from None
    where = parts.netloc
    if not text.partition(":")[2].startswith("//"):
        raise StoreError("the URL of the database has one slash where two belong", fix=_use())
    if where.count("@") > 1 or parts.fragment or "@" in parts.path:
        raise StoreError(
            "the URL of the database cannot be read: a sign in it, in a password perhaps, means"
            " something in URLs",
            fix=_NO_PASSWORD,
        )
    user, _, hosts = where.rpartition("@")
    user, _, password = user.partition(":")
    for host in hosts.split(","):
        port = re.fullmatch(r"(?:\[[^\]]*\]|[^:\[\]]*)(?::(\d*))?", host)
        if port is None or (port.group(1) and not 0 < int(port.group(1)) < 65536):
            raise StoreError(
                "the URL of the database cannot be read: what stands for the port is none",
                fix=f"{_use()}; if that is part of a password, {_NO_PASSWORD}",
            )
    database = parts.path.removeprefix("/")
    options = parse_qsl(parts.query, keep_blank_values=True)
    named = dict(options)
    if not database and not named.get("dbname"):
        raise StoreError("the URL of the database names none", fix=_use())
    if "/" in database:
        raise StoreError("the URL of the database has a / in the database's name", fix=_use())
    secret = unquote(password) or named.get("password") or None
    kept = [(name, value) for name, value in options if name != "password"]
    query = f"?{urlencode(kept, safe='/,:', quote_via=quote)}" if kept else ""
    at = f"{user}@{hosts}" if user else hosts
    return Server(url=f"postgresql://{at}/{database}{query}", password=secret)


def _use() -> str:
    return f"write {_SHAPE}, or postgresql:///DATABASE?host=/run/postgresql for a socket"
