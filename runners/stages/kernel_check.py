"""The stage that runs a design's kernels on this computer with every candidate input.

The same C as on the core, with the CFU emulated: thousands of inferences cost what one simulated
inference does. So what the golden inputs of the simulation do not show of the kernels is seen here,
before anything is simulated. What it cannot see is the hardware itself.

Of a family without a C model of its CFU nothing is run here: its Verilog is the model, and stage
``cfu-check`` runs kernels and Verilog together.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from contracts.faults import ToolCrashed, ToolTimeout, WrongResult
from runners.boards.mlperf import first_difference
from runners.job import Job
from runners.pipeline import Building, Stage
from runners.stages.design import family_of
from runners.stages.firmware import is_modelled_by_verilog, own_kernels
from runners.stages.golden import read_candidates
from runners.tools import identities, run_tool
from runners.workload import workload_model
from sw_templates.build import HOST_NAME
from sw_templates.host import BATCH_FILES, batch_answers, batch_command
from sw_templates.model import Model
from sw_templates.reference import Golden

CHECKED = "checked.json"
"""File of this stage and of ``cfu-check``: ``inputs``, how many were right, and ``model``, what the
kernels reached as the CFU: its ``emulation`` in C, or its ``verilog``."""
_FIX = "correct the kernels, or the C model of the CFU beside them"


def _inputs(job: Job) -> Mapping[str, Any]:
    del job  # the program and the candidates say it all; the model is read for its layers' names
    return {"tools": identities("flatbuffers", "tflite")}


def _build(building: Building) -> float:
    """Write ``checked.json``: how many inputs every layer was right for, and with which model."""
    job = building.job
    if is_modelled_by_verilog(family_of(job)):
        (building.out / CHECKED).write_text(json.dumps({"inputs": 0, "model": "verilog"}))
        return 0.0
    model = workload_model(job.workload)
    candidates = read_candidates(building.needs["golden"])
    inputs = [content for content, _ in candidates]
    program = building.needs["host-firmware"] / HOST_NAME
    try:
        run = run_tool(
            batch_command(program, inputs, folder=building.out),
            cwd=building.out,
            log=building.out / "log",
            timeout_s=job.limits.stage_timeout_s,
            memory_bytes=job.limits.memory_bytes,
        )
        found = batch_answers(model, building.out)
    except (ToolCrashed, ToolTimeout) as error:
        whose = own_kernels(job)
        if whose is None:
            raise
        raise WrongResult(
            f"{whose} end the program, or do not end, on the host: {error.what}",
            fix=_FIX,
            detail=error.detail,
        ) from error
    require_right(model, candidates, found)
    for name in BATCH_FILES:
        (building.out / name).unlink()
    checked = {"inputs": len(candidates), "model": "emulation"}
    (building.out / CHECKED).write_text(json.dumps(checked))
    return run.cpu_s


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


KERNEL_CHECK_STAGE = Stage(
    name="kernel-check",
    version=1,
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
