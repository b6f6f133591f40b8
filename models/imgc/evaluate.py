"""Top-1 accuracy of a TFLite file: ``python -m models.imgc.evaluate FILE.tflite``.

Uses TFLite's reference kernels: the optimised ones round differently, and what the generated
firmware is compared with is the reference. Needs NumPy, Pillow and ai-edge-litert only.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from models.imgc.data import (
    CLASSES,
    DEFAULT_DATA,
    SAMPLES,
    DataMissing,
    Images,
    every_nth,
    read_samples,
    read_split,
)

KERNELS = "TFLite reference (BUILTIN_REF)"
BATCH = 50

Report = Callable[[int, int], None]  # images done, images in all


class ModelInvalid(Exception):
    """A file that is no image classifier of the expected shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How one file did on one split.

    Attributes:
        file: Its name, without folder.
        sha256: Of its content.
        size_bytes: Its length.
        dtype: Of its input: ``int8`` or ``float32``.
        kernels: What computed it.
        split: ``train``, ``test`` or ``samples``.
        images: How many were classified.
        correct: How many of them correctly.
        top1: ``correct / images``.
        confusion: ``confusion[true][predicted]``, in the order of ``classes``.
        classes: Names of the classes.
    """

    file: str
    sha256: str
    size_bytes: int
    dtype: str
    kernels: str
    split: str
    images: int
    correct: int
    top1: float
    confusion: list[list[int]]
    classes: list[str]


def classify(
    content: bytes,
    pixels: npt.NDArray[np.uint8],
    *,
    report: Report | None = None,
) -> tuple[npt.NDArray[np.int64], str]:
    """Predicted class of each image, and the dtype of the model's input.

    Args:
        content: A TFLite file whose input is N x 32 x 32 x 3 and means pixel values 0 to 255.
        pixels: The images.
        report: Called after each batch.

    Raises:
        ModelInvalid: Not a TFLite file, or another input.
    """
    try:
        interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            num_threads=1,
        )
    except ValueError as error:
        raise ModelInvalid(f"not a TFLite file: {error}") from error
    source = interpreter.get_input_details()[0]
    sink = interpreter.get_output_details()[0]["index"]
    if list(source["shape"][1:]) != [32, 32, 3]:
        raise ModelInvalid(f"the input is {list(source['shape'])}, need N x 32 x 32 x 3")
    predicted: list[npt.NDArray[np.int64]] = []
    size = 0
    for start in range(0, len(pixels), BATCH):
        batch = pixels[start : start + BATCH]
        if len(batch) != size:
            size = len(batch)
            interpreter.resize_tensor_input(source["index"], [size, 32, 32, 3])
            interpreter.allocate_tensors()
        interpreter.set_tensor(source["index"], _as_input(batch, source))
        interpreter.invoke()
        predicted.append(np.argmax(interpreter.get_tensor(sink), axis=1))
        if report is not None:
            report(start + size, len(pixels))
    return np.concatenate(predicted), str(np.dtype(source["dtype"]))


def _as_input(
    batch: npt.NDArray[np.uint8], source: dict[str, object]
) -> npt.NDArray[np.int8] | npt.NDArray[np.float32]:
    if source["dtype"] == np.float32:
        return batch.astype(np.float32)
    if source["dtype"] != np.int8 or source["quantization"] != (1.0, -128):
        raise ModelInvalid(
            f"the input is {source['dtype']} with scale and zero point {source['quantization']}\n"
            "  fix: give a model whose int8 input is the pixel value minus 128"
        )
    return (batch.astype(np.int16) - 128).astype(np.int8)


def measure(
    path: Path,
    images: Images,
    *,
    split: str,
    report: Report | None = None,
) -> Accuracy:
    """Classify all images and compare with their labels."""
    content = path.read_bytes()
    predicted, dtype = classify(content, images.pixels, report=report)
    confusion = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    np.add.at(confusion, (images.labels, predicted), 1)
    correct = int(np.trace(confusion))
    return Accuracy(
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        dtype=dtype,
        kernels=KERNELS,
        split=split,
        images=len(images),
        correct=correct,
        top1=correct / len(images),
        confusion=confusion.tolist(),
        classes=list(CLASSES),
    )


def record(path: Path, accuracy: Accuracy) -> None:
    """Put the result into a file of metrics, by dtype and split; other entries stay."""
    metrics = json.loads(path.read_text()) if path.exists() else {}
    key = accuracy.dtype if accuracy.split == "test" else f"{accuracy.dtype}_{accuracy.split}"
    metrics[key] = asdict(accuracy)
    path.write_text(as_text(metrics))


def as_text(metrics: object) -> str:
    """JSON with one line per innermost list, so that a matrix reads as one."""
    text = json.dumps(metrics, indent=2, sort_keys=True)
    lines: list[str] = []
    held: list[str] | None = None
    for line in text.splitlines():
        if line.endswith("[") and held is None:
            held = [line]
        elif held is not None and line.endswith("["):  # a list of lists: only the inner one joins
            lines += held
            held = [line]
        elif held is not None:
            held.append(line.strip())
            if line.strip().startswith("]"):
                lines.append(held[0] + " ".join(held[1:-1]) + held[-1])
                held = None
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path, help="a .tflite file, int8 or float32")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="default: %(default)s")
    parser.add_argument("--split", choices=("train", "test", SAMPLES), default="test")
    parser.add_argument("--images", type=int, help="only about this many, evenly spaced")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.add_argument("--metrics", type=Path, help="also put the figures into this JSON file")
    args = parser.parse_args()
    began_s = time.monotonic()

    def report(done: int, total: int) -> None:
        left_s = (time.monotonic() - began_s) / done * (total - done)
        end = "\n" if done == total else ""
        print(f"\r{done}/{total}, {left_s:.0f} s left ", end=end, file=sys.stderr, flush=True)

    try:
        if args.split == SAMPLES:
            images = read_samples(args.data)
        else:
            images = read_split(args.data, args.split)
        if args.images is not None:
            images = every_nth(images, args.images)
        began_s = time.monotonic()
        accuracy = measure(args.model, images, split=args.split, report=report)
    except (DataMissing, ModelInvalid, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if args.metrics is not None:
        record(args.metrics, accuracy)
    if args.json:
        print(as_text(asdict(accuracy)), end="")
    else:
        print(
            f"{accuracy.file} ({accuracy.dtype}): {accuracy.correct} of {accuracy.images} "
            f"{args.split} images correct, top-1 {accuracy.top1:.2%}, {KERNELS}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
