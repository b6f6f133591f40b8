"""What ``report`` does with the files that a person names."""

from collections.abc import Mapping
from pathlib import Path

from contracts.faults import ConfigError


def write_files(contents: Mapping[Path, str]) -> None:
    """Write texts to the files that a person named.

    Raises:
        ConfigError: One cannot be written.
    """
    for path, text in contents.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error}",
                fix="name a file in a folder that is writable",
            ) from error
