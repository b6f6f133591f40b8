"""The command line in the process of the tests: a process of its own costs a second of imports."""

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from dse import study

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a command said, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def call_here(
    *words: object, folder: Path = ROOT, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run ``python -m dse.study WORDS`` in a folder; there is nobody at a terminal.

    Raises:
        Exception: A bug, which ends a process with 1.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["study.py", *map(str, words)]),
        mock.patch.object(sys, "stdin", io.StringIO()),
        mock.patch.dict(os.environ, environment or {}),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        # of packages that are imported for the first time; a process of its own ignores them, too
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            study.main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    return Ended(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())
