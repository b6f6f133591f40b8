"""The application: routes, the guard around them, and faults as pages or JSON."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.faults import ConfigError, DseError, NotFound, StoreError, Unreadable, Untrusted
from dse.dashboard.data.configs import ConfigFolders
from dse.dashboard.data.studies import Studies
from dse.dashboard.pages import acting, api, downloads, pages, starting
from dse.dashboard.pages.processes import Processes
from dse.dashboard.web.assets import Assets
from dse.dashboard.web.context import Context, Starting, only_known_query
from dse.dashboard.web.rendering import Pages
from dse.dashboard.web.security import Access, Guard
from dse.dashboard.web.watch import Watch
from dse.store import Place, Reader, name_of
from dse.store.dialect import dialect_of

_PACK_ABOVE_BYTES = 1000
_log = logging.getLogger("uvicorn.error")


def make_app(
    database: Place,
    *,
    access: Access,
    cache_root: Path,
    studies: Studies | None = None,
    shown_db: str = "",
    is_example: bool = False,
    now_s: Callable[[], float] | None = None,
    processes: Starting | None = None,
    configs: Sequence[Path] = (),
) -> FastAPI:
    """Return the application for one database.

    Args:
        database: It must exist while pages are asked for.
        access: Who may read and act.
        cache_root: Folder of the artefacts, see ``runners.pipeline.cache``.
        studies: Of that database, where somebody reads them already.
        shown_db: The database as commands on pages name it; its own name when empty.
        is_example: Whether to say that the recorded example is shown.
        now_s: Clock, seconds since 1970; the database's when None.
        processes: Starts processes that work on studies.
        configs: Folders whose config files may be started; the first one takes new files.
    """
    assets = Assets()
    studies = studies or Studies(database)
    stamp = _Stamp(database)
    context = Context(
        studies=studies,
        watch=Watch(lambda: dialect_of(database).notices(database), stamp.stamp),
        pages=Pages(
            assets=assets,
            access=access,
            database=name_of(database),
            is_example=is_example,
            may_start=bool(configs),
        ),
        assets=assets,
        access=access,
        cache_root=cache_root,
        shown_db=shown_db or str(database),
        now_s=now_s or (lambda: studies.reader().now_s()),
        processes=processes or Processes(database),
        configs=ConfigFolders(configs),
    )
    app = FastAPI(
        title="soft-soc-dse",
        version="1",
        description=api.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.context = context
    app.state.connections = (studies, stamp)  # for who takes the application down
    for part in (pages, downloads, acting, starting, api):
        app.include_router(part.router, dependencies=[Depends(only_known_query)])
    app.add_exception_handler(DseError, _show_fault)
    app.add_exception_handler(HTTPException, _show_http_error)
    app.add_exception_handler(RequestValidationError, _show_wrong_request)
    app.add_middleware(Unexpected)
    app.add_middleware(GZipMiddleware, minimum_size=_PACK_ABOVE_BYTES, compresslevel=5)
    app.add_middleware(Guard, access=access)
    return app


class _Stamp:
    """Gives ``Watch`` a number that is another one after each write of the database.

    It has a connection of its own, so that it never waits for a page that reads.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._reader: Reader | None = None

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def stamp(self) -> int:
        if self._reader is None or self._reader.is_outdated:
            self.close()
            self._reader = Reader(self._place)
        return self._reader.stamp()


async def _show_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, DseError)
    status = 500
    if isinstance(error, NotFound):
        status = 404
    elif isinstance(error, ConfigError):
        status = 400
    elif isinstance(error, Unreadable):
        status = 500
    elif isinstance(error, Untrusted):
        status = 403
    elif isinstance(error, StoreError):
        status = 503
    return _error(request, status, error.what, error.fix)


async def _show_wrong_request(request: Request, error: Exception) -> Response:
    """Answer a part of the address that is no number, or not one that is allowed."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where, name = str(first["loc"][0]), str(first["loc"][-1])
    what = f"the {where} has {str(first.get('input'))[:40]!r} for {name[:40]}"
    wanted = str(first["msg"]).partition(",")[0]
    return _error(request, 400, what, wanted.replace("Input should be", "use").lower())


async def _show_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = _error(request, error.status_code, str(error.detail), "go back to the list of studies")
    answer.headers.update(error.headers or {})  # which methods there are
    return answer


class Unexpected:
    """Middleware that answers what no handler expected as an error in words, and logs it.

    It stands within ``Guard``, so that this answer has the headers of all others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and answer it where that ends with an exception."""
        has_begun = False

        async def send_and_tell(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_tell)
        except Exception:
            if scope["type"] != "http" or has_begun:
                raise
            _log.exception("%s %s", scope["method"], scope["path"])
            what = "this page could not be made; the dashboard's terminal has the details"
            fix = "report it as a bug, with those details; other pages are not touched"
            await _error(Request(scope, receive), 500, what, fix)(scope, receive, send)


def _error(request: Request, status: int, what: str, fix: str) -> Response:
    context: Context = request.app.state.context
    if request.url.path.startswith("/api/") or request.method == "POST":
        body = json.dumps({"error": what, "fix": fix})
        return Response(body, status_code=status, media_type="application/json")
    return context.pages.respond(
        request, "error.html", status_code=status, what=what, fix=fix, status=status
    )
