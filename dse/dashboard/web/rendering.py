"""Templates: one environment, everything escaped, an unknown name is an error."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from dse import program
from dse.dashboard.data.selection import verdict_words
from dse.dashboard.web.assets import Assets
from dse.dashboard.web.security import Access
from dse.words import (
    duration_text,
    estimate_text,
    metric_text,
    number_text,
    plural,
    stage_text,
    unit_text,
    value_text,
)


class Pages:
    """Renders pages.

    Args:
        assets: Where scripts and styles are.
        access: Of which pages show ``page_key``.
        database: Name of the database, shown on each page.
        is_example: Whether the recorded example is shown.
        may_start: Whether there are folders whose configs may be started.
    """

    def __init__(
        self,
        *,
        assets: Assets,
        access: Access,
        database: str,
        is_example: bool,
        may_start: bool = False,
    ) -> None:
        self._environment = Environment(
            loader=PackageLoader("dse.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {
            "program": program.name(),
            "asset": assets.url,
            "database": database,
            "is_example": is_example,
            "may_start": may_start,
            "page_key": access.page_key,
        }
        self._environment.filters |= {
            "number": number_text,
            "metric_value": lambda name, value, is_estimate=False: (
                estimate_text(name, value) if is_estimate else metric_text(name, value)
            ),
            "duration": duration_text,
            "moment": moment,
            "iso": iso,
            "value": value_text,
            "plural": plural,
            "verdict": verdict_words,
            "stage": lambda held: stage_text(held.stage or "starting", held.fraction, held.cycles),
            "segment": lambda text: quote(str(text), safe=""),
            "json": lambda data: json.dumps(data, indent=1, sort_keys=True),
            "unit": unit_text,
            "filesize": size_text,
        }

    def warm(self) -> None:
        """Compile all templates before the first page needs them."""
        for name in self._environment.list_templates():
            self._environment.get_template(name)

    def respond(
        self, request: Request, template: str, *, status_code: int = 200, **context: Any
    ) -> HTMLResponse:
        """Return a page."""
        return HTMLResponse(self.text(request, template, **context), status_code=status_code)

    def text(self, request: Request, template: str, **context: Any) -> str:
        """Return the text of a page or of a part of one."""
        return self._environment.get_template(template).render(here=request.url.path, **context)


def moment(seconds: float) -> str:
    """Write a time in UTC for people, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def iso(seconds: float) -> str:
    """Write a time in UTC for machines."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def size_text(size: int) -> str:
    """Write the size of a file."""
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:.1f} KiB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MiB"
