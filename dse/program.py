"""How this program was called, and so what a person types to call it again; where it logs."""

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


def version() -> str:
    """Return the version of the program: a checkout's own, else that of the installed package."""
    project = ROOT / "pyproject.toml"
    if project.is_file():
        import tomllib

        return str(tomllib.loads(project.read_text())["project"]["version"])
    from importlib.metadata import version as version_of

    return version_of(SCRIPT)


def log_of(database: Path, study: str) -> Path:
    """Return where a process that the dashboard starts for a study writes what it says."""
    return database.with_name(f"{database.name}.{study}.log")
