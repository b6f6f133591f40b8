"""The dashboard of studies on a server: the same pages, woken by the server, and there after it."""

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.postgresql import PostgreSQLServer
from dse.dashboard.example import unpack
from dse.dashboard.web.app import make_app
from dse.dashboard.web.security import make_access
from dse.dashboard.web.serve import make_server
from dse.store import Place, Reader, Store

pytestmark = pytest.mark.slow


@contextmanager
def served(place: Place, cache: Path) -> Iterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    access = make_access(token="token", host="127.0.0.1", port=port)
    app = make_app(place, access=access, cache_root=cache)
    web = make_server(app)
    thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        web.should_exit = True
        web.wake()
        thread.join(20)
        for each in app.state.connections:
            each.close()


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def test_pages_of_a_study_on_a_server_are_live_and_outlive_its_restart(
    server: PostgreSQLServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for looks in ("watch.LOOK_S", "events.LOOK_S", "events.ALIVE_S"):  # notices alone wake
        monkeypatch.setattr(f"dse.dashboard.web.{looks}", 3600.0)
    place = server.new_database()
    with Reader(unpack(tmp_path / "example.db")) as example, Store(place) as store:
        copied = store.take_study(example, "imgc", new="imgc", now_s=1.0, client="me")
        assert copied.trials == example.changes("imgc").trials.ids.size  # type: ignore[union-attr]
        study = store.study("imgc")

        with served(place, tmp_path) as url:
            for page in ("", "/studies/imgc", "/studies/imgc/trials/1", "/studies/imgc/report"):
                assert "imgc" in read(f"{url}{page}")
            with urllib.request.urlopen(f"{url}/studies/imgc/events", timeout=30) as events:
                told = (line for line in events if line.startswith(b"event:"))
                assert next(told) == b"event: reload\n"
                store.request_stop(study.id, now_s=2.0)
                assert next(told) in (b"event: trials\n", b"event: progress\n")
            server.stop("immediate")
            with pytest.raises(urllib.error.HTTPError, match="503"):
                read(f"{url}/studies/imgc")
            server.start()
            assert "imgc" in read(f"{url}/studies/imgc")
