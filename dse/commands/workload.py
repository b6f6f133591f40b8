"""What a model asks of the hardware, before anything is built."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dse.output.report import table_text


def workload_data(path: Path) -> dict[str, Any]:
    """Return a model's layers, work, buffers and memory.

    Raises:
        ConfigError: It is not a TFLite file that firmware can be generated for.
    """
    from sw_templates.tflite_import import load_model
    from sw_templates.workload import workload_report

    return {"model": str(path), **asdict(workload_report(load_model(path)))}


def workload_text(data: dict[str, Any]) -> str:
    """Lay out what ``workload_data`` returns."""
    layers = [
        [
            layer["name"],
            layer["operator"],
            _shape(layer["output_shape"]),
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
            names[buffer["first"]],
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
            f"{'input':12} {_shape(data['input_shape'])} int8",
            f"{'output':12} {_shape(data['output_shape'])} int8",
            f"{'work':12} {data['macs']:,} MAC an inference",
            f"{'weights':12} {data['weight_bytes']:,} bytes",
            f"{'peak memory':12} {data['peak_bytes']:,} bytes of activations and scratch, "
            "with plain kernels",
        ]
    )


def _shape(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
