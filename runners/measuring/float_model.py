"""Samples through a float model: what quantisation cost is told beside it.

The file is none that our own import has checked, and TFLite's interpreter trusts what it reads, so
it runs in a child process: ``python -m runners.measuring.float_model MODEL INPUTS OUTPUTS``.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.faults import ConfigError, ToolCrashed
from runners.tools import child, run_tool

Numbers = npt.NDArray[np.float64]

_REFUSED = "refused: "
_FIX = "give the float model that was quantised, with float32 inputs and outputs"


def run_float_model(
    path: Path, inputs: Sequence[Numbers], *, folder: Path, timeout_s: float
) -> tuple[Numbers, ...]:
    """Return the outputs of a float model, all tensors of one inference in a row.

    Args:
        path: A ``.tflite`` file with float32 inputs and outputs.
        inputs: Of each inference, the numbers of all input tensors in a row.
        folder: Empty one to work in.
        timeout_s: Limit of all inferences together.

    Raises:
        ConfigError: The file is not there, is no such model, or takes another number of elements.
        DseError: Another fault of ``run_tool``.
    """
    if not path.is_file():
        raise ConfigError(f"there is no float model {path}", fix="correct the path")
    np.save(folder / "inputs.npy", np.array(inputs, dtype=np.float32))
    answers = folder / "outputs.npy"
    try:
        run_tool(
            [
                *(sys.executable, "-m", "runners.measuring.float_model"),
                *(path.absolute(), folder / "inputs.npy", answers),
            ],
            cwd=folder,
            log=folder / "float_model.log",
            timeout_s=timeout_s,
            env=child.importing_environment(),
        )
    except ToolCrashed as error:
        said = error.detail.rpartition(_REFUSED)[2] if _REFUSED in error.detail else error.what
        raise ConfigError(
            f"the float model {path} does not run: {said.strip()}", fix=_FIX, detail=error.detail
        ) from error
    return tuple(np.load(answers).astype(np.float64))


def main(arguments: Sequence[str]) -> None:
    """Run a model over the inputs of a file and write its outputs to another."""
    model, inputs, outputs = map(Path, arguments)
    try:
        answers = _outputs(model, np.load(inputs))
    except (ValueError, RuntimeError) as error:
        sys.exit(f"{_REFUSED}{error}")
    np.save(outputs, np.array(answers, dtype=np.float32))


def _outputs(model: Path, inputs: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=str(model), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    takes, gives = interpreter.get_input_details(), interpreter.get_output_details()
    for tensor in (*takes, *gives):
        if tensor["dtype"] is not np.float32:
            raise ValueError(f"tensor {tensor['name']} is {np.dtype(tensor['dtype']).name}")
    sizes = [int(np.prod(tensor["shape"])) for tensor in takes]
    if sum(sizes) != inputs.shape[1]:
        raise ValueError(f"it takes {sum(sizes)} numbers, a sample has {inputs.shape[1]}")
    return [_run(interpreter, takes, gives, np.split(row, np.cumsum(sizes)[:-1])) for row in inputs]


def _run(
    interpreter: Any, takes: Any, gives: Any, parts: Sequence[npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    for tensor, part in zip(takes, parts, strict=True):
        interpreter.set_tensor(tensor["index"], part.reshape(tensor["shape"]))
    interpreter.invoke()
    return np.concatenate([interpreter.get_tensor(each["index"]).ravel() for each in gives])


if __name__ == "__main__":
    main(sys.argv[1:])
