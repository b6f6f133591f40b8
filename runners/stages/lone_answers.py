"""Asks the reference kernels about single layers of a network, in child processes.

What ends the interpreter's process is left out: its SOFTMAX aborts where 512 classes are equally
likely. ``python -m runners.stages.lone_answers FOLDER`` is the child that loads the interpreter; it
answers from copies of itself, each of which goes on behind the input that ended the one before.
"""

import functools
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runners.job import Job
from runners.tools import child, run_tool
from sw_templates.model import Model
from sw_templates.oracle.lone_layers import LoneInput, lone_inputs

_INPUT_LIMIT_S = 120
_MEMORY_BYTES = 8 << 30
_ASKED, _ANSWERS = "asked.json", "answers"
_MOST_ENDED = 50
"""So many inputs may end the interpreter; behind them nothing is asked any more."""


def lone_answers_of_reference(job: Job, *, folder: Path) -> tuple[tuple[int | None, ...], float]:
    """Run the reference kernels on ``lone_inputs`` of a job's network.

    Args:
        job: Its workload and limits count.
        folder: To work in; made here.

    Returns:
        The CRC-32 of the layer's outputs for each input, None where the reference kernel has no
        answer; and the CPU-seconds.

    Raises:
        DseError: The child failed.
    """
    folder.mkdir()
    workload = job.workload
    asked = {
        "model": str(workload.model.absolute()),
        "operator_folders": [str(path.absolute()) for path in workload.operator_folders],
        "seed": workload.seed,
    }
    (folder / _ASKED).write_text(json.dumps(asked))
    run = run_tool(
        [sys.executable, "-m", "runners.stages.lone_answers", folder.absolute()],
        cwd=folder,
        log=folder / "log",
        timeout_s=job.limits.stage_timeout_s,
        env=child.importing_environment(),
    )
    lines = (folder / _ANSWERS).read_text().splitlines()
    return tuple(json.loads(line) for line in lines), run.cpu_s


def _run(
    path: Path,
    model: Model,
    inputs: Sequence[LoneInput],
    first: int,
    answer: Callable[[bytes], None],
) -> None:
    """Hand on the answers to all inputs from number ``first`` on, a line each."""
    from sw_templates.reference import lone_references

    for crc in lone_references(path, model, inputs[first:]):
        answer(b"%d\n" % crc)


def main() -> None:
    """Answer for the model that the folder's file names."""
    from sw_templates.tflite_import import load_model

    importlib.import_module("ai_edge_litert.interpreter")  # once for all copies
    folder = Path(sys.argv[1])
    asked = json.loads((folder / _ASKED).read_text())
    path = Path(asked["model"])
    model = load_model(path, operator_folders=[Path(name) for name in asked["operator_folders"]])
    inputs = lone_inputs(model, seed=asked["seed"])
    answered, ended = 0, 0
    with (folder / _ANSWERS).open("w") as sink:
        while answered < len(inputs):
            answers, _ = child.answers_of_copy(
                functools.partial(_run, path, model, inputs, answered),
                limit_s=_INPUT_LIMIT_S,
                memory_bytes=_MEMORY_BYTES,
            )
            whole = answers[: answers.rfind(b"\n") + 1].decode()
            sink.write(whole)
            answered += whole.count("\n")
            if answered < len(inputs):  # behind the one that ended the copy
                ended += 1
                left = 1 if ended < _MOST_ENDED else len(inputs) - answered
                sink.write("null\n" * left)
                answered += left


if __name__ == "__main__":
    main()
