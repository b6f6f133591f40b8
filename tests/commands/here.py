"""The command line in the process of the tests: a process of its own costs a second of imports."""

import contextlib
import io
import sys
from dataclasses import dataclass
from unittest import mock

from dse import study


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a command said, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def call_here(*words: object) -> Ended:
    """Run ``python -m dse.study WORDS``; there is nobody at a terminal. A bug is raised."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["study.py", *map(str, words)]),
        mock.patch.object(sys, "stdin", io.StringIO()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            study.main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    return Ended(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())
