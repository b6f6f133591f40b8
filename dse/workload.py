"""What a model asks of the hardware, before anything is built."""

from pathlib import Path
from typing import Any

from dse.report import table_text


def workload_data(path: Path) -> dict[str, Any]:
    """Return a model's layers, work and memory.

    Raises:
        ConfigError: It is not a TFLite file that firmware can be generated for.
    """
    from sw_templates.memory_plan import plan_memory
    from sw_templates.tflite_import import load_model

    model = load_model(path)
    plan = plan_memory(model, row_align_bytes=4, scratch_rows=1)
    return {
        "model": str(path),
        "input": {"shape": list(model.input.shape), "bytes": model.input.size_bytes},
        "output": {"shape": list(model.output.shape), "bytes": model.output.size_bytes},
        "macs": model.macs,
        "constant_bytes": sum(t.size_bytes for layer in model.layers for t in layer.constants),
        "arena_bytes": plan.peak_bytes,
        "layers": [
            {
                "index": layer.index,
                "name": layer.name,
                "operator": layer.operator,
                "output_shape": list(layer.output.shape),
                "macs": layer.macs,
                "bytes_in": layer.bytes_in,
                "bytes_out": layer.output.size_bytes,
            }
            for layer in model.layers
        ],
    }


def workload_text(data: dict[str, Any]) -> str:
    """Lay out what ``workload_data`` returns."""
    rows = [
        [
            layer["name"],
            layer["operator"],
            "x".join(map(str, layer["output_shape"])),
            f"{layer['macs']:,}",
            f"{layer['bytes_in']:,}",
            f"{layer['bytes_out']:,}",
        ]
        for layer in data["layers"]
    ]
    shapes = [("x".join(map(str, data[end]["shape"])), end) for end in ("input", "output")]
    return "\n".join(
        [
            table_text(["layer", "operator", "output", "MAC", "in B", "out B"], rows, left=3),
            "",
            *(f"{end:10} {shape} int8" for shape, end in shapes),
            f"{'work':10} {data['macs']:,} MAC an inference",
            f"{'constants':10} {data['constant_bytes']:,} bytes",
            f"{'arena':10} {data['arena_bytes']:,} bytes with plain kernels",
        ]
    )
