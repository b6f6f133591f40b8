"""The stage that runs a design's kernels on this computer with every candidate input.

The same C as on the core, with the CFU emulated: thousands of inferences cost what one simulated
inference does. So what the golden inputs of the simulation do not show of the kernels is seen here,
before anything is simulated. What it cannot see is the hardware itself.

Of a family without a C model of its CFU nothing is run here: its Verilog is the model, and stage
``cfu-check`` runs kernels and Verilog together.
"""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contracts.faults import ToolCrashed, ToolTimeout, WrongResult
from runners.boards.mlperf import first_difference
from runners.job import Job
from runners.pipeline import Building, Stage
from runners.stages.design import family_of
from runners.stages.firmware import is_modelled_by_verilog, own_kernels
from runners.stages.golden import read_candidates, read_lone
from runners.tools import identities, run_tool
from runners.workload import workload_model
from sw_templates.build import HOST_NAME
from sw_templates.host import (
    BATCH_FILES,
    LONE_FILES,
    batch_answers,
    batch_command,
    lone_answers,
    lone_command,
)
from sw_templates.model import Model
from sw_templates.oracle.lone_layers import LoneInput, lone_inputs
from sw_templates.reference import Golden

CHECKED = "checked.json"
"""File of this stage and of ``cfu-check``: ``inputs``, how many were right, and ``model``, what the
kernels reached as the CFU: its ``emulation`` in C, or its ``verilog``. Where layers were run by
themselves, also ``layer_inputs``: how many inputs these were right for."""
_FIX = "correct the kernels, or the C model of the CFU beside them"


def _inputs(job: Job) -> Mapping[str, Any]:
    # program and golden answers say the rest; the model is read for what its layers are given
    return {"seed": job.workload.seed, "tools": identities("flatbuffers", "numpy", "tflite")}


def _build(building: Building) -> float:
    """Write ``checked.json``: how many inputs every layer was right for, and with which model."""
    started_s = time.process_time()
    job = building.job
    if is_modelled_by_verilog(family_of(job)):
        (building.out / CHECKED).write_text(json.dumps({"inputs": 0, "model": "verilog"}))
        return 0.0
    model = workload_model(job.workload)
    candidates = read_candidates(building.needs["golden"])
    inputs = [content for content, _ in candidates]
    program = building.needs["host-firmware"] / HOST_NAME
    lone = lone_inputs(model, seed=job.workload.seed)
    with _naming_kernels(job):
        cpu_s = _run(building, batch_command(program, inputs, folder=building.out))
        found = batch_answers(model, building.out)
        require_right(model, candidates, found)
        cpu_s += _run(building, lone_command(program, lone, folder=building.out))
        alone = lone_answers(building.out, count=len(lone))
    layer_inputs = require_lone_right(model, lone, read_lone(building.needs["golden"]), alone)
    for name in (*BATCH_FILES, *LONE_FILES):
        (building.out / name).unlink()
    checked = {"inputs": len(candidates), "layer_inputs": layer_inputs, "model": "emulation"}
    (building.out / CHECKED).write_text(json.dumps(checked))
    return cpu_s + time.process_time() - started_s


def _run(building: Building, command: Sequence[str]) -> float:
    """Run the host firmware; return the CPU-seconds."""
    limits = building.job.limits
    return run_tool(
        command,
        cwd=building.out,
        log=building.out / "log",
        timeout_s=limits.stage_timeout_s,
        memory_bytes=limits.memory_bytes,
    ).cpu_s


@contextlib.contextmanager
def _naming_kernels(job: Job) -> Iterator[None]:
    """Make a wrong result of a crash where kernels of the study's own are run."""
    try:
        yield
    except (ToolCrashed, ToolTimeout) as error:
        whose = own_kernels(job)
        if whose is None:
            raise
        raise WrongResult(
            f"{whose} end the program, or do not end, on the host: {error.what}",
            fix=_FIX,
            detail=error.detail,
        ) from error


def require_right(
    model: Model,
    candidates: Sequence[tuple[bytes, Golden]],
    found: Sequence[Golden],
    *,
    what: str = "",
    fix: str = _FIX,
) -> None:
    """Compare what the kernels answered to candidates with what is right.

    Args:
        model: The network.
        candidates: Inputs, and what is right for them.
        found: The answers.
        what: What the kernels used, for people.
        fix: What helps.

    Raises:
        WrongResult: A layer differs; the first one is named.
    """
    for number, ((_, right), answer) in enumerate(zip(candidates, found, strict=True)):
        first = first_difference(right.layer_crcs, answer.layer_crcs)
        if first is None and answer.output == right.output:
            continue
        where = "the output" if first is None else model.layers[first].name
        raise WrongResult(
            f"on the host{what}, candidate {number + 1} of {len(candidates)}: a layer differs from"
            f" TFLite's reference kernels; the first layer that differs is {where}",
            fix=fix,
            detail=f"expected {right.output.hex()}\nfound    {answer.output.hex()}",
        )


def require_lone_right(
    model: Model,
    inputs: Sequence[LoneInput],
    right: Sequence[int | None],
    found: Sequence[int | None],
    *,
    what: str = "",
    fix: str = _FIX,
) -> int:
    """Compare what kernels answered to inputs of single layers with what is right.

    Args:
        model: The network.
        inputs: What the layers were given.
        right: CRC of the outputs to each; None where the reference kernel has no answer.
        found: The same of the kernels; None where a unit cannot run the layer by itself.
        what: What the kernels used, for people.
        fix: What helps.

    Returns:
        How many were compared.

    Raises:
        WrongResult: A layer differs; the first one of the network is named.
    """
    compared, wrong = 0, Counter[int]()
    for given, expected, answer in zip(inputs, right, found, strict=True):
        if expected is not None and answer is not None:
            compared += 1
            wrong[given.position] += expected != answer
    first = min((position for position, count in wrong.items() if count), default=None)
    if first is None:
        return compared
    layer = model.layers[first]
    raise WrongResult(
        f"on the host{what}, {layer.name} ({layer.operator}) by itself differs from TFLite's"
        f" reference kernel for {wrong[first]:,} of {_inputs_of(first, inputs):,} inputs of its"
        " own, which no candidate for the network's input brings to it",
        fix=f"{fix}; each must be right for whatever its layer's input tensors can hold",
    )


def _inputs_of(position: int, inputs: Sequence[LoneInput]) -> int:
    return sum(given.position == position for given in inputs)


KERNEL_CHECK_STAGE = Stage(
    name="kernel-check",
    version=2,
    cores=1,
    memory_bytes=1 << 30,
    needs=("host-firmware", "golden"),
    inputs=_inputs,
    code=(
        "runners/stages/kernel_check.py",
        "runners/stages/golden.py",
        "runners/boards/mlperf.py",
        "runners/workload.py",
        "sw_templates",
    ),
    build=_build,
)
