"""What a person is told of a night, and hooks that fail: real programs, a real web server."""

import http.server
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from contracts.faults import Cancelled, ToolCrashed
from contracts.measurement import Completed, Fidelity, Measurement, Outcome, outcome_of
from dse.campaign import hooks
from dse.campaign.events import AttemptEnded, Note, StageChanged, TrialStarted
from dse.campaign.hooks import Notifier, tell
from dse.campaign.notices import Lookout, Notice, NoticeKind
from dse.config import Notify
from dse.config.file import NOTICES
from dse.store import Store, TrialRecord, TrialState
from runners.job import StageEvent, StageState

ALL = Notify(command=("true",), on=frozenset(NOTICES), stuck_after_s=100, failing_in_a_row=3)
TRIAL = TrialRecord(
    1, 1, 7, "d", "{}", "c", Fidelity.SIMULATED, "x", TrialState.RUNNING, 0.0, None, 0, 0.0, None,
    None, 1,
)  # fmt: skip
GOOD = Completed(measurement=Measurement(metrics=()))
CRASH = outcome_of(ToolCrashed("yosys failed", fix="-"), Measurement(metrics=()))
GIVEN_BACK = outcome_of(Cancelled("interrupted", fix="-"), Measurement(metrics=()))
CONTENT = {"event": "stuck", "study": "night", "text": 'it is $(stuck); `rm` "x" {study}'}


def ended(outcome: Outcome) -> AttemptEnded:
    return AttemptEnded(trial=TRIAL, outcome=outcome, state=TrialState.WAITING, wall_s=1.0)


def kinds(lookout: Lookout, now_s: float, free: dict[str, int] | None = None) -> list[str]:
    return [notice.kind.value for notice in lookout.due(now_s=now_s, free_bytes=free or {})]


def test_the_names_in_a_config_are_those_of_the_notices() -> None:
    assert set(NOTICES) == set(NoticeKind)


def test_a_study_that_does_not_move_is_stuck_once_until_it_moves() -> None:
    lookout = Lookout(study="night", settings=ALL, now_s=1000)
    lookout.take(TrialStarted(trial=TRIAL, attempt=1), now_s=1000)
    lookout.take(
        StageChanged(number=7, event=StageEvent(stage="simulate", state=StageState.STARTED)),
        now_s=1010,
    )
    lookout.take(Note(text="this is no movement"), now_s=1100)

    assert kinds(lookout, 1109) == []
    (notice,) = lookout.due(now_s=1111, free_bytes={})
    assert notice.text == "study night has not moved for 1 min 41 s: trial 7 in simulate"
    assert kinds(lookout, 5000) == []
    lookout.take(ended(GOOD), now_s=5000)
    assert kinds(lookout, 5101) == ["stuck"]


def test_failures_in_a_row_are_told_and_a_result_ends_the_row() -> None:
    lookout = Lookout(study="night", settings=ALL, now_s=0)
    for outcome in (CRASH, CRASH, GOOD, CRASH, GIVEN_BACK, CRASH):
        lookout.take(ended(outcome), now_s=1)
        assert kinds(lookout, 2) == []
    lookout.take(ended(CRASH), now_s=1)

    (notice,) = lookout.due(now_s=2, free_bytes={})
    assert notice.text.endswith(
        "3 attempts in a row failed, the last one by tool-crashed: yosys failed"
    )
    lookout.take(ended(CRASH), now_s=1)
    assert kinds(lookout, 2) == []


def test_a_disk_is_low_once_until_there_was_room_again() -> None:
    lookout = Lookout(study="night", settings=ALL, now_s=0)

    assert kinds(lookout, 1, {"/db": 3 * 10**9, "/cache": 10**9}) == ["disk-low"]
    assert kinds(lookout, 2, {"/db": 10**9}) == []
    assert kinds(lookout, 3, {"/db": 3 * 10**9}) == []
    assert kinds(lookout, 4, {"/db": 0}) == ["disk-low"]


def test_only_what_is_asked_for_is_told() -> None:
    lookout = Lookout(study="night", settings=replace(ALL, on=frozenset({"stuck"})), now_s=0)

    assert kinds(lookout, 1, {"/db": 0}) == []
    assert kinds(lookout, 101, {"/db": 0}) == ["stuck"]


