"""What the arguments of a route stand for: the application's context, a study, a selection."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol, cast

from anyio import CapacityLimiter
from fastapi import Depends
from fastapi.dependencies.models import Dependant
from starlette.requests import Request

from contracts.faults import ConfigError
from dse.dashboard.data.configs import ConfigFolders
from dse.dashboard.data.selection import Selection, parse_selection
from dse.dashboard.data.studies import Studies
from dse.dashboard.web.assets import Assets
from dse.dashboard.web.rendering import Pages
from dse.dashboard.web.security import Access
from dse.dashboard.web.watch import Watch
from dse.results.columns import StudyColumns
from dse.results.derived import with_derived
from dse.words import study_command


class Starting(Protocol):
    """Starts processes that work on studies; see ``dse.dashboard.pages.processes``."""

    def resume(self, study: str) -> str:
        """Start one that goes on with a study; say which it is and where its log is."""

    def start(self, study: str, config: Path) -> str:
        """Start one for the study of a config file; say which it is and where its log is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every route may use; ``make_app`` makes one for the application.

    Attributes:
        studies: The database, for reading.
        watch: Tells when it was written.
        pages: The templates.
        assets: Scripts and styles.
        access: Who may read and act.
        cache_root: Folder of the artefacts.
        shown_db: The database as commands on pages name it.
        now_s: Clock, seconds since 1970.
        processes: Starts processes that work on studies.
        configs: The config files that may be started.
        heavy: How much of what grows with a study is made at the same time.
    """

    studies: Studies
    watch: Watch
    pages: Pages
    assets: Assets
    access: Access
    cache_root: Path
    shown_db: str
    now_s: Callable[[], float]
    processes: Starting
    configs: ConfigFolders = field(default_factory=ConfigFolders)
    heavy: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))

    def command(self, *words: str) -> str:
        """Return what to type in a shell to do something with this database."""
        db = None if self.shown_db == "results.db" else self.shown_db
        return study_command(*words, db=db)


def _context(request: Request) -> Context:
    return cast(Context, request.app.state.context)


def _columns(study: str, request: Request, context: "ContextDep") -> StudyColumns:
    """Return a study, with the metrics that the address derives from its own."""
    columns = context.studies.columns(study)
    return with_derived(columns, tuple(filter(None, request.query_params.getlist("derive"))))


def _selection(request: Request, columns: "ColumnsDep") -> Selection:
    return parse_selection(request.query_params.multi_items(), columns)


def only_known_query(request: Request) -> None:
    """Refuse an address whose query names what its route does not read: a filter must not get lost.

    Raises:
        ConfigError: It does.
    """
    asked = list(_with_needs(request.scope["route"].dependant))
    if any(needed.call is _selection for needed in asked):
        return  # reads the whole query, and refuses what it does not know
    known = [parameter.alias for needed in asked for parameter in needed.query_params]
    for name in request.query_params:
        if name not in known:
            raise ConfigError(
                f"{request.url.path[:80]} takes no {name[:40]!r}",
                fix=f"use {', '.join(known)}" if known else "leave it out",
            )


def _with_needs(route: Dependant) -> Iterator[Dependant]:
    yield route
    for needed in route.dependencies:
        yield from _with_needs(needed)


ContextDep = Annotated[Context, Depends(_context)]
ColumnsDep = Annotated[StudyColumns, Depends(_columns)]
SelectionDep = Annotated[Selection, Depends(_selection)]
