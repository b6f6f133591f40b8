"""Turn a checkpoint into TFLite: ``python -m models.imgc.quantise DIR/checkpoint.npz --out DIR``.

Writes ``imgc_resnet8_int8.tflite`` (full-integer: int8 input, activations and output, one scale
per output channel of a convolution) and ``imgc_resnet8_float.tflite`` (the same folded network in
float32, for the float accuracy). The running average of the weights is what is exported.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.imgc.data import DEFAULT_DATA, DataMissing, Images, every_nth, read_split
from models.imgc.layers import CONVOLUTIONS, FEATURES
from models.imgc.precision import PrecisionInvalid, parse_precision

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is loaded

INT8_NAME = "imgc_resnet8_int8.tflite"
FLOAT_NAME = "imgc_resnet8_float.tflite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """One network as two TFLite files."""

    int8: bytes
    float32: bytes


def convert(checkpoint: Path, calibration: Images) -> Models:
    """Fold normalisation into the convolutions and convert.

    Args:
        checkpoint: As written by ``train``.
        calibration: Training images; the range of each activation over them is what int8 spans.
            They must contain a black and a white value, so that the input's scale is one.

    Raises:
        CheckpointInvalid: No checkpoint, or a truncated one.
    """
    import tensorflow as tf

    from models.imgc.network import folded
    from models.imgc.training import averaged_from

    values = folded(*averaged_from(checkpoint))
    function = _inference_function(values)

    def samples() -> Iterator[list[Any]]:
        for image in calibration.pixels:
            yield [image[None].astype(np.float32)]

    def converter() -> Any:
        return tf.lite.TFLiteConverter.from_concrete_functions([function], _owner(function))

    exact = converter()
    quantised = converter()
    quantised.optimizations = [tf.lite.Optimize.DEFAULT]
    quantised.representative_dataset = samples
    quantised.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    quantised.inference_input_type = tf.int8
    quantised.inference_output_type = tf.int8
    # The reference model, and with it every kernel written for it, has one scale here.
    quantised._experimental_disable_per_channel_quantization_for_dense_layers = True
    return Models(int8=quantised.convert(), float32=exact.convert())


def _owner(function: Any) -> Any:
    """The converter asks for the object that owns the variables; there are only constants."""
    import tensorflow as tf

    owner = tf.Module()
    owner.function = function
    return owner


def _inference_function(values: dict[str, Any]) -> Any:
    """Pixels to class probabilities, in the operations and order of the reference model."""
    import tensorflow as tf

    strides = {layer.name: layer.stride for layer in CONVOLUTIONS}

    def convolve(name: str, x: Any) -> Any:
        y = tf.nn.conv2d(x, tf.constant(values[f"{name}/kernel"]), strides[name], "SAME")
        return tf.nn.bias_add(y, tf.constant(values[f"{name}/bias"]))

    def infer(pixels: Any) -> Any:
        x = tf.nn.relu(convolve("stem", pixels))
        y = convolve("stage1_b", tf.nn.relu(convolve("stage1_a", x)))
        x = tf.nn.relu(x + y)
        for stage in ("stage2", "stage3"):
            y = convolve(f"{stage}_b", tf.nn.relu(convolve(f"{stage}_a", x)))
            x = tf.nn.relu(convolve(f"{stage}_skip", x) + y)
        x = tf.nn.avg_pool2d(x, 8, 8, "VALID")
        x = tf.reshape(x, [-1, FEATURES])
        logits = tf.matmul(x, tf.constant(values["dense/kernel"]))
        return tf.nn.softmax(tf.nn.bias_add(logits, tf.constant(values["dense/bias"])))

    shape = tf.TensorSpec([None, 32, 32, 3], tf.float32, name="pixels")
    return tf.function(infer, input_signature=[shape]).get_concrete_function()


def refuse_low_bits(checkpoint: Path) -> None:
    """An int8 file cannot keep what training with fewer bits learnt.

    Raises:
        PrecisionInvalid: ``bits.json`` beside the checkpoint has a width below 8.
    """
    bits = checkpoint.with_name("bits.json")
    if not bits.exists():
        return
    low = [
        name
        for name, layer in parse_precision(bits.read_text()).layers.items()
        if (layer.weights, layer.activations) != (8, 8)
    ]
    if low:
        raise PrecisionInvalid(
            f"{bits} has fewer than 8 bits for {', '.join(low)}, TFLite's kernels have 8\n"
            "  fix: evaluate it with python -m models.imgc.simulate"
        )


def main() -> int:
    """Parse the command line, convert and write both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint.npz that train wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two files")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="default: %(default)s")
    parser.add_argument(
        "--calibration", type=int, default=1000, help="training images, default: %(default)s"
    )
    args = parser.parse_args()
    from models.imgc.training import CheckpointInvalid

    try:
        refuse_low_bits(args.checkpoint)
        images = every_nth(read_split(args.data, "train"), args.calibration)
        models = convert(args.checkpoint, images)
    except (CheckpointInvalid, DataMissing, PrecisionInvalid) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    for name, content in ((INT8_NAME, models.int8), (FLOAT_NAME, models.float32)):
        (args.out / name).write_bytes(content)
        print(f"{args.out / name}: {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
