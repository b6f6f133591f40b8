"""Finds kernels in a folder that somebody has for TensorFlow Lite Micro, and what they include."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ConfigError
from sw_templates.tflm import OURS, reference_kernels

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DEFINITION = re.compile(r"\b([A-Za-z_]\w*)\s*\([^;{}]*\)\s*(?:const\s*)?\{")
_FUNCTION = re.compile(r"\breference(?:_integer)?_ops\b")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_MAKE_DEFINES = re.compile(r"^\s*(?:export\s+)?DEFINES\s*[+:?]*=\s*(.*)$")
_MAKE_IF = re.compile(r"^\s*(if|endif)(?:n?def|n?eq)?\b")
_SOFTWARE_CFU = "CFU_SOFTWARE_DEFINED"
_ELSEWHERE = frozenset({"build", "third_party", "obj_dir", "node_modules"})
_NOT_SOURCES = re.compile(r"menu|software_cfu|(^|_)tests?($|_)|^main$|^tflite$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKernels:
    """What was found.

    Attributes:
        headers: Kernel to its header, a path in a folder of kernels.
        sources: C++ files that the headers call, paths in the same folder.
        files: Path in that folder to the file that is to be copied there.
        defines: Macros that the Makefile sets.
        notes: What a person should know.
    """

    headers: Mapping[str, str]
    sources: tuple[str, ...]
    files: Mapping[str, Path]
    defines: Mapping[str, str]
    notes: tuple[str, ...]


def find_kernels(folder: Path) -> FoundKernels:
    """Look for headers of reference kernels, and for what they need from the same folder.

    Args:
        folder: Nothing outside of it is read.

    Raises:
        ConfigError: A kernel, or a file that it includes, is a link to outside of the folder.
    """
    project = _Project(folder)
    headers: dict[str, str] = {}
    notes: list[str] = []
    known = reference_kernels()
    for kernel, reference in known.items():
        found = [
            path
            for path in project.files
            if path.name == reference.header
            and any(
                reference.namespace in text and _defines(text, reference.function)
                for text in project.texts_with_includes(path)
            )
        ]
        if not found:
            continue
        chosen, *others = sorted(found, key=lambda path: (len(path.parts), str(path)))
        headers[kernel] = project.take(chosen)
        notes += [f"{project.name(path)} also has {reference.function} and was not taken"
                  for path in others]  # fmt: skip
    sources = project.take_sources()
    names = {reference.header for reference in known.values()}
    for path in project.files:
        is_kernel = "kernels/internal/reference/" in path.as_posix() and path.suffix == ".h"
        is_taken = path.name in names or path in project.taken.values()
        if is_kernel and not is_taken and _FUNCTION.search(project.text(path)):
            notes.append(f"{project.name(path)}: no header can stand for it; our own kernel stays")
    defines, skipped = _makefile_defines(folder)
    notes += skipped
    return FoundKernels(
        headers=headers,
        sources=sources,
        files=project.taken,
        defines=defines if headers else {},
        notes=tuple(notes),
    )


def _defines(text: str, function: str) -> bool:
    return any(found[1] == function for found in _DEFINITION.finditer(_COMMENT.sub("", text)))


class _Project:
    """The C and C++ of a folder.

    Args:
        folder: Of the project.

    Attributes:
        files: Headers and sources in it, those that were built or fetched left out.
        taken: Path in the folder of kernels to the file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._real = folder.resolve()
        self.files = [path for path in _walk(folder) if path.suffix in (".h", ".cc", ".cpp")]
        self.taken: dict[str, Path] = {}
        self._texts: dict[Path, str] = {}

    def name(self, path: Path) -> str:
        """Return a path as a person names it."""
        return path.relative_to(self._folder).as_posix()

    def text(self, path: Path) -> str:
        """Return a file's text; of a link to outside nothing is read."""
        if not path.resolve().is_relative_to(self._real):
            raise ConfigError(
                f"{self.name(path)} is a link to outside of {self._folder.name}",
                fix="copy the file into the folder: nothing outside of it is read",
            )
        if path not in self._texts:
            self._texts[path] = path.read_text(encoding="utf-8", errors="replace")
        return self._texts[path]

    def texts_with_includes(self, path: Path) -> Iterator[str]:
        """Yield the texts of a file and of those of the project that it includes."""
        waiting, seen = [path], set[Path]()
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            text = self.text(path)
            yield text
            names = [found[1] for found in _INCLUDE.finditer(_COMMENT.sub("", text))]
            waiting += [
                each
                for each in self.files
                if each.name in {Path(name).name for name in names} - OURS
                and any(each.as_posix().endswith(f"/{name}") for name in names)
            ]

    def take(self, path: Path, target: str | None = None) -> str:
        """Take a file with all that it includes; return its path in the folder of kernels."""
        target = target or self._target(path)
        if target in self.taken:
            return target
        text = self.text(path)
        self.taken[target] = path
        for found in _INCLUDE.finditer(_COMMENT.sub("", text)):
            name = found[1]
            if Path(name).name in OURS:
                continue
            line = text.count("\n", 0, text.find(found[0])) + 1
            self._take_included(path, target, name, f"{self.name(path)}:{line}")
        return target

    def take_sources(self) -> tuple[str, ...]:
        """Take the C++ files that define what is called in what is taken; return their paths."""
        sources: list[str] = []
        while True:
            texts = [_COMMENT.sub("", self.text(path)) for path in self.taken.values()]
            called = {found[1] for text in texts for found in _CALL.finditer(text)}
            defined = {found[1] for text in texts for found in _DEFINITION.finditer(text)}
            wanted = called - defined
            more = [
                path
                for path in self.files
                if path.suffix != ".h"
                and path not in self.taken.values()
                and not _NOT_SOURCES.search(path.stem)
                and any(
                    found[1] in wanted
                    for found in _DEFINITION.finditer(_COMMENT.sub("", self.text(path)))
                )
            ]
            if not more:
                return tuple(sources)
            sources.append(self.take(more[0]))

    def _take_included(self, path: Path, target: str, name: str, place: str) -> None:
        beside = path.parent / name
        if beside.is_file():
            inside = beside.resolve()
            if not inside.is_relative_to(self._real):
                raise ConfigError(
                    f"{place}: {name} lies outside of {self._folder.name}",
                    fix="copy the file into the folder: nothing outside of it is read",
                )
            kept = Path(target).parent / name
            if ".." in kept.parts:
                kept = Path(self._target(inside.relative_to(self._real), is_relative=True))
            self.take(beside, kept.as_posix())
            return
        ends = [each for each in self.files if each.as_posix().endswith(f"/{name}")]
        if ends:
            self.take(min(ends, key=lambda each: (len(each.parts), str(each))), name)

    def _target(self, path: Path, *, is_relative: bool = False) -> str:
        """Return where a file goes: by the name by which it is included."""
        parts = (path if is_relative else path.relative_to(self._folder)).parts
        for root in ("tensorflow", "tflite"):
            if root in parts:
                return Path(*parts[parts.index(root) :]).as_posix()
        return Path(*(parts[1:] if parts[0] == "src" and len(parts) > 1 else parts)).as_posix()


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that belong to the project itself."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part in _ELSEWHERE or part.startswith(".") for part in parts):
            yield path


def _makefile_defines(folder: Path) -> tuple[dict[str, str], Iterable[str]]:
    """Return the macros of a CFU-Playground Makefile, and what was left out of them."""
    path = folder / "Makefile"
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return {}, ()
    defines: dict[str, str] = {}
    notes: list[str] = []
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    depth = 0
    for line in text.splitlines():
        if condition := _MAKE_IF.match(line):
            depth += 1 if condition[1] == "if" else -1
        found = _MAKE_DEFINES.match(line)
        for word in found[1].split("#")[0].split() if found else ():
            name, _, value = word.partition("=")
            if name == _SOFTWARE_CFU:
                notes.append(f"{_SOFTWARE_CFU} of the Makefile is left out: here it is hardware")
            elif not re.fullmatch(r"[A-Za-z_]\w*", name) or "$" in value:
                notes.append(f"{word} of the Makefile is left out: make computes it")
            elif depth:
                notes.append(f"{word} of the Makefile is left out: it is set on a condition")
            else:
                defines[name] = value or "1"
    return defines, notes
