"""The stage that chooses golden inputs and keeps the reference kernels' answers to them.

An oracle that cannot fail is none. The inputs are chosen by the faults that they would show, and
how many they show is kept beside them: it is told before a study's first trial, and by `workload`.
"""

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runners.job import Job
from runners.pipeline import Building, Stage
from runners.samples.files import read_samples, samples_digest
from runners.stages.candidate_answers import CandidateAnswer, candidate_answers
from runners.stages.lone_answers import lone_answers_of_reference
from runners.stages.wrong_rounding import WrongRounding
from runners.tools import identities
from runners.workload import workload_model
from sw_templates.model import Model
from sw_templates.operator_set import operators_digest
from sw_templates.oracle.candidates import candidate_inputs
from sw_templates.oracle.visible_faults import Fault, faults_of
from sw_templates.reference import Golden

_MOST_CONSIDERED = 8
"""Up to so many golden inputs it is told how many would show everything."""
_CANDIDATES_MACS = 1_000_000_000
"""Work of all candidates together: small networks are searched longer."""
_LEAST_ROUNDS, _MOST_ROUNDS = 2, 10
_MOST_SAMPLES = 16
"""Labelled samples among the candidates."""

_CANDIDATES = "candidates.jsonl"
_LONE = "lone_layers.json"

Flags = npt.NDArray[np.bool_]
"""Inputs by row; by column the faults that they show, or the values that occur with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A fault that no golden input shows.

    Attributes:
        layer: Name of the layer; of the kernel, where the fault would be in each of its layers.
        what: What would be wrong.
        another_input: Another candidate shows it: with more golden inputs it is caught.
    """

    layer: str
    what: str
    another_input: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleReport:
    """How telling the golden inputs of a workload are.

    Attributes:
        golden_inputs: How many there are.
        candidates: How many inputs they were chosen from.
        faults: How many faults of a design were tried.
        caught: How many of them the golden inputs show.
        inputs_for_all: How many golden inputs would show every fault that any candidate shows;
            None when it takes more than were considered.
        missed: The faults that they do not show.
    """

    golden_inputs: int
    candidates: int
    faults: int
    caught: int
    inputs_for_all: int | None
    missed: tuple[Missed, ...]

    def to_json(self) -> str:
        """Return the text that ``oracle_from_json`` reads."""
        return json.dumps(asdict(self))


def oracle_from_json(text: str) -> OracleReport:
    """Return what ``OracleReport.to_json`` wrote."""
    content = json.loads(text)
    missed = tuple(Missed(**fault) for fault in content.pop("missed"))
    return OracleReport(**content, missed=missed)


def most_telling(shown: Flags, values: Flags, count: int) -> list[int]:
    """Return which inputs show most together, the most telling first.

    Each is the one that shows most of what the ones before it do not; among equals the one with
    most values that none before it has, since a fault may be one of a single value.

    Args:
        shown: Which faults each input shows.
        values: Which values occur with each input.
        count: How many to choose; all when there are fewer.
    """
    faults_left = np.ones(shown.shape[1], dtype=np.bool_)
    values_left = np.ones(values.shape[1], dtype=np.bool_)
    chosen: list[int] = []
    while len(chosen) < min(count, len(shown)):
        by_faults, by_values = _gains(shown, faults_left), _gains(values, values_left)
        by_faults[chosen] = -1
        best = int(np.lexsort((-by_values, -by_faults))[0])
        chosen.append(best)
        faults_left &= ~shown[best]
        values_left &= ~values[best]
    return chosen


