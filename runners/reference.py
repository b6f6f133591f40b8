"""Asks TFLite's reference interpreter whether it runs a file, in a child process.

The interpreter is C++ that checks little of what it reads: a broken file can end the process, or
keep it busy for ever. ``python -m runners.reference`` is the child: paths on standard input, one
JSON text a line; answers on standard output in the same way.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from contracts.faults import ConfigError, OutOfMemory, ToolCrashed, ToolTimeout
from runners.pipeline.sources import ROOT
from runners.tools import run_tool
from sw_templates.obstacles import Obstacle, ObstacleKind, UnsupportedModel

LIMIT_S = 120
"""What one file may take: a network of 10^9 multiply-accumulates takes about 20 s."""
MEMORY_BYTES = 4 << 30
_CONVERT = "convert the model again with full int8 quantisation"


def require_reference(path: Path) -> None:
    """Check that the reference interpreter runs a model file that the import has accepted.

    Raises:
        UnsupportedModel: It refuses the file, crashes on it, or does not end.
    """
    (refusal,) = reference_refusals([path])
    if refusal is not None:
        raise reference_error(refusal)


def reference_error(refusal: str) -> UnsupportedModel:
    """Return the error of what ``reference_refusals`` says of a file."""
    obstacle = Obstacle(kind=ObstacleKind.REFERENCE, name=refusal, fix=_CONVERT)
    return UnsupportedModel(refusal, _CONVERT, obstacles=(obstacle,))


def reference_refusals(paths: Sequence[Path]) -> tuple[str | None, ...]:
    """Return why the reference interpreter does not run each file, None where it does.

    All files are asked for in one child process. One at which that process ends is asked for again
    in a process of its own, so that no file answers for what another has done to the memory.

    Args:
        paths: Model files that the import has accepted.

    Raises:
        DiskFull: There is no room for the answers.
    """
    refusals: list[str | None] = []
    while len(refusals) < len(paths):
        waiting = paths[len(refusals) :]
        answers, ended = _ask(waiting)
        refusals += answers
        if ended is None or len(answers) == len(waiting):
            continue
        culprit = waiting[len(answers)]
        refusals += [f"{ended} {culprit}"] if len(waiting) == 1 else reference_refusals([culprit])
    return tuple(refusals)


def _ask(paths: Sequence[Path]) -> tuple[list[str | None], str | None]:
    """Return the answers as far as they go, and how the child ended if not well."""
    ended = None
    with tempfile.TemporaryDirectory(prefix="reference-") as name:
        folder = Path(name)
        (folder / "paths").write_text("".join(f"{json.dumps(str(p.absolute()))}\n" for p in paths))
        python_path = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
        try:
            run_tool(
                [sys.executable, "-m", "runners.reference"],
                cwd=folder,
                log=folder / "log",
                timeout_s=LIMIT_S * len(paths),
                memory_bytes=MEMORY_BYTES,
                env={"PYTHONPATH": os.pathsep.join(python_path)},
                stdin=folder / "paths",
                stdout=folder / "answers",
            )
        except ToolCrashed as error:
            ended = f"TFLite's reference interpreter crashed ({error.what}) on"
        except ToolTimeout:
            ended = f"TFLite's reference interpreter did not end within {LIMIT_S} s on"
        except OutOfMemory:
            ended = (
                f"TFLite's reference interpreter needs more than {MEMORY_BYTES >> 30} GiB"
                " of memory for"
            )
        lines = (folder / "answers").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")], ended


def _refusal(path: Path) -> str | None:
    from sw_templates.reference import run_once

    try:
        run_once(path)
    except ConfigError as error:
        return error.what
    return None


def main() -> None:
    """Answer for each file named on standard input."""
    for line in sys.stdin:
        path = Path(json.loads(line))
        # Kills this process, also within C++; the one that asks is later, and says so for one file.
        signal.alarm(LIMIT_S + 1)
        answer = _refusal(path)
        signal.alarm(0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
