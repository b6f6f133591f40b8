"""C that is compiled again and again for other networks: an object for each text, kept for the run.

Of the sources of a firmware two or three are its network's; kernels, protocol and boot code are the
same in hundreds of tests. What is compiled, with which flags, and what is linked stay the same.
"""

import atexit
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from runners.tools import run_tool

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
    sources = [word for word in words if word.endswith(".c")]
    if len(sources) > 1 and "-o" in words:
        flags = [word for word in words[1:] if _COMPILES.fullmatch(word) and word != "-shared"]
        objects = {source: _object(words[0], flags, source, folder) for source in sources}
        words = [str(objects.get(word) or word) for word in words]
    run_tool(words, cwd=folder, log=log, timeout_s=timeout_s)


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
    kept = _kept() / f"{hashlib.sha256(repr(words).encode() + text.stdout).hexdigest()}.o"
    if not kept.exists():
        made = [*words, "-c", source, "-o", kept]
        if subprocess.run(made, cwd=folder, capture_output=True, check=False).returncode:
            return False
    shutil.copy(kept, folder / out)
    return True


def _object(compiler: str, flags: Sequence[str], source: str, folder: Path) -> Path | None:
    """Return the object of a source; None where it has none, and the whole command says why."""
    texts = _texts(folder / source, folder)
    if texts is None:
        return None
    name = f"{compiler}\0{source}\0{flags}".encode()
    kept = _kept() / f"{hashlib.sha256(name + texts).hexdigest()}.o"
    if not kept.exists():
        command = [compiler, *flags, "-c", source, "-o", kept]
        if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
            return None
    return kept


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
    folder = Path(tempfile.mkdtemp(prefix="objects-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
