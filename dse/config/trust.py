"""Which code a study's config names, and whether this user has agreed to run it.

A CFU family, an operator and a metric of one's own are Python: loading them runs them, with all
rights of the user. Whoever gives a config file on the command line asks for that. A database may
come from somebody else, so a command that would load what a database names asks first, and is told
yes or no for exactly these files: path and content. Nothing here imports or runs what it looks at.
"""

import hashlib
import importlib.machinery
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import ConfigError, Untrusted
from contracts.untrusted import parse_json
from dse.config.study_config import StudyConfig
from dse.program import state_folder

_SCRIPTS = (".py", ".sh", ".bash", ".pl", ".rb", ".js", ".lua", ".php", ".tcl")
_MOST_BYTES = 16 << 20
"""A Python file is smaller; a database must not make us read a device or a disk image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFile:
    """A file that runs when a study's own CFU families, operators and metrics are loaded.

    Attributes:
        path: Absolute, links resolved.
        size_bytes: Of the file.
        sha256: Of its content.
    """

    path: str
    size_bytes: int
    sha256: str


def require_trust(
    config: StudyConfig,
    *,
    before: Mapping[str, str],
    command: str,
    also: Iterable[CodeFile] = (),
    is_given: bool = False,
    ask: Callable[[str], bool] | None = None,
) -> None:
    """Make sure that this user agrees to run the code that a config from a database names.

    To be called before anything loads the config's CFU families, operators or metrics; one without
    any needs no trust. What is agreed to is remembered.

    Args:
        config: Of the study.
        before: Path to SHA-256 of what was loaded when the study ran last.
        command: What would run the code, ``python -m dse.study resume night`` for example.
        also: What it would run or reach beside these: ``hooks_of`` for who runs the study,
            ``remote_of`` or ``cluster_of`` for who measures one trial of it.
        is_given: Whether the person has agreed already, by ``--trust``.
        ask: Shows a text and returns the answer; None when there is nobody to ask.

    Raises:
        Untrusted: The person has not agreed; the message names every file.
        ConfigError: A file is not there.
    """
    files = untrusted((*code_of(config), *also))
    if not files:
        return
    what = _refusal(config, "database", (_file_text(file, before) for file in files))
    if not is_given and (ask is None or not ask(what)):
        raise Untrusted(what, fix=f"read the files, then agree to them: {command} --trust")
    trust(files)


def require_trust_in_file(config: StudyConfig, *, command: str) -> None:
    """Make sure that this user agrees to run the code that a config file names.

    For who starts a file that nobody gave on a command line: giving it there is agreeing.

    Args:
        config: What the file says.
        command: What starts it there.

    Raises:
        Untrusted: The person has not agreed; the message names every file.
        ConfigError: A file is not there.
    """
    files = untrusted(code_and_hooks_of(config))
    if files:
        raise Untrusted(
            _refusal(config, "config", map(_plain_text, files)),
            fix=f"read the files, then agree to them by starting it yourself: {command}",
        )


def code_and_hooks_of(config: StudyConfig) -> tuple[CodeFile, ...]:
    """Return all that running a study runs beside this program, see ``code_of``, ``hooks_of``."""
    return (*code_of(config), *hooks_of(config))


def code_of(config: StudyConfig) -> tuple[CodeFile, ...]:
    """Return the files of a user's own code that a study runs, without running any.

    Raises:
        ConfigError: A file or folder is not there or cannot be read.
    """
    return code_files(
        config.families,
        operator_folders=config.workload.operator_folders,
        metric_files=config.metric_files,
    )


def hooks_of(config: StudyConfig) -> tuple[CodeFile, ...]:
    """Return whom a study has to do with outside this machine, and what that runs here.

    That is all of ``[notify]``: the whole command, each program that a word of it names, and the
    address of the webhook. A file that the hook writes to is none, or each message would ask anew.
    What another machine has built (``cache.remote``) is run, too, and there may be a cluster.

    Raises:
        ConfigError: A file cannot be read.
    """
    found = []
    if config.notify.command:
        found.append(_told(f"the command {json.dumps(list(config.notify.command))}"))
    for word in config.notify.command:
        with suppress(OSError, ValueError):  # no word of it need be the name of a file
            path = Path(word).resolve()
            if _is_program(path) and path.stat().st_size <= _MOST_BYTES:
                found.append(_code_file(path))
    if config.notify.webhook:
        found.append(_told(f"messages to {config.notify.webhook}"))
    return (*found, *remote_of(config), *cluster_of(config))


def remote_of(config: StudyConfig) -> tuple[CodeFile, ...]:
    """Return the second place for artefacts of a study, where it has one: they are programs."""
    if config.cache_remote is None:
        return ()
    return (_told(f"programs that were built elsewhere, from {config.cache_remote}"),)


def cluster_of(config: StudyConfig) -> tuple[CodeFile, ...]:
    """Return the cluster that runs a study's trials, where it has one.

    It gets models and code, and its answers are taken for results.
    """
    if config.scheduler is None:
        return ()
    return (_told(f"trials on the cluster at {config.scheduler}"),)


def _is_program(path: Path) -> bool:
    return path.is_file() and (path.suffix in _SCRIPTS or os.access(path, os.X_OK))


def _told(what: str) -> CodeFile:
    text = what.encode()
    return CodeFile(path=what, size_bytes=len(text), sha256=hashlib.sha256(text).hexdigest())


def code_files(
    families: Sequence[str],
    *,
    operator_folders: Sequence[Path] = (),
    metric_files: Sequence[str] = (),
) -> tuple[CodeFile, ...]:
    """Return the files that run when these are loaded, without running any.

    These are the modules of the families, the packages that they are in, all operators with their
    C, and the files of metrics. What they import in turn is not known without running them.

    Args:
        families: Dotted names of modules and paths of ``.py`` files, as in a config.
        operator_folders: Folders of operators.
        metric_files: Paths of ``.py`` files that define metrics.

    Raises:
        ConfigError: A file or folder is not there or cannot be read.
    """
    paths = [path for name in families for path in _paths_of(name)]
    if operator_folders:
        from sw_templates.operator_set import operator_files  # imports NumPy

        for folder in operator_folders:
            paths += [path.resolve() for path in operator_files(folder)]
    paths += [Path(name).resolve() for name in metric_files]
    return tuple(_code_file(path) for path in dict.fromkeys(paths))


def untrusted(files: Iterable[CodeFile]) -> tuple[CodeFile, ...]:
    """Return those files that this user has not agreed to run as they are now."""
    known = _trusted()
    return tuple(file for file in files if (file.path, file.sha256) not in known)


def trust(files: Iterable[CodeFile]) -> None:
    """Remember that this user agrees to run these files as they are now."""
    new = untrusted(files)
    if not new:
        return
    lines = [json.dumps({"path": file.path, "sha256": file.sha256}) + "\n" for file in new]
    path = trusted_list()
    # where nothing can be kept, the next command asks again; this one was agreed to
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))  # one write: two processes may do this at once


def trusted_list() -> Path:
    """Return the file that remembers, ``soft-soc-dse/trusted.jsonl`` in the user's state folder.

    To take trust back, delete it or a line of it.
    """
    return state_folder() / "trusted.jsonl"


def _refusal(config: StudyConfig, named_by: str, files: Iterable[str]) -> str:
    return "\n".join(
        [
            f"study {config.name} runs code that its {named_by} names and you have not agreed to:",
            *(f"  {file}" for file in files),
        ]
    )


def _plain_text(file: CodeFile) -> str:
    return f"{file.path}, {file.size_bytes:,} bytes, SHA-256 {file.sha256}"


def _file_text(file: CodeFile, before: Mapping[str, str]) -> str:
    if file.path not in before:
        since = "not known from an earlier run"
    elif before[file.path] == file.sha256:
        since = "as when the study ran last"
    else:
        since = "CHANGED since the study ran last"
    return f"{_plain_text(file)}, {since}"


def _trusted() -> frozenset[tuple[str, str]]:
    try:
        text = trusted_list().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    found = set()
    for line in text.splitlines():
        with suppress(ValueError, KeyError, TypeError):  # a damaged line trusts nothing
            entry = parse_json(line)
            found.add((str(entry["path"]), str(entry["sha256"])))
    return frozenset(found)


def _paths_of(family: str) -> list[Path]:
    """Return the files of a module and of the packages around it, outermost first."""
    if family.endswith(".py"):
        return [Path(family).resolve()]
    found: list[Path] = []
    places: Sequence[str] | None = None  # sys.path
    parts = family.split(".")
    for depth in range(len(parts)):
        # not importlib.util.find_spec: it imports the packages around a module
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[: depth + 1]), places)
        if spec is None:
            raise ConfigError(
                f"the CFU family {family!r} is no module that Python finds from here",
                fix=f"go to the folder it is in, or add that to PYTHONPATH; now: {sys.path}",
            )
        if spec.origin is not None and spec.has_location:
            found.append(Path(spec.origin).resolve())
        places = spec.submodule_search_locations or []
    return found


def _code_file(path: Path) -> CodeFile:
    try:
        if not path.is_file():
            raise FileNotFoundError("there is no such file")
        size_bytes = path.stat().st_size
        if size_bytes > _MOST_BYTES:
            raise OSError(f"it has {size_bytes:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the code {path} cannot be read: {error}",
            fix="bring the file back that the study was started with",
        ) from error
    return CodeFile(
        path=str(path), size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
