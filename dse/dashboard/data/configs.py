"""The config files of the folders that a dashboard was started for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ConfigError, NotFound
from dse.shipped import QUICK
from dse.words import suggestion

_HEAD = re.compile(r"^[ \t]*\[study\]", re.MULTILINE)
_MOST_BYTES = 1 << 20
_MOST_FILES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """One config file.

    Attributes:
        name: In addresses and on pages: as short as it is its own.
        path: Of the file, absolute.
        text: What it says.
    """

    name: str
    path: Path
    text: str


class ConfigFolders:
    """Folders whose configs may be started; only their own files, not those of folders in them.

    Args:
        folders: The folders; the first one takes new files. Empty where nothing may be started.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(dict.fromkeys(folder.resolve() for folder in folders))

    def __bool__(self) -> bool:
        """Tell whether there is any folder."""
        return bool(self._folders)

    @property
    def first(self) -> Path:
        """The folder that takes new files."""
        return self._folders[0]

    def files(self) -> list[ConfigFile]:
        """Return the TOML files with a section ``[study]``, by name; none that cannot be read."""
        found = []
        for folder in self._folders:
            for path in sorted(folder.glob("*.toml"))[:_MOST_FILES]:
                text = _text_of(path)
                if text is not None and _HEAD.search(text):
                    found.append(ConfigFile(name=_name_of(path, self.first), path=path, text=text))
        return found

    def file(self, name: str) -> ConfigFile:
        """Return the config of a name.

        Raises:
            NotFound: There is none in these folders.
        """
        known = {file.name: file for file in self.files()}
        if name not in known:
            raise NotFound(
                f"there is no config {name[:80]!r} in the folders of this dashboard",
                fix=suggestion(name, known) if known else "start it with --configs FOLDER",
            )
        return known[name]

    def write(self, study: str, text: str) -> ConfigFile:
        """Write a new config, named after its study, into the first folder.

        Args:
            study: Name of the study, which is one by the rules of names.
            text: Of the config.

        Raises:
            ConfigError: There is a file of that name, or it cannot be written.
        """
        path = self.first / f"{study}.toml"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise ConfigError(
                f"{path} is there already, and stays as it is",
                fix="give the study another name, or start that file",
            ) from None
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error.strerror}",
                fix="start the dashboard with --configs and a folder that may be written to",
            ) from error
        return ConfigFile(name=_name_of(path, self.first), path=path, text=text)


def folders_given(folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return the folders that a person named, or without any this one and that of the program.

    Raises:
        ConfigError: One is not there.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(
                f"--configs names {folder}, and there is no such folder",
                fix="make it first, or name the folder that your configs are in",
            )
    return tuple(folders) or (Path.cwd(), QUICK.parent)


def _text_of(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _name_of(path: Path, first: Path) -> str:
    """Return a path from the first folder on where it is below that, else the whole of it."""
    return str(path.relative_to(first)) if path.is_relative_to(first) else str(path)
