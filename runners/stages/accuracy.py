"""The stage that runs a workload's labelled samples through a model's C on this computer.

How often a network is right is the network's: every design that completes answers as the reference
kernels do, byte for byte. So the samples are run once for each model and not for each design, with
the plain kernels, and all trials share the score.
"""

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runners.job import Job
from runners.pipeline import Building, Stage
from runners.samples.files import read_samples, samples_digest
from runners.samples.scoring import Judge
from runners.tools import identities, run_tool
from runners.workload import workload_model
from sw_templates.build import HOST_NAME, host_command
from sw_templates.generate import generate
from sw_templates.host import batch_answers, batch_command
from sw_templates.operator_set import operators_digest
from sw_templates.options import PLAIN_KERNELS, FirmwareOptions

_SCORE = "score.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScore:
    """How well a model does on the labelled samples of its workload.

    Attributes:
        samples: How many there are.
        accuracy_percent: Share that is classified as labelled; None where anomalies are looked for.
        auc: Area under the ROC curve of the anomaly scores; None for a classifier, or where all
            samples are of one kind.
    """

    samples: int
    accuracy_percent: float | None
    auc: float | None


def _inputs(job: Job) -> Mapping[str, Any]:
    return {
        "model": job.workload.model_sha256,
        "samples": samples_digest(job.workload),
        "operators": operators_digest(job.workload.operator_folders),
        "tools": identities("flatbuffers", "jinja2", "numpy", "tflite"),
        "compiler": identities("host-gcc"),
    }


def _build(building: Building) -> float:
    """Write ``score.json``; without samples it says that there is no score."""
    score, cpu_s = ModelScore(samples=0, accuracy_percent=None, auc=None), 0.0
    if building.job.workload.samples is not None:
        with tempfile.TemporaryDirectory(prefix="samples-", dir=building.out) as folder:
            score, cpu_s = _scored(building.job, Path(folder))
    (building.out / _SCORE).write_text(json.dumps(asdict(score)))
    return cpu_s


def _scored(job: Job, folder: Path) -> tuple[ModelScore, float]:
    """Return the score and the CPU-seconds that it cost, working in a folder."""
    started_s = time.process_time()
    model = workload_model(job.workload)
    samples = read_samples(job.workload, model)
    firmware = generate(
        model, kernels=PLAIN_KERNELS, options=FirmwareOptions(), soc=None, out=folder
    )
    cpu_s = 0.0
    for command in (
        host_command(firmware),
        batch_command(folder / HOST_NAME, samples.inputs, folder=folder),
    ):
        cpu_s += run_tool(
            command,
            cwd=folder,
            log=folder / "log",
            timeout_s=job.limits.stage_timeout_s,
            memory_bytes=job.limits.memory_bytes,
        ).cpu_s
    outputs = [answer.output for answer in batch_answers(model, folder)]
    score = Judge(samples, model).of_tensors(outputs)
    count = len(samples.samples)
    found = ModelScore(
        samples=count,
        accuracy_percent=None if score.correct is None else 100 * score.correct / count,
        auc=score.auc,
    )
    return found, cpu_s + time.process_time() - started_s


def read_score(folder: Path) -> ModelScore:
    """Return what the stage wrote."""
    return ModelScore(**json.loads((folder / _SCORE).read_text()))


ACCURACY_STAGE = Stage(
    name="accuracy",
    version=1,
    cores=1,
    memory_bytes=1 << 30,
    needs=(),
    inputs=_inputs,
    code=(
        "runners/stages/accuracy.py",
        "runners/samples",
        "runners/workload.py",
        "sw_templates",
    ),
    build=_build,
)
