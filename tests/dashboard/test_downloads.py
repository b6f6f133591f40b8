"""Large downloads come in pieces, few of which are made at the same time, and end all the same."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dse.dashboard.pages import downloads
from tests.dashboard.http import HOST, client

AT_ONCE = 20


def test_twenty_downloads_are_made_a_few_pieces_at_a_time(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = client(example)
    expected = asking.get("/studies/imgc/trials.csv").text
    made, lock = 0, threading.Lock()
    most = 0

    def slow(names: Any, rows: Any) -> Iterator[str]:
        nonlocal made, most
        for piece in table(names, rows):
            with lock:
                made += 1
                most = max(most, made)
            time.sleep(0.01)
            with lock:
                made -= 1
            yield piece

    table = downloads.table
    monkeypatch.setattr(downloads, "table", slow)
    monkeypatch.setattr(downloads, "_ROWS_AT_ONCE", 10)

    async def ask() -> list[tuple[int, str]]:
        return await asyncio.gather(*(download(asking.app) for _ in range(AT_ONCE)))

    with ThreadPoolExecutor(1) as apart:  # a browser of another test has a loop in this thread
        found = apart.submit(asyncio.run, ask()).result()
    assert [text for _, text in found] == [expected] * AT_ONCE
    assert all(pieces >= 5 for pieces, _ in found)
    assert 0 < most <= 2


async def download(app: Any) -> tuple[int, str]:
    """Return in how many pieces a table came, and all of it."""
    pieces: list[bytes] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/studies/imgc/trials.csv", "query_string": b"",
        "raw_path": b"/studies/imgc/trials.csv", "root_path": "", "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8642), "headers": [(b"host", HOST.encode())],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: Any) -> None:
        if message.get("body"):
            pieces.append(message["body"])

    await app(scope, receive, send)
    return len(pieces), b"".join(pieces).decode()
