"""C that is compiled again and again: an object for each text, a program for what is linked.

Of the sources of a firmware two or three are its network's; kernels, protocol and boot code are the
same in hundreds of tests, and from one run of the suite to the next. What is compiled, with which
flags, and what is linked stay the same.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from runners.tools import run_tool

KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soft-soc-dse-tests"
"""Read at the import: a test may have another home."""
_KEPT_S = 7 * 24 * 3600
_KEPT_BYTES = 300 << 20
"""What was not asked for in a week goes, and what is older than so many bytes of younger files."""
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)
_COMPILES = re.compile(r"-(?!Wl,)[OWfmDIgs].*")


def compile_once(command: Sequence[str], folder: Path, *, log: Path, timeout_s: float) -> None:
    """Run a compiler's command in ``folder``, with the objects of sources that are known.

    Raises:
        DseError: As ``run_tool``, of the whole command, so that a log has all of its errors.
    """
    words = list(map(str, command))
    if "-c" in words and words[-2] == "-o" and words[-3].endswith(".cc"):
        if not _copied(words, folder):
            run_tool(words, cwd=folder, log=log, timeout_s=timeout_s)
        return
    sources = [word for word in words if word.endswith((".c", ".S"))]
    flags = [word for word in words[1:] if _COMPILES.fullmatch(word) and word != "-shared"]
    objects = {source: _object(words[0], flags, source, folder) for source in sources}
    found = {source: kept for source, kept in objects.items() if kept}
    if sources and len(found) == len(sources) and words[-len(sources) - 1 :] == ["-c", *sources]:
        for source, kept in found.items():
            shutil.copyfile(kept, folder / f"{Path(source).stem}.o")
        log.touch()
        return
    linked = [str(found.get(word, word)) for word in words]
    if len(found) == len(sources) > 0 and _program(linked, folder):
        log.touch()
        return
    run_tool(linked if "-o" in words else words, cwd=folder, log=log, timeout_s=timeout_s)


def _program(command: Sequence[str], folder: Path) -> bool:
    """Put what a command links of kept objects alone where it would; tell whether it can be."""
    at = command.index("-o") + 1 if "-o" in command else 0
    reads = [word for i, word in enumerate(command[1:], 1) if not word.startswith("-") and i != at]
    if not at or any(Path(word).parent != _kept() for word in reads):
        return False
    words = [*command[: at - 1], *command[at + 1 :]]
    kept = _kept() / hashlib.sha256("\0".join([*words, _identity(command[0])]).encode()).hexdigest()
    if not _is_made([*words, "-o"], kept, folder):
        return False
    shutil.copy(kept, folder / command[at])
    return True


def _copied(command: Sequence[str], folder: Path) -> bool:
    """Put the object of a C++ source where the command would; tell whether there is one.

    Its headers are found in many folders, so its text is what the preprocessor makes of it.
    """
    *words, source, _, out = (word for word in command if word != "-c")
    text = subprocess.run(
        [*words, "-E", "-P", source], cwd=folder, capture_output=True, check=False
    )
    if text.returncode:
        return False
    name = repr([*words, _identity(words[0])]).encode()
    kept = _kept() / f"{hashlib.sha256(name + text.stdout).hexdigest()}.o"
    if not _is_made([*words, "-c", source, "-o"], kept, folder):
        return False
    shutil.copy(kept, folder / out)
    return True


def _object(compiler: str, flags: Sequence[str], source: str, folder: Path) -> Path | None:
    """Return the object of a source; None where it has none, and the whole command says why."""
    texts = _texts(folder / source, folder)
    if texts is None:
        return None
    name = f"{_identity(compiler)}\0{source}\0{flags}".encode()
    kept = _kept() / f"{hashlib.sha256(name + texts).hexdigest()}.o"
    return kept if _is_made([compiler, *flags, "-c", source, "-o"], kept, folder) else None


def _is_made(command: Sequence[str], kept: Path, folder: Path) -> bool:
    """Let a command make what is to be kept, if it is not there; tell whether it is then."""
    try:
        os.utime(kept)
    except FileNotFoundError:
        pass
    else:
        return True
    scratch, name = tempfile.mkstemp(dir=_kept(), prefix="new-", suffix=kept.suffix)
    os.close(scratch)
    Path(name).unlink()  # a linker makes a file that can be run only where it makes a new one
    try:
        done = subprocess.run([*command, name], cwd=folder, capture_output=True, check=False)
        if done.returncode == 0:
            Path(name).replace(kept)
    finally:
        Path(name).unlink(missing_ok=True)
    return done.returncode == 0


@cache
def _identity(compiler: str) -> str:
    """Return a text that is another one after an upgrade of a compiler or of the C library."""
    program = shutil.which(compiler)
    files = [Path(program).resolve() if program else Path(compiler), Path("/usr/include")]
    stats = [(path, path.stat()) for path in files if path.exists()]
    return repr([(str(path), each.st_size, each.st_mtime_ns) for path, each in stats])


def _texts(path: Path, folder: Path) -> bytes | None:
    """Return the text of a source and of all that it includes; None if some of it is elsewhere."""
    found: dict[Path, bytes] = {}
    missing = [path]
    while missing:
        one = missing.pop()
        if not one.is_file():
            return None
        found[one] = one.read_bytes()
        names = (name.decode() for name in _INCLUDE.findall(found[one]))
        missing += [folder / name for name in names if folder / name not in found]
    return b"\0".join(found[each] for each in sorted(found))


@cache
def _kept() -> Path:
    folder = KEPT / "objects"
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for path in folder.iterdir():
        try:
            sizes[path] = path.stat()
        except FileNotFoundError:  # another process looks after the same folder
            continue
    left_bytes, old_s = _KEPT_BYTES, time.time() - _KEPT_S
    for path, stat in sorted(sizes.items(), key=lambda one: -one[1].st_mtime):
        left_bytes -= stat.st_size
        if left_bytes < 0 or stat.st_mtime < old_s:
            path.unlink(missing_ok=True)
    return folder
