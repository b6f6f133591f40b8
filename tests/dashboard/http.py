"""A dashboard without a socket, for requests that no browser would send."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from fastapi import FastAPI

from dse.dashboard.web.app import make_app
from dse.dashboard.web.security import make_access
from tests.dashboard.conftest import TOKEN, NoProcesses

HOST = "127.0.0.1:8642"
_OPENED: list[FastAPI] = []


@dataclass(frozen=True, kw_only=True)
class Answer:
    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(kw_only=True)
class Asking:
    """Sends requests as they are written, path and headers alike; keeps cookies."""

    app: FastAPI
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self.request("POST", path, **options)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        raw, _, query = path.partition("?")
        body = urlencode(data or {}).encode()
        sent = {"host": HOST, **(headers or {})}
        if self.token and method == "POST":  # as act.js does; no link can
            sent.setdefault("authorization", f"Bearer {self.token}")
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if data is not None:
            sent |= {
                "content-type": "application/x-www-form-urlencoded",
                "content-length": str(len(body)),
            }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "root_path": "",
            "query_string": (urlencode(params) if params else query).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8642),
        }
        # in a thread of its own: Playwright has a running loop in the test's
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(self._send(scope, body))).result()

    async def _send(self, scope: dict[str, Any], body: bytes) -> Answer:
        messages: list[dict[str, Any]] = []

        bodies = iter([body])

        async def receive() -> dict[str, Any]:
            if next(bodies, None) is None:
                await asyncio.Event().wait()  # the asker stays on the line
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(dict(message))

        await self.app(scope, receive, send)
        start, *rest = messages
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        if "set-cookie" in headers:
            name, _, value = headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        content = b"".join(message.get("body", b"") for message in rest)
        return Answer(status_code=start["status"], headers=headers, content=content)


def client(
    database: Path,
    *,
    host: str = "127.0.0.1",
    cache: Path | None = None,
    resume: Callable[[str], str] = lambda study: f"{study} goes on",
    started: list[tuple[str, Path]] | None = None,
    configs: Sequence[Path] = (),
) -> Asking:
    app = make_app(
        database,
        access=make_access(token=TOKEN, host=host, port=8642),
        cache_root=cache or database.parent,
        processes=NoProcesses(resume, [] if started is None else started),
        configs=configs,
        now_s=lambda: 1_800_000_000.0,
    )
    _OPENED.append(app)
    return Asking(app=app)


def close_clients() -> None:
    """Close the databases of all clients; Python 3.13 warns of one that is left open."""
    while _OPENED:
        for connection in _OPENED.pop().state.connections:
            connection.close()


def acting(asking: Asking) -> Asking:
    """Enter with the token, as a person who opens the printed address does."""
    answer = asking.get("/", params={"token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"].endswith(f"#token={TOKEN}")
    asking.token = TOKEN
    return asking
