"""Train ResNet-8 on the CIFAR-10 training split: ``python -m models.imgc.train --out DIR``.

Runs on the CPU. After each epoch the whole state goes to ``DIR/checkpoint.npz``; with
``--resume`` a killed run goes on from there. ``DIR/log.jsonl`` has one line an epoch.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.imgc import distil
from models.imgc.augment import random_views, show, shuffled
from models.imgc.data import DEFAULT_DATA, DataMissing, Images, read_split
from models.imgc.precision import Precision, PrecisionInvalid, parse_precision
from models.imgc.recipe import Recipe, learning_rate, schedule_progress

if TYPE_CHECKING:
    from models.imgc.training import Trainer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a recipe is carried out.

    Attributes:
        resume: Go on from ``checkpoint.npz`` in the output folder, if it is there.
        stop_after: Stop when this many epochs are done, with the schedule unfinished.
        start: Checkpoint whose averaged weights are the first weights (to fine-tune).
        teacher: Checkpoint of a wider network to learn from as well.
        precision: Bit widths to simulate while training; None trains in floating point.
        compute: dtype of the convolutions, ``float32`` or ``bfloat16``.
        threads: Threads inside one operation.
    """

    resume: bool = False
    stop_after: int | None = None
    start: Path | None = None
    teacher: Path | None = None
    precision: Precision | None = None
    compute: str = "float32"
    threads: int = 2


