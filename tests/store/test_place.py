"""How a person names a database, and that no message shows a password."""

from pathlib import Path

import pytest

from contracts.faults import StoreError
from dse.store import Server, folders_of, name_of, parse_place
from dse.store.place import environment_of

SECRET = "s3cr3t"


@pytest.mark.parametrize("text", ["results.db", "/a/b c.db", "postgresql.db", "a:b.db", "./x@y"])
def test_what_is_no_url_is_a_file(text: str) -> None:
    place = parse_place(text)

    assert place == Path(text)
    assert name_of(place) == Path(text).name
    assert folders_of(place) == {"database": Path(text).parent}
    assert environment_of(place) == {}


@pytest.mark.parametrize(
    ("text", "shown", "password"),
    [
        ("postgresql://me@host/night", "postgresql://me@host/night", None),
        ("postgres://me:s3cr3t@host:5433/night", "postgresql://me@host:5433/night", SECRET),
        ("postgresql+psycopg://host/night", "postgresql://host/night", None),
        ("PostgreSQL:///night?host=/run/pg", "postgresql:///night?host=/run/pg", None),
        ("postgresql://me@a:1,b:2/night", "postgresql://me@a:1,b:2/night", None),
        ("postgresql://me:p%40%2Fss@[::1]:5/n", "postgresql://me@[::1]:5/n", "p@/ss"),
        (
            "postgresql://me@host/night?password=s3cr3t&sslmode=require",
            "postgresql://me@host/night?sslmode=require",
            SECRET,
        ),
    ],
)
def test_a_password_is_kept_apart_from_the_url(text: str, shown: str, password: str | None) -> None:
    place = parse_place(text)

    assert isinstance(place, Server)
    assert (str(place), place.password) == (shown, password)
    assert SECRET not in repr(place) + f"{place}"
    assert environment_of(place) == ({} if password is None else {"PGPASSWORD": password})
    assert folders_of(place) == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("mysql://me:s3cr3t@host/night", "mysql: is no kind of database"),
        ("sqlite:///results.db", "sqlite: is no kind of database"),
        ("postgresql:/me:s3cr3t@host/night", "one slash where two belong"),
        ("postgresql://me:s3cr3t@host", "the URL of the database names none"),
        ("postgresql://me:s3cr3t@host/", "the URL of the database names none"),
        ("postgresql://me:s3cr3t@host/a/b", "a / in the database's name"),
        ("postgresql://me:a@s3cr3t@host/night", "means something in URLs"),
        ("postgresql://me:a/s3cr3t@host/night", "means something in URLs|the port is none"),
        ("postgresql://me:a#s3cr3t@host/night", "means something in URLs"),
        ("postgresql://me:a?s3cr3t@host/night", "the port is none|names none"),
        ("postgresql://me:s3cr3t@host:pg/night", "the port is none"),
        ("postgresql://me:s3cr3t@host:99999/night", "the port is none"),
        ("postgresql://me:s3cr3t[@host/night", "cannot be read"),
    ],
)
def test_a_wrong_url_is_refused_with_a_fix_and_without_its_password(text: str, what: str) -> None:
    with pytest.raises(StoreError, match=rf"(?:{what})(?s:.*)\n  fix: ") as caught:
        parse_place(text)

    assert SECRET not in str(caught.value)


def test_a_message_of_the_driver_is_shown_without_the_password() -> None:
    place = parse_place("postgresql://me:p%40%20ss@host/night")

    assert isinstance(place, Server)
    assert place.without_password("no p@ ss, no p%40%20ss") == "no ***, no ***"
