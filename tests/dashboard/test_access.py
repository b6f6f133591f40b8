"""Who may read and act, each rule by itself; whole requests are in ``test_security``."""

import asyncio
import socket
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from dse.dashboard.web.security import (
    HEADERS,
    Access,
    Guard,
    is_from_here,
    is_loopback,
    make_access,
)

LOCAL = make_access(token="secret", host="127.0.0.1", port=8000)
OPEN = make_access(token="secret", host="0.0.0.0", port=9000)


def ask(
    access: Access,
    target: str = "/",
    *,
    method: str = "GET",
    host: str = "localhost:8000",
    kind: str = "http",
    **headers: str,
) -> tuple[int, dict[str, str], bool | None]:
    """Return status, headers, and whether the application was told that this one may act."""
    seen: list[bool] = []
    sent: list[dict[str, Any]] = []
    path, _, query = target.partition("?")
    scope: dict[str, Any] = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (b"host", host.encode()),
            *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
        ],
    }

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope.get("state", {}).get("may_act"))
        await PlainTextResponse("here")(scope, receive, send)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(app, access=access)(scope, receive, send))
    (start,) = (message for message in sent if message["type"].endswith("response.start"))
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, seen[0] if seen else None


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("localhost", True), ("localhost:8000", True), ("LOCALHOST", True), ("127.0.0.1", True),
        ("192.168.1.5:8000", True), ("[::1]:8000", True), ("::1", False), ("", False),
        ("evil.example", False), ("localhost.evil.example", False), ("127.0.0.1.evil", False),
        ("[::1", False),
    ],
)  # fmt: skip
def test_addresses_and_our_own_names_are_ours(host: str, is_ours: bool) -> None:
    assert LOCAL.is_our_host(host) is is_ours
    assert (ask(LOCAL, host=host)[0] == 200) is is_ours


def test_names_of_this_machine_are_ours_where_the_network_may_read() -> None:
    assert (LOCAL.reading_needs_token, OPEN.reading_needs_token) == (False, True)
    assert LOCAL.names == {"localhost", "127.0.0.1"}
    assert {socket.gethostname().lower(), socket.getfqdn().lower()} <= OPEN.names
    assert (LOCAL.cookie, OPEN.cookie) == ("dse_token_8000", "dse_token_9000")
    assert make_access(token="t", host="Tower", port=1).is_our_host("tower:1")
    for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1"):
        assert is_loopback(host) is True
    for host in ("0.0.0.0", "192.168.1.5", "tower", ""):
        assert is_loopback(host) is False


def test_the_token_and_what_a_cookie_and_a_page_hold_are_three_secrets() -> None:
    assert LOCAL.is_token("secret")
    assert LOCAL.is_reading_key(LOCAL.reading_key)
    for wrong in (None, "", "Secret", "secret ", LOCAL.reading_key, LOCAL.page_key):
        assert not LOCAL.is_token(wrong)
    for wrong in (None, "", "secret", OPEN.reading_key[:-1], LOCAL.page_key):
        assert not LOCAL.is_reading_key(wrong)
    other = make_access(token="other", host="127.0.0.1", port=8000)
    assert (other.reading_key, other.page_key) != (LOCAL.reading_key, LOCAL.page_key)


@pytest.mark.parametrize(
    ("headers", "may_act"),
    [
        ({}, False),
        ({"authorization": "Bearer secret"}, True),
        ({"authorization": "Bearer wrong"}, False),
        ({"authorization": "secret"}, False),
        ({"authorization": "Basic secret"}, False),
        ({"authorization": f"Bearer {LOCAL.reading_key}"}, False),
        ({"cookie": "dse_token_8000=secret"}, False),
        ({"cookie": f"dse_token_8000={LOCAL.reading_key}"}, False),
    ],
)
def test_who_brings_the_token_in_the_header_may_act(headers: dict[str, str], may_act: bool) -> None:
    assert ask(LOCAL, **headers)[::2] == (200, may_act)


@pytest.mark.parametrize(
    ("cookie", "may_read"),
    [
        (f"dse_token_9000={OPEN.reading_key}", True),
        (f"a=b; dse_token_9000={OPEN.reading_key}", True),
        (f"dse_token_8000={OPEN.reading_key}", False),
        ("dse_token_9000=secret", False),
        ("dse_token_9000=wrong", False),
        ("dse_token_9000", False),
        ("a@b=c", False),  # Python reads no cookies where one has such a name
        (f"a@b=c; dse_token_9000={OPEN.reading_key}", False),
    ],
)
def test_a_cookie_lets_read_and_no_more(cookie: str, may_read: bool) -> None:
    status, found, told = ask(OPEN, cookie=cookie)
    assert (status, told) == ((200, False) if may_read else (401, None))
    assert ("www-authenticate" in found) is not may_read


def test_the_token_of_an_address_goes_behind_its_hash_and_into_no_cookie() -> None:
    status, found, told = ask(OPEN, "//evil/x?a=1&token=secret&b=&a=2")
    assert (status, told) == (303, None)
    assert found["location"] == "/evil/x?a=1&b=&a=2#token=secret"
    cookie = found["set-cookie"].lower()
    assert cookie.startswith(f"dse_token_9000={OPEN.reading_key};")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "secret" not in cookie
    assert ask(OPEN, "/?token=secret")[1]["location"] == "/#token=secret"
    assert "set-cookie" not in ask(LOCAL, "/?token=secret")[1]
    for address in ("/?token=wrong", "/?token="):
        status, found, told = ask(LOCAL, address)
        assert (status, told) == (403, None)
        assert "set-cookie" not in found
    assert ask(LOCAL, "/?token=secret", method="POST")[::2] == (200, False), "only by looking"


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_no_request_is_handed_on_as_it_is(kind: str) -> None:
    """A server says in this way that it starts and stops."""
    given: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        given.append((dict(scope), receive, send))

    async def receive() -> Any:
        raise AssertionError("nobody asks")

    async def send(message: Any) -> None:
        raise AssertionError(message)

    asyncio.run(Guard(app, access=OPEN)({"type": kind}, receive, send))
    assert given == [({"type": kind}, receive, send)]


def test_every_answer_has_the_headers_and_may_say_how_long_it_keeps() -> None:
    for answer in (ask(LOCAL), ask(LOCAL, host="evil.example"), ask(OPEN), ask(LOCAL, "/?token=x")):
        found = answer[1]
        assert all(found[name.lower()] == value for name, value in HEADERS.items())
        assert found["cache-control"] == "no-cache"
    assert ask(LOCAL, host="evil.example")[0] == 421


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"origin": "http://localhost:8000"}, True),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "http://evil.example"}, False),
    ],
)
def test_what_changes_something_comes_from_a_page_of_ours(
    headers: dict[str, str], is_ours: bool
) -> None:
    assert is_from_here(Headers({"host": "localhost:8000", **headers})) is is_ours