def test_a_notice_is_given_by_one_process_and_once(tmp_path: Path) -> None:
    def claim(store: Store, kind: str, key: str, *, now_s: float, quiet_s: float = 0.0) -> bool:
        return store.claim_notice(
            "night", kind, key=key, text="t", worker="w", now_s=now_s, quiet_s=quiet_s
        )

    with Store(tmp_path / "a.db") as one, Store(tmp_path / "a.db") as two:
        assert claim(one, "finished", "8 completed", now_s=1)
        assert not claim(two, "finished", "8 completed", now_s=9e9)
        assert claim(two, "finished", "9 completed", now_s=2)
        assert claim(two, "stuck", "1", now_s=10, quiet_s=100)
        assert not claim(one, "stuck", "2", now_s=109, quiet_s=100)
        assert claim(one, "stuck", "3", now_s=111, quiet_s=100)


def test_a_program_gets_its_words_without_a_shell_and_the_notice_as_json(tmp_path: Path) -> None:
    program = (
        "import json, sys; from pathlib import Path\n"
        "Path(sys.argv[1]).write_text(json.dumps([sys.argv[2:], json.load(sys.stdin)]))"
    )
    command = (sys.executable, "-c", program, str(tmp_path / "told"), "{event}: {text}", "$HOME")

    assert tell(replace(ALL, command=command), CONTENT, limit_s=60) == []
    words, given = json.loads((tmp_path / "told").read_text())
    assert words == [f"stuck: {CONTENT['text']}", "$HOME"]
    assert given == CONTENT


@pytest.mark.parametrize(
    ("command", "limit_s", "problem"),
    [
        (("/nowhere/at-all",), 60.0, "/nowhere/at-all cannot be started"),
        (("sh", "-c", r"printf 'no\033[31m' >&2; exit 1"), 60.0, "ended with status 1: no"),
        (("sleep", "99"), 1.0, "did not end within 1 s"),
        (("sh", "-c", "kill -9 $$"), 60.0, "ended with status -9"),
    ],
)
def test_a_program_that_fails_is_said_in_one_line(
    command: tuple[str, ...], limit_s: float, problem: str
) -> None:
    (said,) = tell(replace(ALL, command=command), CONTENT, limit_s=limit_s)

    assert problem in said
    assert said.isprintable()


class Web(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent; `/slow` waits until it may answer, `/wrong` answers 500."""

    bodies: ClassVar[list[bytes]] = []
    may_answer: ClassVar[threading.Event] = threading.Event()

    def do_POST(self) -> None:
        if self.path == "/slow":
            self.may_answer.wait(60)
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(500 if self.path == "/wrong" else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def web() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_an_address_is_sent_the_notice(web: str) -> None:
    settings = replace(ALL, command=(), webhook=f"{web}/good")

    assert tell(settings, CONTENT, limit_s=30) == []
    assert json.loads(Web.bodies[-1]) == CONTENT


@pytest.mark.parametrize(
    ("path", "limit_s", "problem"),
    [
        ("/wrong", 60, "the webhook answered 500"),
        ("/slow", 1, "the webhook did not answer within 1 s"),
    ],
)
def test_an_address_that_fails_is_said(web: str, path: str, limit_s: int, problem: str) -> None:
    settings = replace(ALL, command=(), webhook=web + path)

    Web.may_answer.clear()
    assert tell(settings, CONTENT, limit_s=limit_s) == [problem]
    Web.may_answer.set()  # not before


def test_nobody_listens_at_an_address() -> None:
    settings = replace(ALL, command=(), webhook="http://127.0.0.1:9/")

    (said,) = tell(settings, CONTENT, limit_s=60)
    assert said.startswith("the webhook could not be reached")


def test_a_hook_that_hangs_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    hanging = (sys.executable, "-c", "import time; time.sleep(99)")
    has_begun, may_go_on = threading.Event(), threading.Event()

    def tell_late(*given: Any, **how: Any) -> list[str]:
        has_begun.set()
        assert may_go_on.wait(60), "who listens waits for the hook"
        return tell(*given, **{**how, "limit_s": 1.0})  # less, so that its end is waited for

    monkeypatch.setattr(hooks, "tell", tell_late)
    notifier = Notifier(
        "night",
        replace(ALL, command=hanging, failing_in_a_row=1),
        database=tmp_path / "results.db",
        folders=[tmp_path],
        say=said.append,
        limit_s=60.0,
    )
    notifier.listen(ended(CRASH))
    assert has_begun.wait(60)
    for _ in range(100):
        notifier.listen(ended(CRASH))
    may_go_on.set()
    notifier.close(Notice(kind=NoticeKind.FINISHED, text="it has ended", key="1"))
    assert said
    assert "the notice finished could not be given" in said[-1]
