"""How this program was called, and so what a person types to call it again; where it logs."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from runners import ROOT

SCRIPT = "soft-soc-dse"
MODULE = "python -m dse.study"
"""What the program is called where it is not installed: in a checkout."""


def is_script() -> bool:
    """Tell whether the program was called by its own name, and not as a module of Python."""
    return Path(sys.argv[0]).name == SCRIPT


def name() -> str:
    """Return the words that call the program as it was called; they work as they are.

    A script that is not the one that the shell would find has its path.
    """
    if not is_script():
        return MODULE
    found = shutil.which(SCRIPT)
    if found is not None and Path(found).resolve() == Path(sys.argv[0]).resolve():
        return SCRIPT
    return shlex.quote(str(Path(sys.argv[0]).absolute()))


def keep_to_one_thread() -> None:
    """Let NumPy compute in one thread, for this process and those that it starts.

    To be called before NumPy is imported. The matrices of a study are so small that a second
    thread waits longer than it works, on a core that tools need: some ten times the CPU-seconds.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def version() -> str:
    """Return the version of the program: a checkout's own, else that of the installed package."""
    project = ROOT / "pyproject.toml"
    if project.is_file():
        import tomllib

        return str(tomllib.loads(project.read_text())["project"]["version"])
    from importlib.metadata import version as version_of

    return version_of(SCRIPT)


def state_folder() -> Path:
    """Return the folder where the program keeps what it must remember of this user."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / SCRIPT


def log_of(database: object, study: str) -> Path:
    """Return where a process that the dashboard starts for a study writes what it says.

    Args:
        database: A ``dse.store.Place``. The log is beside a file, and of a server's database in
            the user's state folder.
        study: Name of the study.
    """
    if isinstance(database, Path):
        return database.with_name(f"{database.name}.{study}.log")
    name = re.sub(r"[^A-Za-z0-9.]+", "_", str(database))
    return state_folder() / f"{name}.{study}.log"
