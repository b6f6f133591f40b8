"""The stage that makes golden inputs and the reference kernels' answers to them."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runners.job import Job
from runners.pipeline import Building, Stage
from runners.tools import identities
from runners.workload import workload_model
from sw_templates.model import Model
from sw_templates.operator_set import operators_digest
from sw_templates.reference import Golden, golden_inferences

_CANDIDATES = 24


def candidate_inputs(model: Model, *, count: int, seed: int) -> tuple[bytes, ...]:
    """Return input tensors from faint to full contrast, from smooth to noisy; same for a seed.

    Uniform noise alone saturates most classifiers: their output is then the same for almost any
    fault before it.
    """
    generator = np.random.default_rng(seed)
    size = model.input_bytes
    inputs = []
    for number in range(count):
        contrast = 8 * 2 ** (number % 5)  # peak: 8 to 128
        noise = generator.normal(size=size)
        smoothing = 1 + 8 * (number % 3)
        smooth: npt.NDArray[np.float64] = np.convolve(noise, np.ones(smoothing), mode="same")
        scaled = smooth * (contrast / max(1e-9, float(np.abs(smooth).max())))
        level = generator.integers(-64, 64)
        values = np.clip(np.rint(scaled + level), -128, 127).astype(np.int8)
        inputs.append(values.tobytes())
    return tuple(inputs)


def most_telling(answers: Sequence[Golden], count: int) -> list[int]:
    """Return which answers would show a fault best: those with most different output values."""

    def spread(index: int) -> tuple[int, int]:
        values = answers[index].output
        inside = sum(value not in (0x7F, 0x80) for value in values)
        return (-inside, -len(set(values)))

    return sorted(range(len(answers)), key=spread)[:count]


def _inputs(job: Job) -> Mapping[str, Any]:
    return {
        "model": job.workload.model_sha256,
        "count": job.workload.golden_inputs,
        "seed": job.workload.seed,
        "operators": operators_digest(job.workload.operator_folders),
        "tools": identities("ai-edge-litert", "flatbuffers", "numpy", "tflite"),
    }


def _build(building: Building) -> float:
    """Write ``golden.json``: generated inputs, output bytes and CRCs of each layer."""
    workload = building.job.workload
    started_s = time.process_time()
    model = workload_model(workload)
    inputs = candidate_inputs(model, count=_CANDIDATES * workload.golden_inputs, seed=workload.seed)
    answers = golden_inferences(workload.model, model, inputs)
    content = [
        {
            "input": inputs[index].hex(),
            "output": answers[index].output.hex(),
            "layer_crcs": answers[index].layer_crcs,
        }
        for index in most_telling(answers, workload.golden_inputs)
    ]
    (building.out / "golden.json").write_text(json.dumps(content))
    return time.process_time() - started_s


def read_golden(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return what the stage wrote: input, output and layer CRCs of each golden inference."""
    return tuple(json.loads((folder / "golden.json").read_text()))


GOLDEN_STAGE = Stage(
    name="golden",
    version=2,
    needs=(),
    inputs=_inputs,
    code=("runners/stages/golden.py", "runners/workload.py", "sw_templates"),
    build=_build,
)
