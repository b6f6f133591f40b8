"""Who may read, who may act, and what a browser is told to refuse.

Threats: a page of another site that makes this browser act (cross-site request forgery), or
reads through a name that it points at this machine (DNS rebinding); scripts smuggled into text
that is shown; other users of the network, once the dashboard listens to it; other programs of this
machine that get this browser's cookies, since those know hosts and no ports.

Acting needs the header ``Authorization``, which ``act.js`` sends; no form and no other site can.
"""

import hashlib
import hmac
import ipaddress
import socket
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
            "connect-src 'self'", "form-action 'self'", "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # not no-referrer: with it browsers send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may do what.

    Attributes:
        token: Secret that allows acting; printed at the start. It is in no cookie: browsers send
            those to every port of a host, and so to programs of others.
        reading_needs_token: Whether reading needs a secret, too.
        names: Host names under which the dashboard answers, beside addresses.
        cookie: Name of the cookie that allows reading; it names the port.
    """

    token: str
    reading_needs_token: bool
    names: frozenset[str]
    cookie: str

    @property
    def reading_key(self) -> str:
        """What the cookie holds: it allows reading, and does not tell the token."""
        return self._derived(b"read")

    @property
    def page_key(self) -> str:
        """What pages hold: by it a browser knows whether the token that it keeps is of this run."""
        return self._derived(b"page")[:16]

    def _derived(self, purpose: bytes) -> str:
        return hmac.new(self.token.encode(), purpose, hashlib.sha256).hexdigest()

    def is_token(self, given: str | None) -> bool:
        """Compare in constant time."""
        return given is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def is_reading_key(self, given: str | None) -> bool:
        """Compare in constant time."""
        return given is not None and hmac.compare_digest(given.encode(), self.reading_key.encode())

    def is_our_host(self, host: str) -> bool:
        """Tell whether a request names this machine: by an address, or by a name of ours.

        An attacker can point a name of his own here, but not make an address his own.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def make_access(*, token: str, host: str, port: int) -> Access:
    """Return the rules for a dashboard that listens at ``host``."""
    loopback = is_loopback(host)
    names = {"localhost", host.lower()}
    if not loopback:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return Access(
        token=token,
        reading_needs_token=not loopback,
        names=frozenset(names),
        cookie=f"dse_token_{port}",
    )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Middleware around all routes: checks host and token, adds headers, sets ``state.may_act``."""

    def __init__(self, app: ASGIApp, *, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    sent.setdefault(name, value)
                sent.setdefault("Cache-Control", "no-cache")
            await send(message)

        refused = self._refusal(scope, headers)
        scope.setdefault("state", {})["may_act"] = self._access.is_token(_bearer(headers))
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        access = self._access
        if not access.is_our_host(headers.get("host", "")):
            return PlainTextResponse(
                f"error: this dashboard does not answer as {headers.get('host', '')[:100]!r}\n"
                "  fix: open it by its address or as localhost\n",
                status_code=421,
            )
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token")
        if given is not None and scope["method"] == "GET":
            return self._enter(scope["path"], query, given)
        if access.reading_needs_token and not self._may_read(headers):
            return PlainTextResponse(
                "error: this dashboard listens to the network, so reading needs its token\n"
                "  fix: open the address that the dashboard command printed;"
                " scripts send the header `Authorization: Bearer TOKEN`\n",
                status_code=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        return None

    def _enter(self, path: str, query: list[tuple[str, str]], given: str) -> Response:
        """Hand the token to the page behind a ``#``: browsers send that part to no server.

        ``theme.js`` takes it from there and keeps it for this address and port alone.
        """
        if not self._access.is_token(given):
            return PlainTextResponse(
                "error: the token in the address is not that of this dashboard\n"
                "  fix: open the address that the dashboard command printed last\n",
                status_code=403,
            )
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        clean = "/" + path.lstrip("/")  # `//host` would lead to another site
        response = RedirectResponse(
            f"{clean}{f'?{rest}' if rest else ''}#token={quote(given, safe='')}", status_code=303
        )
        if self._access.reading_needs_token:
            key = self._access.reading_key
            response.set_cookie(self._access.cookie, key, httponly=True, samesite="strict")
        return response

    def _may_read(self, headers: Headers) -> bool:
        if self._access.is_token(_bearer(headers)):
            return True
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        cookie = cookies.get(self._access.cookie)
        return cookie is not None and self._access.is_reading_key(cookie.value)


def _bearer(headers: Headers) -> str | None:
    kind, _, given = headers.get("authorization", "").partition(" ")
    return given if kind == "Bearer" else None


def is_from_here(headers: Headers) -> bool:
    """Tell whether a request that changes something comes from a page of ours.

    Browsers always send one of the two headers with a form; what sends neither is no browser, and
    was not tricked into it.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    return origin is None or urlsplit(origin).netloc == headers.get("host")
