"""The network in TensorFlow, with optional fake quantisation of every weight and activation.

It takes raw pixels (0 to 255) and pads with zero, as the int8 model does, so that batch
normalisation and the pixel scale fold into the convolutions without changing a border.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models.imgc.layers import (
    ACTIVATION_NAMES,
    CLASS_COUNT,
    CONVOLUTIONS,
    FEATURES,
    Convolution,
    convolutions,
)
from models.imgc.precision import Precision

PIXEL_SCALE = 1 / 64  # keeps the stem's input near unit size while training
NORM_EPSILON = 1e-3
NORM_MOMENTUM = 0.98
RANGE_MOMENTUM = 0.98

Arrays = dict[str, npt.NDArray[np.float32]]
Tensor = Any  # TensorFlow ships no types


def initial_weights(rng: np.random.Generator, *, width: int = 1) -> Arrays:
    """He-initialised trainable values, by name.

    Args:
        rng: Source of the kernels.
        width: Factor on the channels of every layer; only a teacher is wider than 1.
    """
    weights: Arrays = {}
    for layer in convolutions(width):
        shape = (layer.kernel, layer.kernel, layer.inputs, layer.outputs)
        deviation = np.sqrt(2 / (layer.kernel**2 * layer.inputs))
        weights[f"{layer.name}/kernel"] = rng.normal(0, deviation, shape).astype(np.float32)
        weights[f"{layer.name}/bias"] = np.zeros(layer.outputs, np.float32)
        if layer.norm:
            weights[f"{layer.name}/gain"] = np.ones(layer.outputs, np.float32)
    features = FEATURES * width
    deviation = np.sqrt(1 / features)
    weights["dense/kernel"] = rng.normal(0, deviation, (features, CLASS_COUNT)).astype(np.float32)
    weights["dense/bias"] = np.zeros(CLASS_COUNT, np.float32)
    return weights


def initial_statistics(*, width: int = 1) -> Arrays:
    """Values that training observes but does not descend on, of a network of ``width``."""
    statistics: Arrays = {}
    for layer in convolutions(width):
        if layer.norm:
            statistics[f"{layer.name}/mean"] = np.zeros(layer.outputs, np.float32)
            statistics[f"{layer.name}/variance"] = np.ones(layer.outputs, np.float32)
    return statistics


class Network:
    """ResNet-8 over named variables; the caller owns the training loop.

    Args:
        weights: Trainable values, as from ``initial_weights``.
        statistics: As from ``initial_statistics``; ``<layer>/range`` (minimum, maximum) of each
            activation is added, at zero, where it is absent.
        precision: Bit widths to simulate; None computes in floating point.
        compute: dtype of the convolutions; parameters and sums stay float32.
    """

    def __init__(
        self,
        *,
        weights: Mapping[str, npt.NDArray[np.float32]],
        statistics: Mapping[str, npt.NDArray[np.float32]],
        precision: Precision | None = None,
        compute: Tensor = tf.float32,
    ) -> None:
        self.weights = {n: tf.Variable(v, name=n) for n, v in weights.items()}
        self.statistics = {
            n: tf.Variable(v, name=n, trainable=False) for n, v in statistics.items()
        }
        self._precision = precision
        self._compute = compute
        if precision is not None:
            for name in ACTIVATION_NAMES:
                self.statistics.setdefault(
                    f"{name}/range", tf.Variable(np.zeros(2, np.float32), trainable=False)
                )

    def logits(self, pixels: Tensor, *, training: bool, observe: bool = False) -> Tensor:
        """Class scores before softmax, float32, N x 10.

        Args:
            pixels: N x 32 x 32 x 3, values 0 to 255, any dtype.
            training: Normalise with the batch's own moments and update the statistics.
            observe: Update the activation ranges only; training does so anyway.
        """
        observe = observe or training
        x = tf.cast(pixels, self._compute) * tf.cast(PIXEL_SCALE, self._compute)

        def convolve(layer: Convolution, x: Tensor, *, relu: bool) -> Tensor:
            y = self._normalised(layer, x, training=training)
            return self._output(layer.name, tf.nn.relu(y) if relu else y, observe=observe)

        def add(name: str, a: Tensor, b: Tensor) -> Tensor:
            return self._output(name, tf.nn.relu(a + b), observe=observe)

        stem, a1, b1, a2, b2, skip2, a3, b3, skip3 = CONVOLUTIONS
        x = convolve(stem, x, relu=True)
        y = convolve(b1, convolve(a1, x, relu=True), relu=False)
        x = add("stage1_add", x, y)
        y = convolve(b2, convolve(a2, x, relu=True), relu=False)
        x = add("stage2_add", convolve(skip2, x, relu=False), y)
        y = convolve(b3, convolve(a3, x, relu=True), relu=False)
        x = add("stage3_add", convolve(skip3, x, relu=False), y)
        x = tf.cast(tf.reduce_mean(x, [1, 2]), tf.float32)
        x = tf.matmul(x, self._kernel("dense")) + self.weights["dense/bias"]
        return self._output("dense", x, observe=observe)

    def _kernel(self, name: str) -> Tensor:
        """A layer's weights, rounded to its bits: per output channel, the dense layer as one.

        Scaling a channel by batch normalisation scales its step alike, so that rounding here
        and rounding after folding are the same.
        """
        kernel = self.weights[f"{name}/kernel"]
        if self._precision is None:
            return kernel
        bits = self._precision.of(name).weights
        size = tf.stop_gradient(tf.abs(kernel))
        if name == "dense":
            top = tf.reduce_max(size) + 1e-8
            return tf.quantization.fake_quant_with_min_max_vars(
                kernel, -top, top, num_bits=bits, narrow_range=True
            )
        top = tf.reduce_max(size, [0, 1, 2]) + 1e-8
        return tf.quantization.fake_quant_with_min_max_vars_per_channel(
            kernel, -top, top, num_bits=bits, narrow_range=True
        )

    def _normalised(self, layer: Convolution, x: Tensor, *, training: bool) -> Tensor:
        kernel = tf.cast(self._kernel(layer.name), self._compute)
        y = tf.nn.conv2d(x, kernel, layer.stride, "SAME")
        bias = self.weights[f"{layer.name}/bias"]
        if not layer.norm:
            return y + tf.cast(bias, self._compute)
        mean = self.statistics[f"{layer.name}/mean"]
        variance = self.statistics[f"{layer.name}/variance"]
        moments = {} if training else {"mean": mean, "variance": variance}
        y, batch_mean, batch_variance = tf.compat.v1.nn.fused_batch_norm(
            y,
            self.weights[f"{layer.name}/gain"],
            bias,
            epsilon=NORM_EPSILON,
            is_training=training,
            **moments,
        )
        if training:
            _move(mean, batch_mean, NORM_MOMENTUM)
            _move(variance, batch_variance, NORM_MOMENTUM)
        return y

    def _output(self, name: str, x: Tensor, *, observe: bool) -> Tensor:
        """An activation, rounded to its bits within the range seen so far."""
        if self._precision is None:
            return x
        seen = self.statistics[f"{name}/range"]
        exact = tf.cast(x, tf.float32)
        if observe:
            now = tf.stack([tf.minimum(tf.reduce_min(exact), 0.0), tf.reduce_max(exact)])
            unset = tf.equal(seen[1], 0.0)
            seen.assign(tf.where(unset, now, seen * RANGE_MOMENTUM + now * (1 - RANGE_MOMENTUM)))
        rounded = tf.quantization.fake_quant_with_min_max_vars(
            exact, seen[0], tf.maximum(seen[1], 1e-6), num_bits=self._precision.of(name).activations
        )
        return tf.cast(rounded, x.dtype)


def _move(average: Tensor, towards: Tensor, momentum: float) -> None:
    average.assign(average * momentum + towards * (1 - momentum))


def folded(weights: Mapping[str, Any], statistics: Mapping[str, Any]) -> Arrays:
    """Kernels and biases that take raw pixels and need neither normalisation nor pixel scale."""
    result: Arrays = {n: np.asarray(v) for n, v in weights.items() if n.startswith("dense/")}
    for layer in CONVOLUTIONS:
        kernel = np.asarray(weights[f"{layer.name}/kernel"], np.float64)
        bias = np.asarray(weights[f"{layer.name}/bias"], np.float64)
        if layer.norm:
            spread = np.sqrt(
                np.asarray(statistics[f"{layer.name}/variance"], np.float64) + NORM_EPSILON
            )
            gain = np.asarray(weights[f"{layer.name}/gain"], np.float64) / spread
            bias = bias - np.asarray(statistics[f"{layer.name}/mean"], np.float64) * gain
            kernel = kernel * gain
        if layer.name == "stem":
            kernel = kernel * PIXEL_SCALE
        result[f"{layer.name}/kernel"] = kernel.astype(np.float32)
        result[f"{layer.name}/bias"] = bias.astype(np.float32)
    return result
