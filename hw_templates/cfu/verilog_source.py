"""Which files a user's Verilog consists of: one file, what it includes, and where its modules are.

Nothing outside of the file's folder is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import DoesNotBuild

SUFFIXES = (".v", ".sv")
_INCLUDE = re.compile(r'^[ \t]*`include\s+["<]([^">\n]+)[">]', re.MULTILINE)
_CONDITION = re.compile(r"`(ifdef|ifndef|endif)\b[ \t]*(\w*)")
_DATA = re.compile(r'\$readmem[hb]\s*\(\s*"([^"\n]+)"')
_TEXT = re.compile(r'"([\w./+-]*\w\.\w+)"')
"""A literal that may name a file: a parameter's default that ``$readmemh`` is given."""
_MODULE = re.compile(r"^[ \t]*(?:module|macromodule|package|interface)\s+(\w+)", re.MULTILINE)
_NAME = re.compile(r"[\w.+/-]+")
_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerilogSource:
    """The text of a design in files.

    Attributes:
        top: The file that holds the top module, relative to the folder.
        read: The files that a program reads in turn, ``top`` the last.
        texts: Every file that they are made of, those that they include with them.
    """

    top: str
    read: tuple[str, ...]
    texts: Mapping[str, str]

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders to look for includes in."""
        return tuple(sorted({str(Path(name).parent) for name in self.texts} | {"."}))


def without_comments(text: str) -> str:
    """Return Verilog with blanks for comments: every line and column stays where it is."""

    def blank(found: re.Match[str]) -> str:
        if found[0].startswith('"'):
            return found[0]
        return re.sub(r"[^\n]", " ", found[0])

    return _COMMENT.sub(blank, text)


def read_source(path: Path, *, folder: Path | None = None) -> VerilogSource:
    """Return a file of Verilog with all that it needs from its folder.

    What it includes is looked for beside the including file, then in ``folder``, then by its name
    in the folders below, where it must be the only one. A module that no file so far defines is
    taken from the file of the folder that does.

    Args:
        path: Holds the top module.
        folder: That everything is read from, with the folders below it; by default the file's own,
            without those.

    Raises:
        DoesNotBuild: A file is missing, lies outside of the folder, or cannot be read as text.
    """
    root = folder or path.parent
    reader = _Reader(root)
    top = path.relative_to(root).as_posix()
    reader.add(top, because="")
    others = {
        name: reader.modules_of(name)
        for name in verilog_files(root, is_deep=folder is not None)
        if name not in reader.texts and not reader.leads_outside(name)
    }
    read = [top]
    while True:
        words = {word for text in reader.plain.values() for word in re.findall(r"\w+", text)}
        known = {module for text in reader.plain.values() for module in _MODULE.findall(text)}
        wanted = [
            name
            for name, modules in others.items()
            if name not in reader.texts and any(m in words and m not in known for m in modules)
        ]
        if not wanted:
            break
        reader.add(wanted[0], because="")
        read.insert(0, wanted[0])
    return VerilogSource(top=top, read=tuple(read), texts=dict(reader.texts))


def modules_in(text: str) -> tuple[str, ...]:
    """Return the names of the modules that a text defines."""
    return tuple(_MODULE.findall(without_comments(text)))


def verilog_files(root: Path, *, is_deep: bool) -> Iterator[str]:
    """Yield the Verilog files of a folder, those of its hidden and built folders left out.

    Args:
        root: The folder; the paths are relative to it.
        is_deep: Those of the folders below it, too.
    """
    for path in sorted(root.rglob("*") if is_deep else root.glob("*")):
        name = path.relative_to(root)
        is_built = any(part.startswith(".") or part in ("build", "obj_dir") for part in name.parts)
        if path.suffix in SUFFIXES and path.is_file() and not is_built:
            yield name.as_posix()


def _is_conditional(text: str, at: int) -> bool:
    """Return whether a place of a file is compiled on a condition, include guards not counted."""
    conditions: list[bool] = []
    for found in _CONDITION.finditer(text, 0, at):
        if found[1] == "endif":
            del conditions[-1:]
        else:
            guard = rf"\s*`define\s+{re.escape(found[2])}\b"
            conditions.append(not (found[1] == "ifndef" and re.match(guard, text[found.end() :])))
    return any(conditions)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


class _Reader:
    """Reads files of one folder, with what they include.

    Args:
        root: The folder.

    Attributes:
        texts: What was added, by its path in the folder.
        plain: Of those that are Verilog, without comments.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = root.resolve()
        self.texts: dict[str, str] = {}
        self.plain: dict[str, str] = {}

    def add(self, name: str, *, because: str) -> None:
        """Read a file and what it includes.

        Args:
            name: Its path in the folder.
            because: Who wants it, for messages; empty for the folder itself.
        """
        if name in self.texts:
            return
        self._require_inside(name, because)
        if not _NAME.fullmatch(name):
            raise DoesNotBuild(
                f"{name!r} is a file name that yosys and Verilator do not take",
                fix="use letters, digits and . _ - in the names of Verilog files",
            )
        self.texts[name] = text = self._text(name)
        self.plain[name] = plain = without_comments(text)
        for found in _INCLUDE.finditer(plain):
            place = f"{name}:{_line(plain, found.start(1))}"
            try:
                included = self._found(found[1], name, place)
            except DoesNotBuild:
                if not _is_conditional(plain, found.start()):
                    raise
                continue  # yosys says whether the condition holds
            self.add(included, because=place)
        for found in _DATA.finditer(plain):
            self._add_data(found[1], name, f"{name}:{_line(plain, found.start(1))}")
        for found in _TEXT.finditer(plain):
            if self._is_there(found[1], name):
                self._add_data(found[1], name, f"{name}:{_line(plain, found.start(1))}")

    def _add_data(self, wanted: str, includer: str, place: str) -> None:
        """Read a file of data, by the name that a program looks for, in both places where it does.

        Those are the folder in which it runs and that of the file that names the data.
        """
        data = self._found(wanted, includer, place)
        self._require_inside(data, place)
        plain = Path(wanted.removeprefix("./"))
        for path in (plain, Path(includer).parent / plain):
            if ".." not in path.parts:
                self.texts.setdefault(path.as_posix(), self._text(data))

    def _is_there(self, wanted: str, includer: str) -> bool:
        """Return whether a literal names a file that is not Verilog itself."""
        if Path(wanted).suffix in (*SUFFIXES, ".vh", ".svh"):
            return False
        starts = (Path(includer).parent, Path())
        return any((self._root / start / wanted).is_file() for start in starts)

    def modules_of(self, name: str) -> tuple[str, ...]:
        """Return the modules of a file that is not added."""
        return modules_in((self._root / name).read_text(encoding="utf-8", errors="replace"))

    def leads_outside(self, name: str) -> bool:
        """Return whether a file is a link to outside of the folder, or below one."""
        return not (self._root / name).resolve().is_relative_to(self._real_root)

    def _found(self, wanted: str, includer: str, place: str) -> str:
        """Return the path of a file that another one names."""
        for start in (Path(includer).parent, Path()):
            candidate = self._root / start / wanted
            if candidate.is_file():
                self._require_inside(str(start / wanted), place)
                return candidate.resolve().relative_to(self._real_root).as_posix()
        named = [
            path
            for path in sorted(self._root.rglob(Path(wanted).name))
            if path.is_file() and path.as_posix().endswith(wanted.lstrip("./"))
        ]
        if len(named) == 1:
            return named[0].relative_to(self._root).as_posix()
        if len(named) > 1:
            there = ", ".join(path.relative_to(self._root).as_posix() for path in named)
            raise DoesNotBuild(
                f"{place}: {wanted} could be any of {there}",
                fix="give its path from the folder of the top file",
            )
        raise DoesNotBuild(
            f"{place}: {wanted} is not in {self._root.name}",
            fix="copy it into the folder: nothing outside of it is read",
        )

    def _require_inside(self, name: str, because: str) -> None:
        real = (self._root / name).resolve()
        if real.is_relative_to(self._real_root):
            return
        raise DoesNotBuild(
            f"{because}: {name}" + f" lies outside of {self._root.name}"
            if because
            else f"{name} is a link to outside of {self._root.name}",
            fix="copy the file into the folder: nothing outside of it is read",
        )

    def _text(self, name: str) -> str:
        try:
            return (self._root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a comment in another encoding, of an editor of Windows
            return (self._root / name).read_text(encoding="latin-1")
        except OSError as error:
            raise DoesNotBuild(
                f"{name} cannot be read: {error.strerror}", fix="correct its path or its rights"
            ) from error
