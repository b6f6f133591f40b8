"""Asks TFLite's reference interpreter whether it runs a file, in child processes.

The interpreter is C++ that checks little of what it reads: a broken file can end the process, or
keep it busy for ever. ``python -m runners.reference PATHS ANSWERS LIMIT_S`` is the child that loads
it: one JSON text a line, a path in the first file, the answer in the second. Files are run in
copies of that child; one that crashes a copy is run again as the first of another, so that no file
answers for what those before it did.
"""

import functools
import importlib
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from contracts.faults import ConfigError
from runners.tools import child, run_tool
from sw_templates.graph.obstacles import Obstacle, ObstacleKind, UnsupportedModel

LIMIT_S = 120
"""What one file may take: a network of 10^9 multiply-accumulates takes about 20 s."""
MEMORY_BYTES = 8 << 30
_FILES_OF_A_COPY = 100
_START_S = 120
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


def reference_refusals(paths: Sequence[Path], *, limit_s: int = LIMIT_S) -> tuple[str | None, ...]:
    """Return why the reference interpreter does not run each file, None where it does.

    Args:
        paths: Model files that the import has accepted.
        limit_s: What one file may take.

    Raises:
        InfrastructureFault: The child that asks could not do its work.
    """
    if not paths:
        return ()
    with tempfile.TemporaryDirectory(prefix="reference-") as name:
        folder = Path(name)
        (folder / "paths").write_text("".join(f"{json.dumps(str(p.absolute()))}\n" for p in paths))
        run_tool(
            [sys.executable, "-m", "runners.reference", "paths", "answers", str(limit_s)],
            cwd=folder,
            log=folder / "log",
            timeout_s=_START_S + limit_s * len(paths),
            env=child.importing_environment(),
        )
        lines = (folder / "answers").read_text().splitlines()
    return tuple(json.loads(line) for line in lines)


def _ended(status: int, path: Path, *, limit_s: int) -> str:
    """Return what is wrong with a file at which a copy ended; ``status`` as in ``child``."""
    if status == -signal.SIGALRM:
        return f"TFLite's reference interpreter did not end within {limit_s} s on {path}"
    if status < 0:
        how = signal.Signals(-status).name
        return f"TFLite's reference interpreter crashed on {path} ({how})"
    return f"TFLite's reference interpreter failed on {path} (exit status {status})"


def _run(paths: Sequence[Path], answer: Callable[[bytes], None]) -> None:
    """Run each file once, in this process, and hand on what the interpreter says."""
    from sw_templates.reference import run_once

    for path in paths:
        refusal = None
        try:
            run_once(path)
        except ConfigError as error:
            refusal = error.what
        except MemoryError:
            refusal = f"TFLite's reference interpreter needs more than {MEMORY_BYTES >> 30} GiB"
            refusal += f" of memory for {path}"
        answer(f"{json.dumps(refusal)}\n".encode())


def main() -> None:
    """Answer for each file that is named in the first argument."""
    importlib.import_module("sw_templates.reference")  # once for all copies, and what it needs
    importlib.import_module("ai_edge_litert.interpreter")
    importlib.import_module("ai_edge_litert.schema_py_generated")
    source, target, limit_s = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    waiting = [Path(json.loads(line)) for line in source.read_text().splitlines()]
    with target.open("w") as sink:
        while waiting:
            answers, status = child.answers_of_copy(
                functools.partial(_run, waiting[:_FILES_OF_A_COPY]),
                limit_s=limit_s,
                memory_bytes=MEMORY_BYTES,
            )
            sink.write(answers.decode())
            answered = answers.count(b"\n")
            if answered == 0 or status == -signal.SIGALRM:
                ended = _ended(status, waiting[answered], limit_s=limit_s)
                sink.write(f"{json.dumps(ended)}\n")
                answered += 1
            waiting = waiting[answered:]


if __name__ == "__main__":
    main()