def _gains(flags: Flags, left: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return how many of the columns that are left each row has."""
    gains: npt.NDArray[np.int64] = flags[:, np.flatnonzero(left)].sum(axis=1, dtype=np.int64)
    return gains


def _inputs(job: Job) -> Mapping[str, Any]:
    return {
        "model": job.workload.model_sha256,
        "count": job.workload.golden_inputs,
        "seed": job.workload.seed,
        "samples": samples_digest(job.workload, count=_MOST_SAMPLES),
        "operators": operators_digest(job.workload.operator_folders),
        "tools": identities("ai-edge-litert", "flatbuffers", "jinja2", "numpy", "tflite"),
        "compiler": identities("host-gcc"),
    }


def _build(building: Building) -> float:
    """Write ``golden.json``, ``candidates.jsonl`` (inputs, outputs, CRCs) and ``oracle.json``.

    And ``lone_layers.json``: the CRC of each layer's outputs to ``lone_inputs``.
    """
    with tempfile.TemporaryDirectory(prefix="candidates-", dir=building.out) as folder:
        return _choose(building, Path(folder))


def _choose(building: Building, folder: Path) -> float:
    """Fill the stage's own folder with what is found out in another one."""
    job, count = building.job, building.job.workload.golden_inputs
    started_s = time.process_time()
    model = workload_model(job.workload)
    candidates, reference_s = candidate_answers(
        job, _candidate_inputs(job, model), folder=folder / "reference"
    )
    lone, lone_s = lone_answers_of_reference(job, folder=folder / "lone")
    (building.out / _LONE).write_text(json.dumps(lone))
    building.progress(0.5)
    shown = np.array([candidate.shown for candidate in candidates])
    values = np.array([candidate.values for candidate in candidates])
    rounding = WrongRounding(model, folder=folder / "host", limits=job.limits)
    (likely,) = most_telling(shown, values, 1)
    by_rounding = _shown_roundings(rounding, candidates, likely, building.progress)
    shown = np.hstack([shown, by_rounding])
    ranked = most_telling(shown, values, len(candidates))
    chosen, considered = ranked[:count], ranked[: max(count, _MOST_CONSIDERED)]
    golden = [
        {
            "input": candidate.input.hex(),
            "output": candidate.golden.output.hex(),
            "layer_crcs": candidate.golden.layer_crcs,
        }
        for candidate in (candidates[index] for index in chosen)
    ]
    (building.out / "golden.json").write_text(json.dumps(golden))
    (building.out / _CANDIDATES).write_text(
        "".join(
            f"{json.dumps([each.input.hex(), each.golden.output.hex(), each.golden.layer_crcs])}\n"
            for each in (candidates[index] for index in ranked)
        )
    )
    report = _report((*faults_of(model), *rounding.faults), shown, considered, chosen)
    (building.out / "oracle.json").write_text(report.to_json())
    return time.process_time() - started_s + reference_s + lone_s + rounding.cpu_s


def _candidate_inputs(job: Job, model: Model) -> tuple[bytes, ...]:
    rounds = _CANDIDATES_MACS // max(1, model.macs) // 30
    made = candidate_inputs(
        model, seed=job.workload.seed, rounds=min(max(rounds, _LEAST_ROUNDS), _MOST_ROUNDS)
    )
    if job.workload.samples is None:
        return made
    samples = read_samples(job.workload, model, count=_MOST_SAMPLES).inputs[:_MOST_SAMPLES]
    return tuple(dict.fromkeys((*made, *samples)))


def _shown_roundings(
    rounding: WrongRounding,
    candidates: Sequence[CandidateAnswer],
    likely: int,
    progress: Callable[[float], None],
) -> Flags:
    """Return which candidates show each wrong rounding.

    The one that is likely shows most; only for the rest every candidate is run, since that takes
    as long as all candidates together. How many will be chosen does not matter here, so a choice
    of more inputs begins with those of a choice of fewer.
    """
    shown = np.zeros((len(candidates), len(rounding.faults)), dtype=np.bool_)
    for number in range(len(rounding.faults)):
        for rows in ([likely], list(range(len(candidates)))):
            inputs = [candidates[row].input for row in rows]
            answers = [candidates[row].golden for row in rows]
            shown[rows, number] = rounding.shown(number, inputs, answers)
            if shown[:, number].any():
                break
        progress(0.5 + 0.5 * (number + 1) / len(rounding.faults))
    return shown


def _report(
    faults: Sequence[Fault], shown: Flags, ranked: Sequence[int], chosen: Sequence[int]
) -> OracleReport:
    by_any, by_golden = _together(shown), _together(shown[list(chosen)])
    enough = [
        count
        for count in range(1, len(ranked) + 1)
        if _together(shown[list(ranked[:count])]) == by_any
    ]
    return OracleReport(
        golden_inputs=len(chosen),
        candidates=len(shown),
        faults=len(faults),
        caught=sum(by_golden),
        inputs_for_all=enough[0] if enough else None,
        missed=tuple(
            Missed(layer=fault.layer, what=fault.what, another_input=another)
            for fault, golden, another in zip(faults, by_golden, by_any, strict=True)
            if not golden
        ),
    )


def _together(shown: Flags) -> list[bool]:
    return [bool(column.any()) for column in shown.T]


def read_golden(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return what the stage wrote: input, output and layer CRCs of each golden inference."""
    return tuple(json.loads((folder / "golden.json").read_text()))


def read_candidates(folder: Path) -> tuple[tuple[bytes, Golden], ...]:
    """Return all inputs that the golden ones were chosen from, with what is right for them.

    The golden ones come first, then what shows most that those before do not.
    """
    with (folder / _CANDIDATES).open() as lines:
        contents = [json.loads(line) for line in lines]
    return tuple(
        (
            bytes.fromhex(given),
            Golden(output=bytes.fromhex(output), layer_crcs=tuple(layer_crcs)),
        )
        for given, output, layer_crcs in contents
    )


def read_lone(folder: Path) -> tuple[int | None, ...]:
    """Return the CRC of a layer's outputs to each of ``lone_inputs``; None where there is none."""
    return tuple(json.loads((folder / _LONE).read_text()))


def read_oracle(folder: Path) -> OracleReport:
    """Return how telling the golden inputs are, as the stage wrote it."""
    return oracle_from_json((folder / "oracle.json").read_text())


GOLDEN_STAGE = Stage(
    name="golden",
    version=5,
    cores=1,
    memory_bytes=2 << 30,
    needs=(),
    inputs=_inputs,
    code=(
        "runners/stages/golden.py",
        "runners/stages/candidate_answers.py",
        "runners/stages/lone_answers.py",
        "runners/stages/wrong_rounding.py",
        "runners/samples",
        "runners/workload.py",
        "sw_templates",
    ),
    build=_build,
)
