"""A second place for artefacts, which several machines share: asked before a build, filled after.

It is not believed. An entry is a list of files with the SHA-256 of each, and the files lie under
these hashes; what arrives is hashed on the way, and put into the cache only as a whole and right
entry of its key. Hashes tell damage, not malice: whoever may write there decides what is run here.

A place that cannot be reached, read or written costs a warning and is left alone for a while; the
stage is built here.
"""

import hashlib
import json
import logging
import platform
import re
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from contracts.untrusted import parse_json
from runners.pipeline.entries import MANIFEST, judge

_LOG = logging.getLogger(__name__)
_SCHEMA = 1
_AWAY_S = 600.0
"""For so long a place that failed is not asked again, by any process of this cache."""
_LIMIT_S = 300.0
"""For one file; a place that hangs is one that failed."""
_CHECK_S = 20.0
_MOST_NAME = 1000
_MOST_FILES = 20_000
_MOST_BYTES = 8 << 30
_MOST_LIST_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


Use = Literal["read", "write"]


class _Damaged(Exception):
    """What arrived is not what was promised."""


class Remote:
    """A folder at an fsspec address. Every method returns, and none raises for what is there.

    Args:
        url: ``file:///mnt/shared``, ``ssh://host/folder``, ``s3://bucket/folder`` and so on.
        cache_root: Folder of the cache beside which it stands.
    """

    def __init__(self, url: str, *, cache_root: Path) -> None:
        self.url = url
        self._marks = cache_root, hashlib.sha256(url.encode()).hexdigest()[:16]
        # what is compiled for one C library does not run with an older one
        self._platform = f"{platform.machine()}-{'-'.join(platform.libc_ver())}"
        self._files: Any = None
        self._base = ""
        self._bad: set[str] = set()

    def is_away(self, use: Use) -> bool:
        """Tell whether it failed at this a short time ago, here or in another process."""
        try:
            return 0 <= time.time() - self._mark(use).stat().st_mtime < _AWAY_S
        except OSError:
            return False

    def check(self) -> str:
        """Look there, write a small file and remove it; return what is wrong, or an empty text."""

        def write() -> None:
            path = f"{self._place()}/probe-{uuid.uuid4().hex}"
            self._put(path, b"")
            self._files.rm_file(path)

        problem = self._attempt("read", self._look, limit_s=_CHECK_S) or self._attempt(
            "write", write, limit_s=_CHECK_S
        )
        if not problem:
            for use in get_args(Use):
                self._mark(use).unlink(missing_ok=True)
        return problem

    def _look(self) -> None:
        place = self._place()
        self._files.exists(place)

    def fetch(self, stage: str, key: str, *, version: int, into: Path) -> Path | None:
        """Bring an entry into an empty folder; None when it is not there or not right.

        Args:
            stage: Name of its stage.
            key: Its key.
            version: Of the stage.
            into: The folder.

        Returns:
            The folder ``STAGE/KEY`` below ``into``, every byte of it verified.
        """
        if self.is_away("read"):
            return None
        folder = into / stage / key
        found = False

        def bring() -> None:
            nonlocal found
            path = f"{self._place()}/{stage}/{key}.json"
            try:
                content = self._read(path, _MOST_LIST_BYTES)
            except FileNotFoundError:
                return
            left_bytes = _MOST_BYTES
            for name, entry in _listed(content).items():
                left_bytes -= self._bring_file(entry, folder / name, left_bytes)
            found = True

        try:
            self._attempt("read", bring)
        except _Damaged as error:
            self._refuse(stage, key, str(error))
            return None
        if not found:
            return None
        damage = judge(folder, version=version).damage
        if damage:
            self._refuse(stage, key, damage)
            return None
        return folder

    def fill(self, stage: str, key: str, folder: Path) -> None:
        """Put an entry there, the list of its files last: it is there as a whole or not at all."""
        if self.is_away("write"):
            return

        def send() -> None:
            files = {}
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                self._send_file(path, digest)
                files[path.relative_to(folder).as_posix()] = {
                    "sha256": digest,
                    "bytes": path.stat().st_size,
                    "is_program": bool(path.stat().st_mode & 0o100),
                }
            content = json.dumps({"schema": _SCHEMA, "files": files}, sort_keys=True)
            self._put(f"{self._place()}/{stage}/{key}.json", content.encode())

        self._attempt("write", send)

    def _refuse(self, stage: str, key: str, why: str) -> None:
        _LOG.warning("%s/%s of %s is not taken (%s)", stage, key, self.url, why)

    def _mark(self, use: Use) -> Path:
        """Return the file whose time says when it failed at this."""
        root, name = self._marks
        return root / f"remote-{name}-no-{use}"

    def _place(self) -> str:
        """Return the folder for this platform, connecting first."""
        if self._files is None:
            from fsspec.core import url_to_fs  # takes a second to import, and few ask for it

            self._files, base = url_to_fs(self.url)
            self._base = f"{base.rstrip('/')}/{self._platform}"
        return self._base

    def _blob(self, digest: str) -> str:
        return f"{self._place()}/files/{digest[:2]}/{digest}"

    def _read(self, path: str, most_bytes: int) -> bytes:
        with self._files.open(path, "rb") as source:
            content: bytes = source.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise _Damaged(f"{path} is larger than {most_bytes:,} bytes")
        return content

    def _bring_file(self, entry: dict[str, Any], path: Path, most_bytes: int) -> int:
        """Write one file of an entry and return its size; its hash is checked on the way."""
        digest, size = entry["sha256"], entry["bytes"]
        if size > most_bytes:
            raise _Damaged(f"it is larger than {_MOST_BYTES:,} bytes")
        path.parent.mkdir(parents=True, exist_ok=True)
        whole, left = hashlib.sha256(), size
        try:
            with self._files.open(self._blob(digest), "rb") as source, path.open("xb") as target:
                while chunk := source.read(min(_CHUNK_BYTES, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        break
                    whole.update(chunk)
                    target.write(chunk)
        except FileNotFoundError as error:
            raise _Damaged(f"a file of it is missing: {error}") from error
        if left or whole.hexdigest() != digest:
            self._bad.add(digest)  # to be replaced by the one that is built here
            raise _Damaged(f"{path.name} has other content than its hash says")
        path.chmod(0o755 if entry["is_program"] else 0o644)
        return int(size)

    def _send_file(self, path: Path, digest: str) -> None:
        blob = self._blob(digest)
        if digest in self._bad or not self._files.exists(blob):
            self._put(blob, path)
            self._bad.discard(digest)

    def _put(self, path: str, content: bytes | Path) -> None:
        """Write a file under another name first: nobody sees half of it."""
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        half = f"{path}.{uuid.uuid4().hex}"
        try:
            if isinstance(content, bytes):
                self._files.pipe_file(half, content)
            else:
                self._files.put_file(str(content), half)
            self._files.mv(half, path)
        except BaseException:
            _quietly(lambda: self._files.rm_file(half))
            raise

    def _attempt(
        self, use: Use, work: Callable[[], object], *, limit_s: float | None = None
    ) -> str:
        """Do something there within a limit; return what went wrong, and leave it alone then.

        Raises:
            _Damaged: From ``work``: the place is well, what it has is not.
        """
        raised: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - any library may be behind an address
                raised.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        limit_s = limit_s or _LIMIT_S
        thread.join(limit_s)
        if thread.is_alive():
            return self._leave_alone(use, f"it does not answer within {limit_s:g} s")
        if not raised:
            return ""
        (error,) = raised
        if isinstance(error, _Damaged):
            raise error
        return self._leave_alone(use, f"{type(error).__name__}: {error}")

    def _leave_alone(self, use: Use, problem: str) -> str:
        _LOG.warning("the shared cache %s cannot be used to %s: %s", self.url, use, problem)
        _quietly(self._mark(use).touch)
        return problem


def _listed(content: bytes) -> dict[str, dict[str, Any]]:
    """Return the files of an entry by name, from a list that anybody may have written.

    Raises:
        _Damaged: It is no such list, or names a file that would lie elsewhere.
    """
    try:
        decoded = parse_json(content)
        files = decoded["files"]
        if decoded["schema"] != _SCHEMA or not isinstance(files, dict) or MANIFEST not in files:
            raise _Damaged("its list of files is not one")
        if len(files) > _MOST_FILES:
            raise _Damaged(f"it has more than {_MOST_FILES:,} files")
        for name, entry in files.items():
            parts = PurePosixPath(name).parts
            is_inside = name == "/".join(parts) and not {"..", "/", "."} & {*parts}
            is_long = len(name) > _MOST_NAME or any(len(part) > 200 for part in parts)
            has_inner = any(str(parent) in files for parent in PurePosixPath(name).parents)
            if not is_inside or not parts or is_long or has_inner or {"\0", "\\"} & {*name}:
                raise _Damaged(f"it names a file {name[:80]!r}")
            if not _SHA256.fullmatch(entry["sha256"]) or type(entry["bytes"]) is not int:
                raise _Damaged("its list of files is not one")
            if entry["bytes"] < 0 or type(entry["is_program"]) is not bool:
                raise _Damaged("its list of files is not one")
    except (ValueError, KeyError, TypeError) as error:
        raise _Damaged(f"its list of files cannot be read: {error!r}"[:200]) from error
    return dict(files)


def _quietly(work: Callable[[], object]) -> None:
    try:
        work()
    except OSError:
        return