def train(images: Images, *, recipe: Recipe, out: Path, options: Options | None = None) -> Path:
    """Train and give the checkpoint file.

    Args:
        images: The training split.
        recipe: Seed, schedule and regularisation.
        out: Folder for ``checkpoint.npz``, ``log.jsonl``, ``recipe.json``, with a precision
            ``bits.json`` and with a teacher ``lessons.npz``; made if absent.
        options: What to start from and how to compute.

    Raises:
        CheckpointInvalid: ``start``, ``teacher`` or what to resume is no such checkpoint.
    """
    began_s, began_cpu_s = time.monotonic(), time.process_time()  # the teacher's time counts too
    options = options or Options()
    out.mkdir(parents=True, exist_ok=True)
    checkpoint, log = out / "checkpoint.npz", out / "log.jsonl"
    trainer = _trainer(recipe, options)
    before = {"epochs": 0.0, "wall_s": 0.0, "cpu_s": 0.0}
    if options.resume and checkpoint.exists():
        before = trainer.restore(checkpoint)
    else:
        log.unlink(missing_ok=True)
    lessons = _lessons(options.teacher, images, recipe=recipe, out=out, compute=options.compute)
    _write_settings(out, recipe, options.precision)

    steps = max(len(images) // recipe.batch, 1)
    for epoch in range(int(before["epochs"]), recipe.epochs):
        loss_sum, correct_sum, rate, progress = 0.0, 0, 0.0, 0.0
        for index, (pixels, labels, taught) in enumerate(_batches(images, lessons, recipe, epoch)):
            progress = schedule_progress(
                recipe,
                epochs_done=epoch + (index + 1) / steps,
                elapsed_s=before["wall_s"] + time.monotonic() - began_s,
            )
            rate = learning_rate(recipe, progress)
            loss, correct = trainer.step(pixels, labels, rate=rate, taught=taught)
            loss_sum += float(loss)
            correct_sum += int(correct)
        wall_s = before["wall_s"] + time.monotonic() - began_s
        cpu_s = before["cpu_s"] + time.process_time() - began_cpu_s
        line = {
            "epoch": epoch + 1,
            "loss": round(loss_sum / steps, 4),
            "accuracy": round(correct_sum / (steps * recipe.batch), 4),
            "rate": round(rate, 6),
            "wall_s": round(wall_s, 1),
            "cpu_s": round(cpu_s, 1),
        }
        trainer.save(checkpoint, progress={"epochs": epoch + 1, "wall_s": wall_s, "cpu_s": cpu_s})
        with log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        left_s = wall_s / progress * (1 - progress)
        print(f"{json.dumps(line)} about {left_s / 60:.0f} min left", file=sys.stderr, flush=True)
        if progress >= 1.0 or epoch + 1 == options.stop_after:
            break
    return checkpoint


def _batches(
    images: Images, lessons: distil.Lessons | None, recipe: Recipe, epoch: int
) -> Iterator[tuple[Any, Any, Any]]:
    """Pixels, labels and, with a teacher, its scores."""
    # One generator an epoch, so that a resumed run sees the same images as an unbroken one.
    rng = np.random.default_rng([recipe.seed, epoch])
    margin_px = recipe.margin_px
    for take in shuffled(len(images), batch=recipe.batch, rng=rng):
        if lessons is not None:
            pixels, taught = lessons.draw(images, take, rng=rng)
            yield pixels, images.labels[take], taught
        else:
            views = random_views(len(take), margin_px=margin_px, rng=rng)
            pixels = show(images.pixels[take], views, margin_px=margin_px)
            yield pixels, images.labels[take], None


def _trainer(recipe: Recipe, options: Options) -> "Trainer":
    import tensorflow as tf

    from models.imgc.network import Network, initial_statistics, initial_weights
    from models.imgc.training import Trainer, averaged_from

    # Already running (a second call in one process): the first call's setting stands.
    if tf.config.threading.get_intra_op_parallelism_threads() == 0:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    weights = initial_weights(np.random.default_rng(recipe.seed), width=recipe.width)
    statistics = initial_statistics(width=recipe.width)
    if options.start is not None:
        weights, statistics = averaged_from(options.start)
    network = Network(
        weights=weights,
        statistics=statistics,
        precision=options.precision,
        compute=tf.dtypes.as_dtype(options.compute),
    )
    return Trainer(
        network=network,
        weight_decay=recipe.weight_decay,
        average_decay=recipe.average_decay,
        teacher_share=recipe.teacher_share,
    )


def _lessons(
    teacher: Path | None, images: Images, *, recipe: Recipe, out: Path, compute: str
) -> distil.Lessons | None:
    if teacher is None:
        return None
    path = out / "lessons.npz"
    if not path.exists():
        lessons = distil.ask(
            teacher,
            images,
            views=recipe.teacher_views,
            margin_px=recipe.margin_px,
            seed=recipe.seed,
            compute=compute,
        )
        distil.save(lessons, path)
    return distil.load(path)


def _write_settings(out: Path, recipe: Recipe, precision: Precision | None) -> None:
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n")
    if precision is not None:
        bits = {name: asdict(layer) for name, layer in precision.layers.items()}
        (out / "bits.json").write_text(json.dumps(bits, indent=2) + "\n")


def main() -> int:
    """Parse the command line and train."""
    default = Recipe()
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=default.epochs, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=default.seed, help="default: %(default)s")
    parser.add_argument(
        "--rate", type=float, default=default.peak_rate, help="peak learning rate: %(default)s"
    )
    parser.add_argument(
        "--limit-min", type=float, default=0, help="end the schedule after this many minutes"
    )
    parser.add_argument("--stop-after", type=int, help="stop after this epoch, unfinished")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--width", type=int, default=1, help="factor on all channels")
    parser.add_argument("--start", type=Path, help="checkpoint to fine-tune")
    parser.add_argument("--teacher", type=Path, help="checkpoint of a wider network to learn from")
    parser.add_argument(
        "--views", type=int, default=default.teacher_views, help="asked per image: %(default)s"
    )
    parser.add_argument(
        "--bits", type=Path, help="JSON file of bit widths to simulate; {} means 8 everywhere"
    )
    parser.add_argument("--compute", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--threads", type=int, default=2, help="default: %(default)s")
    args = parser.parse_args()
    recipe = Recipe(
        seed=args.seed,
        epochs=args.epochs,
        limit_s=args.limit_min * 60,
        peak_rate=args.rate,
        width=args.width,
        teacher_views=args.views,
    )
    from models.imgc.training import CheckpointInvalid

    try:
        options = Options(
            resume=args.resume,
            stop_after=args.stop_after,
            start=args.start,
            teacher=args.teacher,
            precision=None if args.bits is None else parse_precision(args.bits.read_text()),
            compute=args.compute,
            threads=args.threads,
        )
        train(read_split(args.data, "train"), recipe=recipe, out=args.out, options=options)
    except (CheckpointInvalid, DataMissing, FileNotFoundError, PrecisionInvalid) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
