"""What a model asks of the hardware, before anything is built, or why it is not supported."""

import hashlib
import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.faults import ConfigError
from dse.commands.oracle import measure_oracle
from dse.output.memory_map import buffers_text, memory_text, peak_text
from dse.output.oracle_report import missed_lines, oracle_text
from dse.output.report import table_text
from runners.job import SampleEncoding, Workload, job_without_design
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.golden import oracle_from_json

if TYPE_CHECKING:
    from sw_templates.model import Model
    from sw_templates.workload import WorkloadReport


def workload_data(
    path: Path,
    *,
    operator_folders: Sequence[Path] = (),
    samples: Path | None = None,
    sample_encoding: SampleEncoding | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Return a model's layers, work, buffers, memory, and how telling its golden inputs are.

    Args:
        path: A TFLite file.
        operator_folders: Folders of the user's own operators; their files are run.
        samples: Folder of labelled samples to run, None for none.
        sample_encoding: What the numbers in their files are; None finds it out.
        say: Told what takes long.

    Raises:
        ConfigError: It is not a TFLite file that firmware can be generated for, TFLite's reference
            interpreter does not run it, a folder holds a file that is no operator, or the samples
            are malformed or not of this model.
    """
    from sw_templates.tflite_import import load_model

    model = load_model(path, operator_folders=operator_folders)
    file = path.absolute()
    workload = Workload(
        model=file,
        model_sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        samples=None if samples is None else samples.absolute(),
        sample_encoding=sample_encoding,
        operator_folders=tuple(folder.absolute() for folder in operator_folders),
    )
    score = {} if samples is None else {"score": score_data(workload)}
    oracle = measure_oracle(job_without_design(workload), say=say)
    return {**supported_data(path, model), **score, "oracle": asdict(oracle)}


def score_data(workload: Workload) -> dict[str, Any]:
    """Return how well a model does on the labelled samples of its workload, run where they are new.

    Raises:
        ConfigError: The samples are malformed, or not of this model.
        DseError: The model's C could not be built for this computer, or did not end.
    """
    from runners.stages.accuracy import read_score

    pipeline = pipeline_of(
        job_without_design(workload), cache=Cache(default_root()), report=lambda _: None
    )
    return asdict(read_score(pipeline.get("accuracy").folder))


def score_text(score: dict[str, Any]) -> str:
    """Write what ``score_data`` returns for people."""
    if score["accuracy_percent"] is not None:
        return f"{score['accuracy_percent']:.2f} %"
    return "-" if score["auc"] is None else f"AUC {score['auc']:.4f}"


def bits_text(layers: Sequence[dict[str, Any]]) -> str:
    """Write the bits of weights and activations of the layers that have weights: ``w4/8 a8``."""
    weighty = [layer for layer in layers if layer["weight_bits"] is not None]

    def each(key: str) -> str:
        return "/".join(map(str, sorted({layer[key] for layer in weighty})))

    return f"w{each('weight_bits')} a{each('activation_bits')}" if weighty else "-"


def supported_data(path: Path, model: "Model") -> dict[str, Any]:
    """Return what ``workload_data`` does for a model that both validators have accepted."""
    from dse.commands.accelerated import acceleration_data
    from sw_templates.workload import workload_report

    answer = {"model": str(path), "supported": True, "obstacles": []}
    report = workload_report(model)
    macs = {layer.index: layer.macs for layer in report.layers}
    accelerated = acceleration_data(model.layers, macs)
    return {**answer, **report_data(report), "acceleration": accelerated}


def report_data(report: "WorkloadReport") -> dict[str, Any]:
    """Return a report with its arena from step to step, and the step that makes it so large."""
    from sw_templates.arena_use import arena_steps, peak_step

    steps = arena_steps(report)
    peak = peak_step(steps)
    return {
        **asdict(report),
        "steps": [asdict(step) for step in steps],
        "peak": {
            "step": steps.index(peak),
            "layer": peak.name,
            "bytes": report.peak_bytes,
            "used_bytes": peak.used_bytes,
            "buffers": [report.buffers[number].name for number in peak.buffers],
        },
    }


def unsupported_data(path: Path, error: ConfigError) -> dict[str, Any]:
    """Return why a model is not supported, with the keys that ``workload_data`` has for it.

    Args:
        path: The file.
        error: What ``workload_data`` raised.
    """
    from sw_templates.graph.obstacles import obstacles_of

    obstacles = [{**asdict(obstacle), "title": obstacle.title} for obstacle in obstacles_of(error)]
    return {"model": str(path), "supported": False, "obstacles": obstacles}


def workload_text(data: dict[str, Any]) -> str:
    """Lay out what ``workload_data`` returns."""
    layers = [
        [
            layer["name"],
            layer["operator"],
            " ".join(_shape(shape) for shape in layer["output_shapes"]),
            f"{layer['macs']:,}",
            f"{layer['weight_bytes']:,}",
            f"{layer['bytes_in']:,}",
            f"{layer['bytes_out']:,}",
            f"{layer['scratch_bytes']:,}",
        ]
        for layer in data["layers"]
    ]
    oracle = oracle_from_json(json.dumps(data["oracle"]))
    header = ["layer", "operator", "output", "MAC", "weights B", "in B", "out B", "scratch B"]
    return "\n".join(
        [
            f"{data['model']} is supported.",
            "",
            table_text(header, layers, left=3),
            "",
            "what a CFU takes from the CPU, and how many times fewer cycles single layers took:",
            *_acceleration_lines(data),
            "",
            buffers_text(data),
            "",
            memory_text(data),
            "",
            *(_edge("input", each, "quantised") for each in data["inputs"]),
            *(_edge("output", each, "dequantised") for each in data["outputs"]),
            f"{'work':12} {data['macs']:,} MAC an inference",
            f"{'weights':12} {data['weight_bytes']:,} bytes, bits: {bits_text(data['layers'])}",
            *(
                [
                    f"{'accuracy':12} {score_text(data['score'])} of {data['score']['samples']:,}"
                    " labelled samples"
                ]
                if "score" in data
                else []
            ),
            f"{'peak memory':12} {data['peak_bytes']:,} bytes of activations and scratch, "
            "with plain kernels",
            *(f"{'':12} {line}" for line in textwrap.wrap(peak_text(data), 67)),
            f"{'oracle':12} {oracle_text(oracle)}",
            *(f"{'':14}{line}" for line in missed_lines(oracle)),
        ]
    )


def _acceleration_lines(data: dict[str, Any]) -> list[str]:
    from dse.commands.accelerated import acceleration_rows

    header, rows = acceleration_rows(data["acceleration"])
    return [table_text(header, rows, left=1)]


def _edge(end: str, edge: dict[str, Any], verb: str) -> str:
    text = f"{end:12} {_shape(edge['shape'])} {edge['type']}"
    steps = list(edge["host_operators"])
    if edge["file_type"] == edge["type"] and not steps:
        return text
    done = [*steps, verb] if end.startswith("input") else [verb, *steps]
    return (
        f"{text}; {edge['file_type']} in the file, {' and '.join(done)} by the host"
        f" (scale {edge['scale']:.6g}, zero point {edge['zero_point']})"
    )


def _shape(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
