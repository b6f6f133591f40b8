"""One training step, its state, and that state as a file that survives a kill."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from models.imgc.network import Arrays, Network, Tensor

MOMENTUM = 0.9
TEMPERATURE = 3.0  # softens teacher and student alike, so that the order of wrong classes counts


class CheckpointInvalid(Exception):
    """A checkpoint that is absent, truncated, or of another network."""


class Trainer:
    """SGD with Nesterov momentum, weight decay and a running average of all values.

    Args:
        network: Trained in place.
        weight_decay: Applied to kernels only, added to their gradient.
        average_decay: Share of the running average kept per step, once it is warm.
        teacher_share: How much of the loss is the teacher's, in steps that have its scores.
    """

    def __init__(
        self,
        *,
        network: Network,
        weight_decay: float,
        average_decay: float,
        teacher_share: float = 0.0,
    ) -> None:
        self.network = network
        self._weight_decay = weight_decay
        self._average_decay = average_decay
        self._teacher_share = teacher_share
        self._velocity = {n: tf.Variable(tf.zeros_like(v)) for n, v in network.weights.items()}
        self._average = {
            n: tf.Variable(v.value()) for n, v in (network.weights | network.statistics).items()
        }
        self._steps = tf.Variable(0.0)
        self._step = tf.function(self._descend)

    def step(
        self, pixels: Any, labels: Any, *, rate: float, taught: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Descend once; gives the batch's mean loss and the number it classified correctly.

        Args:
            pixels: uint8 images.
            labels: int32 classes.
            rate: Learning rate.
            taught: A teacher's scores before softmax, or None.
        """
        loss, correct = self._step(
            tf.convert_to_tensor(pixels),
            tf.convert_to_tensor(labels),
            tf.constant(rate),
            None if taught is None else tf.convert_to_tensor(taught),
        )
        return loss, correct

    def _descend(
        self, pixels: Tensor, labels: Tensor, rate: Tensor, taught: Tensor
    ) -> tuple[Tensor, Tensor]:
        weights = self.network.weights
        with tf.GradientTape() as tape:
            logits = self.network.logits(pixels, training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            )
            if taught is not None:
                soft = tf.reduce_mean(
                    tf.nn.softmax_cross_entropy_with_logits(
                        labels=tf.nn.softmax(taught / TEMPERATURE), logits=logits / TEMPERATURE
                    )
                )
                share = self._teacher_share
                loss = (1 - share) * loss + share * TEMPERATURE**2 * soft
        gradients = tape.gradient(loss, weights)
        for name, weight in weights.items():
            gradient = gradients[name]
            if name.endswith("/kernel"):
                gradient += self._weight_decay * weight
            velocity = self._velocity[name]
            velocity.assign(MOMENTUM * velocity + gradient)
            weight.assign_sub(rate * (gradient + MOMENTUM * velocity))
        self._steps.assign_add(1.0)
        keep = tf.minimum(self._average_decay, (1 + self._steps) / (10 + self._steps))
        for name, value in (weights | self.network.statistics).items():
            average = self._average[name]
            average.assign(keep * average + (1 - keep) * value)
        predicted = tf.argmax(logits, axis=1, output_type=labels.dtype)
        return loss, tf.reduce_sum(tf.cast(tf.equal(predicted, labels), tf.int32))

    def _variables(self) -> dict[str, Any]:
        groups = {
            "weights": self.network.weights,
            "statistics": self.network.statistics,
            "velocity": self._velocity,
            "average": self._average,
        }
        named = {f"{g}:{n}": v for g, group in groups.items() for n, v in group.items()}
        return named | {"steps": self._steps}

    def save(self, path: Path, *, progress: Mapping[str, float]) -> None:
        """Write everything that ``restore`` needs; the old file stays until the new is whole."""
        arrays: dict[str, Any] = {n: v.numpy() for n, v in self._variables().items()}
        arrays |= {f"progress:{n}": np.float64(v) for n, v in progress.items()}
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    def restore(self, path: Path) -> dict[str, float]:
        """Continue where ``save`` was called; gives the ``progress`` it was called with."""
        arrays = read_arrays(path)
        try:
            for name, variable in self._variables().items():
                variable.assign(arrays[name])
        except (KeyError, ValueError) as error:
            raise CheckpointInvalid(
                f"{path} is not a checkpoint of this run: {error}\n"
                "  fix: give the same --bits as before, or a fresh --out"
            ) from error
        return {
            n.removeprefix("progress:"): float(v)
            for n, v in arrays.items()
            if n.startswith("progress:")
        }


def read_arrays(path: Path) -> Arrays:
    """All arrays of a checkpoint file.

    Raises:
        CheckpointInvalid: No such file, or not a whole one.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointInvalid(
            f"cannot read checkpoint {path}: {error}\n  fix: python -m models.imgc.train --out DIR"
        ) from error


def averaged_from(path: Path) -> tuple[Arrays, Arrays]:
    """Weights and statistics of the running average in a checkpoint file."""
    arrays = read_arrays(path)

    def group(of: str) -> Arrays:
        names = [n.removeprefix(of) for n in arrays if n.startswith(of)]
        return {n: arrays[f"average:{n}"] for n in names if f"average:{n}" in arrays}

    weights, statistics = group("weights:"), group("statistics:")
    if not weights:
        raise CheckpointInvalid(f"{path} holds no weights\n  fix: give a file that train wrote")
    return weights, statistics
