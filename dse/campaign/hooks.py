"""Telling a person: by a program of theirs, or by a request to an address. Neither is waited for.

A hook that fails, hangs or is not there costs the study nothing: it is said once on standard error.
"""

import http.client
import json
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from contracts.faults import DseError
from dse.campaign.events import CampaignEvent
from dse.campaign.notices import Lookout, Notice
from dse.config import Notify
from dse.store import Place, Store
from dse.store.workers import worker_name
from dse.words import printable
from runners.tools import child

_LIMIT_S = 20.0
_LOOK_S = 1.0
_ERROR_BYTES = 300


class Notifier:
    """Watches one campaign from a thread of its own, and tells what ``Lookout`` finds.

    Every notice is claimed in the database first, so that of many workers one tells it.

    Args:
        study: Name of the study.
        settings: Whom to tell, and what.
        database: Has the study.
        folders: Whose free space is watched.
        say: Prints a line: a hook failed.
        limit_s: How long a hook may take.
    """

    def __init__(
        self,
        study: str,
        settings: Notify,
        *,
        database: Place,
        folders: Sequence[Path],
        say: Callable[[str], None],
        limit_s: float = _LIMIT_S,
    ) -> None:
        self._study = study
        self._settings = settings
        self._database = database
        self._folders = folders
        self._say = say
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._lookout = Lookout(study=study, settings=settings, now_s=time.time())
        self._last: list[Notice] = []
        self._is_closing = threading.Event()
        # a daemon: a hook that hangs does not keep the process
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if settings.is_wanted:
            self._thread.start()

    def listen(self, event: CampaignEvent) -> None:
        """Take one event of the campaign; quick."""
        with self._lock:
            self._lookout.take(event, now_s=time.time())

    def close(self, last: Notice | None = None) -> None:
        """End, after telling one thing more; waits no longer than hooks may take."""
        if not self._settings.is_wanted:
            return
        if last is not None and last.kind.value in self._settings.on:
            self._last.append(last)
        self._is_closing.set()
        self._thread.join(2 * self._limit_s + _LOOK_S)

    def _watch(self) -> None:
        while not self._is_closing.wait(_LOOK_S):
            free = {
                str(folder): space
                for folder in self._folders
                if (space := _free(folder)) is not None
            }
            with self._lock:
                due = self._lookout.due(now_s=time.time(), free_bytes=free)
            self._tell(due)
        self._tell(self._last)

    def _tell(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            if self._is_ours(notice):
                content = notice_data(self._study, notice)
                for problem in tell(self._settings, content, limit_s=self._limit_s):
                    self._say(f"the notice {notice.kind} could not be given: {problem}")

    def _is_ours(self, notice: Notice) -> bool:
        """Claim a notice; where the database cannot be written, telling twice is better."""
        try:
            with Store(self._database) as store:
                return store.claim_notice(
                    self._study,
                    notice.kind,
                    key=notice.key,
                    text=notice.text,
                    worker=worker_name(),
                    now_s=time.time(),
                    quiet_s=notice.quiet_s,
                )
        except DseError:
            return True


def notice_data(study: str, notice: Notice) -> dict[str, str]:
    """Return what a hook is given, as JSON values."""
    return {"event": notice.kind.value, "study": study, "text": printable(notice.text)}


def tell(settings: Notify, content: Mapping[str, str], *, limit_s: float) -> list[str]:
    """Run the hooks of a config and return what went wrong with them.

    Args:
        settings: Which program, which address.
        content: What to say, see ``notice_data``.
        limit_s: How long each may take.
    """
    problems = []
    if settings.command:
        problems += _run(settings.command, content, limit_s)
    if settings.webhook:
        problems += _post(settings.webhook, content, limit_s)
    return problems


def _run(command: Sequence[str], content: Mapping[str, str], limit_s: float) -> list[str]:
    """Run a program without a shell: ``{text}`` and the like are replaced in its words."""
    words = list(command)
    for name, value in content.items():
        words = [word.replace(f"{{{name}}}", value) for word in words]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(json.dumps(dict(content)).encode())
        given.seek(0)
        try:
            process = child.start(
                words, is_tied=True, stdin=given, stdout=subprocess.DEVNULL, stderr=said
            )
        except (OSError, ValueError) as error:
            return [f"{command[0]} cannot be started: {error}"]
        try:
            status = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            child.end(process)
            return [f"{command[0]} did not end within {limit_s:g} s"]
        if status == 0:
            return []
        said.seek(0)
        told = printable(said.read(_ERROR_BYTES).decode(errors="replace")).strip()
        return [f"{command[0]} ended with status {status}{': ' if told else ''}{told}"]


def _post(url: str, content: Mapping[str, str], limit_s: float) -> list[str]:
    """Send a notice to an address; a server that answers drop by drop is left alone."""
    problems: list[str] = []

    def send() -> None:
        body = json.dumps(dict(content)).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "soft-soc-dse"}
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=2 * limit_s):
                return
        except urllib.error.HTTPError as error:
            error.close()
            problems.append(f"the webhook answered {error.code}")
        except (OSError, ValueError, http.client.HTTPException) as error:
            problems.append(f"the webhook could not be reached: {error}")

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    sending.join(limit_s)
    if sending.is_alive():
        return [f"the webhook did not answer within {limit_s:g} s"]
    return problems


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
