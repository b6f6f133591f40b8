"""``--plot``: a drawing as the file that a person named."""

from pathlib import Path

from contracts.faults import ConfigError
from dse.output.drawing.svg import Drawing

SUFFIXES = (".svg", ".png")


def require_picture(path: Path) -> None:
    """Make sure that a file's name says which picture is wanted.

    Raises:
        ConfigError: Its ending is unknown.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"{path} does not say which picture is wanted",
            fix=f"end its name in one of: {', '.join(SUFFIXES)}",
        )


def write_picture(drawing: Drawing, path: Path) -> None:
    """Write a drawing as SVG or PNG, as the file's name says.

    Raises:
        ConfigError: The ending is unknown, the file cannot be written, or a PNG is wanted and the
            machine has no font for its text.
    """
    require_picture(path)
    if path.suffix == ".png":
        from dse.output.drawing.png import rasterise

        content = rasterise(drawing)
    else:
        content = drawing.file()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error}", fix="name a file in a folder that is writable"
        ) from error
