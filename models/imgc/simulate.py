"""Accuracy of a checkpoint with any bit widths: ``python -m models.imgc.simulate CHECKPOINT``.

Rounds weights and activations to the widths in ``--bits`` and computes in floating point: what a
search over bit widths asks first. The figure for 8 bits comes from ``evaluate``.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

from models.imgc.data import DEFAULT_DATA, DataMissing, Images, every_nth, read_split
from models.imgc.precision import Precision, PrecisionInvalid, parse_precision

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is loaded

BATCH = 500


def simulate(
    checkpoint: Path, images: Images, *, precision: Precision | None, calibration: Images
) -> float:
    """Share of ``images`` classified correctly.

    Args:
        checkpoint: As written by ``train``.
        images: To classify.
        precision: Bit widths; None computes in floating point.
        calibration: Images that set the activation ranges, where training did not.

    Raises:
        CheckpointInvalid: No checkpoint, or a truncated one.
    """
    import tensorflow as tf

    from models.imgc.network import Network
    from models.imgc.training import averaged_from

    weights, statistics = averaged_from(checkpoint)
    network = Network(weights=weights, statistics=statistics, precision=precision)
    if precision is not None and "stem/range" not in statistics:
        for start in range(0, len(calibration), BATCH):
            network.logits(calibration.pixels[start : start + BATCH], training=False, observe=True)
    scores = tf.function(lambda pixels: network.logits(pixels, training=False))
    correct = 0
    for start in range(0, len(images), BATCH):
        shown = tf.convert_to_tensor(images.pixels[start : start + BATCH])
        predicted = np.argmax(scores(shown).numpy(), axis=1)
        correct += int(np.sum(predicted == images.labels[start : start + BATCH]))
    return correct / len(images)


def main() -> int:
    """Parse the command line, simulate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint.npz that train wrote")
    parser.add_argument("--bits", type=Path, help="JSON file of bit widths; without: float")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="default: %(default)s")
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--images", type=int, default=5000, help="default: %(default)s")
    args = parser.parse_args()
    from models.imgc.training import CheckpointInvalid

    try:
        precision = None if args.bits is None else parse_precision(args.bits.read_text())
        train_images = read_split(args.data, "train")
        images = train_images if args.split == "train" else read_split(args.data, args.split)
        share = simulate(
            args.checkpoint,
            every_nth(images, args.images),
            precision=precision,
            calibration=every_nth(train_images, 1000),
        )
    except (CheckpointInvalid, DataMissing, PrecisionInvalid, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"top-1 {share:.2%} of {min(args.images, len(images))} {args.split} images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
