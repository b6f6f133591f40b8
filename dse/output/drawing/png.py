"""A drawing as a PNG file, for slides and papers that take no SVG."""

from contracts.faults import ConfigError
from dse.output.drawing.svg import FONTS, Drawing

_ZOOM = 2
"""Pixels a user unit: text of 12 units stays sharp on a page and on a dense screen."""
_MOST_PIXELS = 100_000_000
"""Four bytes each while it is drawn; viewers give up before."""


def rasterise(drawing: Drawing) -> bytes:
    """Return a drawing as the bytes of a PNG file.

    Raises:
        ConfigError: The machine has none of the fonts, so that the picture would have no text, or
            the picture is too large for pixels.
    """
    width, height = round(_ZOOM * drawing.width), round(_ZOOM * drawing.height)
    if width * height > _MOST_PIXELS:
        raise ConfigError(
            f"a .png of {width:,} x {height:,} pixels is more than programs show",
            fix="write a .svg file, which can be enlarged",
        )
    import resvg_py  # 3 MB of machine code, for this one command

    def render(svg: str) -> bytes:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, background="white", zoom=_ZOOM))

    empty = Drawing(20, 20, "")
    written = Drawing(20, 20, "")
    written.text(4, 16, "0")
    # resvg leaves out what it has no font for, without an error
    if render(str(written.markup(standalone=True))) == render(str(empty.markup(standalone=True))):
        raise ConfigError(
            "a .png needs a font, and this machine has none of: " + ", ".join(FONTS),
            fix="install one (on Debian: apt-get install fonts-dejavu-core), or write a .svg file",
        )
    return render(str(drawing.markup(standalone=True)))
