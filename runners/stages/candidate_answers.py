"""Runs candidates for golden inputs through the reference kernels, in child processes.

Some inputs end the interpreter's process: its SOFTMAX aborts where 512 classes are equally likely.
Such an input is no candidate. ``python -m runners.stages.candidate_answers FOLDER`` is the child
that loads the interpreter; it answers from copies of itself, each of which goes on behind the input
that ended the one before.
"""

import functools
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError
from runners.job import Job
from runners.tools import child, run_tool
from sw_templates.model import Model
from sw_templates.reference import Golden

_INPUT_LIMIT_S = 120
_MEMORY_BYTES = 8 << 30
_ASKED, _INPUTS, _ANSWERS = "asked.json", "inputs", "answers"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateAnswer:
    """What the reference kernels answer to one candidate.

    Attributes:
        input: Bytes of all input tensors.
        golden: What a firmware must answer.
        shown: Which of ``visible_faults.faults_of`` it shows.
        values: Which values occur, as ``variety.values_seen`` tells.
    """

    input: bytes
    golden: Golden
    shown: npt.NDArray[np.bool_]
    values: npt.NDArray[np.bool_]


def candidate_answers(
    job: Job, inputs: Sequence[bytes], *, folder: Path
) -> tuple[tuple[CandidateAnswer, ...], float]:
    """Run candidates through the reference kernels.

    Args:
        job: Its workload and limits count.
        inputs: Bytes of all input tensors, for each candidate.
        folder: To work in; made here.

    Returns:
        The answers, without those of inputs that ended the interpreter; and the CPU-seconds.

    Raises:
        ConfigError: The interpreter refuses the model, or answers no input at all.
        DseError: The child failed otherwise.
    """
    folder.mkdir()
    workload = job.workload
    asked = {
        "model": str(workload.model.absolute()),
        "operator_folders": [str(path.absolute()) for path in workload.operator_folders],
    }
    (folder / _ASKED).write_text(json.dumps(asked))
    (folder / _INPUTS).write_bytes(b"".join(inputs))
    run = run_tool(
        [sys.executable, "-m", "runners.stages.candidate_answers", folder.absolute()],
        cwd=folder,
        log=folder / "log",
        timeout_s=job.limits.stage_timeout_s,
        env=child.importing_environment(),
    )
    found = []
    for line in (folder / _ANSWERS).read_text().splitlines():
        answer = json.loads(line)
        if "refusal" in answer:
            raise ConfigError(answer["refusal"], fix=answer["fix"])
        found.append(_read(answer, inputs))
    if not found:
        raise ConfigError(
            f"TFLite's reference interpreter ends at every one of {len(inputs)} inputs of"
            f" {workload.model}",
            fix="convert the model again with full int8 quantisation",
        )
    return tuple(found), run.cpu_s


def _read(answer: dict[str, Any], inputs: Sequence[bytes]) -> CandidateAnswer:
    return CandidateAnswer(
        input=inputs[answer["number"]],
        golden=Golden(
            output=bytes.fromhex(answer["output"]), layer_crcs=tuple(answer["layer_crcs"])
        ),
        shown=_flags(answer["shown"]),
        values=_flags(answer["values"]),
    )


def _packed(flags: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return {"count": len(flags), "bits": np.packbits(flags).tobytes().hex()}


def _flags(packed: dict[str, Any]) -> npt.NDArray[np.bool_]:
    content = np.frombuffer(bytes.fromhex(packed["bits"]), dtype=np.uint8)
    return np.unpackbits(content, count=packed["count"]).astype(np.bool_)


def _run(
    path: Path, model: Model, inputs: Sequence[bytes], first: int, answer: Callable[[bytes], None]
) -> None:
    """Hand on the answers to all inputs from number ``first`` on, a line each."""
    from sw_templates.oracle.variety import values_seen
    from sw_templates.oracle.visible_faults import visible
    from sw_templates.reference import reference_inferences

    def put(content: dict[str, Any]) -> None:
        answer(f"{json.dumps(content)}\n".encode())

    try:
        inferences = reference_inferences(path, model, inputs[first:])
        for number, inference in enumerate(inferences, first):
            golden = inference.golden
            put(
                {
                    "number": number,
                    "output": golden.output.hex(),
                    "layer_crcs": golden.layer_crcs,
                    "shown": _packed(visible(model, inference)),
                    "values": _packed(values_seen(model, inputs[number], inference)),
                }
            )
    except ConfigError as error:
        put({"refusal": error.what, "fix": error.fix})


def main() -> None:
    """Answer the inputs in the folder that is named."""
    from sw_templates.tflite_import import load_model

    importlib.import_module("ai_edge_litert.interpreter")  # once for all copies
    folder = Path(sys.argv[1])
    asked = json.loads((folder / _ASKED).read_text())
    path = Path(asked["model"])
    model = load_model(path, operator_folders=[Path(name) for name in asked["operator_folders"]])
    content, size = (folder / _INPUTS).read_bytes(), model.input_bytes
    inputs = [content[start : start + size] for start in range(0, len(content), size)]
    first = 0
    with (folder / _ANSWERS).open("w") as sink:
        while first < len(inputs):
            answers, status = child.answers_of_copy(
                functools.partial(_run, path, model, inputs, first),
                limit_s=_INPUT_LIMIT_S,
                memory_bytes=_MEMORY_BYTES,
            )
            whole = answers.decode().splitlines(keepends=True)
            lines = [line for line in whole if line.endswith("\n")]
            sink.writelines(lines)
            if status == 0:
                break
            first += len(lines) + 1  # behind the one that ended the copy


if __name__ == "__main__":
    main()
