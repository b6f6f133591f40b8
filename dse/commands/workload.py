"""What a model asks of the hardware, before anything is built."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dse.output.report import table_text


def workload_data(path: Path, *, operator_folders: Sequence[Path] = ()) -> dict[str, Any]:
    """Return a model's layers, work, buffers and memory.

    Args:
        path: A TFLite file.
        operator_folders: Folders of the user's own operators; their files are run.

    Raises:
        ConfigError: It is not a TFLite file that firmware can be generated for, or a folder holds
            a file that is no operator.
    """
    from sw_templates.tflite_import import load_model
    from sw_templates.workload import workload_report

    model = load_model(path, operator_folders=operator_folders)
    return {"model": str(path), **asdict(workload_report(model))}


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
    names = [layer["name"] for layer in data["layers"]]
    buffers = [
        [
            buffer["name"],
            f"{buffer['size_bytes']:,}",
            f"{buffer['offset']:,}",
            names[buffer["first"]] if 0 <= buffer["first"] < len(names) else "the start",
            # the output outlives the last layer
            names[buffer["last"]] if buffer["last"] < len(names) else "the end",
        ]
        for buffer in data["buffers"]
    ]
    header = ["layer", "operator", "output", "MAC", "weights B", "in B", "out B", "scratch B"]
    return "\n".join(
        [
            f"{data['model']} is supported.",
            "",
            table_text(header, layers, left=3),
            "",
            table_text(["buffer", "bytes", "offset", "from", "until"], buffers),
            "",
            *(_edge("input", each, "quantised") for each in data["inputs"]),
            *(_edge("output", each, "dequantised") for each in data["outputs"]),
            f"{'work':12} {data['macs']:,} MAC an inference",
            f"{'weights':12} {data['weight_bytes']:,} bytes",
            f"{'peak memory':12} {data['peak_bytes']:,} bytes of activations and scratch, "
            "with plain kernels",
        ]
    )


def _edge(end: str, edge: dict[str, Any], verb: str) -> str:
    text = f"{end:12} {_shape(edge['shape'])} {edge['type']}"
    if edge["file_type"] == edge["type"]:
        return text
    return (
        f"{text}; {edge['file_type']} in the file, {verb} by the host"
        f" (scale {edge['scale']:.6g}, zero point {edge['zero_point']})"
    )


def _shape(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
