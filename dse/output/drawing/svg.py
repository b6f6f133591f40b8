"""An SVG document, built shape by shape; texts are escaped, positions have one decimal."""

from xml.sax.saxutils import escape, quoteattr

from markupsafe import Markup

FONTS = ("DejaVu Sans", "Liberation Sans", "Noto Sans", "Arial", "Helvetica")
"""Named one by one in files: a rasteriser knows neither ``system-ui`` nor ``sans-serif``."""
SERIES = ("#0a5fa8", "#b3470b", "#1b7f4c", "#7a4fa3", "#8a6514", "#c2255c", "#0b7285", "#56606b")
"""Colours of groups side by side: ``c-series-mark-N`` and so on."""
LETTER_WIDTH = 7.6
"""Of a digit, and of most letters at the most, in user units, in the widest of the fonts."""

STANDALONE = (
    f"""
svg{{background:#fff;font:12px system-ui,{",".join(f"'{font}'" for font in FONTS)},sans-serif}}
"""
    + """
text{fill:#1c2024}.c-soft{fill:#56606b}.c-grid{stroke:#e1e4e8}.c-axis{stroke:#a3abb5}
.c-bar,.c-mark{fill:#0a5fa8}.c-hollow{fill:#fff;stroke:#0a5fa8;stroke-width:2}
.c-head{font-weight:600}.c-track{fill:#e9ecef}.c-over,.c-bad{fill:#b3470b}
.c-line{stroke:#0a5fa8;fill:none;stroke-width:2}.c-range{stroke:#0a5fa8;stroke-width:2}
.c-dot{stroke:#76818d;stroke-width:5;stroke-linecap:round;fill:none;opacity:.55}
.c-cross{stroke:#b3470b;stroke-width:1.6;fill:none}.c-limit{stroke:#7a4fa3;stroke-dasharray:5 4}
.c-other{fill:#76818d}.c-tensor{fill:#cfe2f3;stroke:#0a5fa8}.c-scratch{fill:#f3e3c8;stroke:#8a6514}
.c-chosen{fill:none;stroke:#b3470b;stroke-width:3}
.c-peak{fill:#ece4f4}.c-heat-0{fill:#eef4fa}.c-heat-1{fill:#d8e6f2}.c-heat-2{fill:#c2d7ea}
.c-heat-3{fill:#adc9e2}.c-heat-4{fill:#97bbda}.c-heat-5{fill:#82add2}.end{text-anchor:end}.mid{text-anchor:middle}
"""
    + "".join(
        f".c-series-mark-{number}{{fill:{colour}}}"
        f".c-series-hollow-{number}{{fill:#fff;stroke:{colour};stroke-width:2}}"
        f".c-series-line-{number}{{stroke:{colour};fill:none;stroke-width:2}}"
        for number, colour in enumerate(SERIES)
    )
)
"""What a downloaded picture looks like; on a page the style sheet decides."""


class Drawing:
    """A picture: shapes lie over each other in the order in which they are added.

    ``kind`` is a shape's class, or several: see ``STANDALONE`` and ``static/style.css``.

    Args:
        width: In user units.
        height: In user units.
        title: What a screen reader says.
    """

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width = width
        self.height = height
        self.title = title
        self._parts: list[str] = []

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """Draw a straight line."""
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'
        )

    def rect(
        self, x: float, y: float, width: float, height: float, kind: str, hint: str = ""
    ) -> None:
        """Draw a rectangle; ``hint`` is shown when pointed at."""
        inner = f"<title>{escape(hint)}</title>" if hint else ""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}"'
            f' class="{kind}">{inner}</rect>'
        )

    def circle(self, x: float, y: float, radius: float, kind: str, hint: str = "") -> None:
        """Draw a filled circle."""
        inner = f"<title>{escape(hint)}</title>" if hint else ""
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="{kind}">{inner}</circle>'
        )

    def path(self, path: str, kind: str) -> None:
        """Draw a path given as SVG has it."""
        self._parts.append(f'<path d="{path}" class="{kind}"/>')

    def text(
        self, x: float, y: float, text: str, kind: str = "", *, turn_degrees: float = 0
    ) -> None:
        """Write a text; ``kind`` may hold ``end`` or ``mid`` for its alignment.

        It is turned clockwise about (x, y).
        """
        attribute = f" class={quoteattr(kind)}" if kind else ""
        if turn_degrees:
            attribute += f' transform="rotate({turn_degrees:g} {x:.1f} {y:.1f})"'
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{attribute}>{escape(text)}</text>')

    def markup(self, *, standalone: bool = False) -> Markup:
        """Return the document: for a page, or ``standalone`` for a file."""
        space = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
        style = f"<style>{STANDALONE}</style>" if standalone else ""
        size = f' width="{self.width:.0f}" height="{self.height:.0f}"' if standalone else ""
        return Markup(
            f'<svg{space} viewBox="0 0 {self.width:.0f} {self.height:.0f}"{size} role="img"'
            f' aria-label={quoteattr(self.title)} class="drawing">{style}'
            f"{''.join(self._parts)}</svg>"
        )

    def file(self) -> bytes:
        """Return the content of an SVG file that needs no style sheet of ours."""
        text = '<?xml version="1.0" encoding="UTF-8"?>\n' + str(self.markup(standalone=True))
        return f"{text}\n".encode()
