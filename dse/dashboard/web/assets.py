"""Scripts and styles: read once, compressed once, kept by browsers for ever under their hash."""

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runners import ROOT

STATIC = ROOT / "dse" / "dashboard" / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"


class Assets:
    """All files below ``static``, under an address that changes when one of them does."""

    def __init__(self) -> None:
        self._files = {
            path.relative_to(STATIC).as_posix(): path.read_bytes()
            for path in sorted(STATIC.rglob("*"))
            if path.is_file()
        }
        self._packed = {
            name: _packed(content)
            for name, content in self._files.items()
            if Path(name).suffix in _TYPES
        }
        whole = hashlib.sha256()
        for name, content in self._files.items():
            whole.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = whole.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Return the address of a file; modules find each other below it."""
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def respond(self, request: Request, version: str, name: str) -> Response:
        """Answer with a file, compressed where the browser takes that."""
        if name not in self._files:
            return PlainTextResponse("error: there is no such file\n", status_code=404)
        headers = {"Cache-Control": _FOR_EVER if version == self.version else "no-cache"}
        content = self._files[name]
        if name in self._packed and "gzip" in request.headers.get("accept-encoding", ""):
            content = self._packed[name]
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        suffix = Path(name).suffix
        kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "text/plain"
        return Response(content, media_type=kind, headers=headers)


@cache
def _packed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)
