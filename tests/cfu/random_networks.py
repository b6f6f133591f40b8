"""Random networks of several layers, some of which no engine runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.firmware.tflite_builder import (
    ADD,
    AVERAGE_POOL_2D,
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    INT32,
    MAX_POOL_2D,
    MEAN,
    NONE,
    RELU,
    RELU6,
    RESHAPE,
    SAME,
    SOFTMAX,
    TANH,
    VALID,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

CHANNELS = (1, 2, 3, 4, 5, 8, 12, 16, 17, 24, 32, 40)


@dataclass(kw_only=True)
class RandomNetwork:
    """A network that grows layer by layer behind its last tensor."""

    rng: np.random.Generator
    tensors: list[TensorSpec] = field(default_factory=list)
    operators: list[OperatorSpec] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)

    def add(self, tensor: TensorSpec) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def activation(self, shape: list[int], like: TensorSpec | None = None) -> int:
        """Add an activation of any quantisation, or of that of another tensor."""
        edges = [-128, 127, 0, int(self.rng.integers(-128, 128))]
        index = self.add(
            TensorSpec(
                shape=shape,
                scales=[float(np.float32(self.rng.uniform(0.01, 0.2)))]
                if not like
                else like.scales,
                zero_points=[int(self.rng.choice(edges))] if not like else like.zero_points,
            )
        )
        self.seen.append(index)
        return index

    @property
    def last(self) -> int:
        return self.seen[-1]

    @property
    def shape(self) -> list[int]:
        return list(self.tensors[self.last].shape)

    def weights(self, shape: list[int], dimension: int) -> list[int]:
        """Add weights and a bias; the scales keep sums below the output's range."""
        channels, source = shape[dimension], self.tensors[self.last]
        scales = [float(s) for s in self.rng.uniform(0.001, 0.01, channels).astype(np.float32)]
        zeros = [0] * channels
        data = self.rng.integers(-128, 128, shape, dtype=np.int8).tobytes()
        bias = self.rng.integers(-3000, 3000, channels).astype("<i4").tobytes()
        return [
            self.add(
                TensorSpec(
                    shape=shape, scales=scales, zero_points=zeros, dimension=dimension, data=data
                )
            ),
            self.add(
                TensorSpec(
                    shape=[channels],
                    scales=[float(np.float32(source.scales[0] * s)) for s in scales],
                    zero_points=zeros,
                    type_code=INT32,
                    data=bias,
                )
            ),
        ]

    def integers(self, values: list[int]) -> int:
        data = np.array(values, "<i4").tobytes()
        return self.add(TensorSpec(shape=[len(values)], type_code=INT32, data=data))

    def choice(self, *values: int) -> int:
        return int(self.rng.choice(values))

    def operator(self, code: int, inputs: list[int], output: int, **options: float) -> None:
        self.operators.append(
            OperatorSpec(code=code, inputs=inputs, outputs=[output], options=options)
        )

    def window(self, *, is_dilated: bool) -> tuple[list[int], list[int], dict[str, float]]:
        """Return kernel, output's size, and options."""
        padding = self.choice(SAME, SAME, VALID)
        kernel, sizes, options = [], [], {"Padding": padding}
        for letter, size in zip("HW", self.shape[1:3], strict=True):
            dilation = self.choice(1, 1, 1, 1, 2) if is_dilated else 1
            most = (size - 1) // dilation + 1
            taps = int(self.rng.integers(1, min(5, most) + 1))
            stride, effective = self.choice(1, 1, 2, 3), (taps - 1) * dilation + 1
            kernel.append(taps)
            sizes.append(-(-(size if padding == SAME else size - effective + 1) // stride))
            options[f"Stride{letter}"] = stride
            if is_dilated:
                options[f"Dilation{letter}Factor"] = dilation
        return kernel, sizes, options

    def convolution(self) -> None:
        kernel, sizes, options = self.window(is_dilated=True)
        filters, source = self.choice(*CHANNELS), self.last
        constants = self.weights([filters, *kernel, self.shape[3]], 0)
        options["FusedActivationFunction"] = self.choice(NONE, RELU, RELU6)
        output = self.activation([1, *sizes, filters])
        self.operator(CONV_2D, [source, *constants], output, **options)

    def depthwise(self) -> None:
        kernel, sizes, options = self.window(is_dilated=True)
        multiplier, source = self.choice(1, 1, 1, 2), self.last
        filters = self.shape[3] * multiplier
        constants = self.weights([1, *kernel, filters], 3)
        options |= {
            "FusedActivationFunction": self.choice(NONE, RELU),
            "DepthMultiplier": multiplier,
        }
        output = self.activation([1, *sizes, filters])
        self.operator(DEPTHWISE_CONV_2D, [source, *constants], output, **options)

    def pool(self) -> None:
        kernel, sizes, options = self.window(is_dilated=False)
        source = self.last
        if self.rng.random() < 0.3:
            kernel, sizes = self.shape[1:3], [1, 1]
            options |= {"Padding": VALID}
        options |= {"FilterHeight": kernel[0], "FilterWidth": kernel[1]}
        output = self.activation([1, *sizes, self.shape[3]], like=self.tensors[source])
        self.operator(self.choice(AVERAGE_POOL_2D, MAX_POOL_2D), [source], output, **options)

    def sum(self) -> None:
        source, shape = self.last, self.shape
        others = [i for i in self.seen if list(self.tensors[i].shape) == shape]
        other = int(self.rng.choice(others))
        output = self.activation(shape)
        self.operator(ADD, [source, other], output, FusedActivationFunction=self.choice(NONE, RELU))

    def mean(self) -> None:
        source, (_, *sizes, channels) = self.last, self.shape
        axes = self.choice(1, 2, 3)
        named = [axis for axis, bit in ((1, 1), (2, 2)) if axes & bit]
        kept = [1 if d + 1 in named else size for d, size in enumerate(sizes)]
        constant = self.integers(named)
        self.operator(MEAN, [source, constant], self.activation([1, *kept, channels]), KeepDims=1)

    def regroup(self) -> None:
        """The same bytes as an image of other channels."""
        source, (_, height, width, channels) = self.last, self.shape
        elements = height * width * channels
        divisors = [n for n in (1, 2, 3, 4, 8, 16, 32, channels) if elements % n == 0]
        own = self.choice(*divisors)
        rest = elements // own
        wide = self.choice(*[n for n in (1, 2, 3, 4, 6, 8, width) if rest % n == 0])
        shape = [1, rest // wide, wide, own]
        constant = self.integers(shape)
        output = self.activation(shape, like=self.tensors[source])
        self.operator(RESHAPE, [source, constant], output)

    def on_cpu(self) -> None:
        source = self.last
        if self.rng.random() < 0.5:
            output = self.add(TensorSpec(shape=self.shape, scales=[1 / 128], zero_points=[0]))
            self.operator(TANH, [source], output)
        else:
            output = self.add(TensorSpec(shape=self.shape, scales=[1 / 256], zero_points=[-128]))
            self.operator(SOFTMAX, [source], output, Beta=1.0)
        self.seen.append(output)

    def end(self) -> None:
        """A fully connected layer, behind a change of shape or not."""
        source, elements = self.last, int(np.prod(self.shape))
        if self.rng.random() < 0.5:
            flat = self.activation([1, elements], like=self.tensors[source])
            self.operator(RESHAPE, [source, self.integers([1, elements])], flat)
        units, source = self.choice(*CHANNELS), self.last
        constants = self.weights([units, elements], 0)
        output = self.activation([1, units])
        self.operator(FULLY_CONNECTED, [source, *constants], output)


def random_network(seed: int, *, layers: int) -> bytes:
    """Return a network as a file; sometimes a tensor in the middle is asked for too."""
    rng = np.random.default_rng(seed)
    network = RandomNetwork(rng=rng)
    sizes = [int(rng.integers(1, 13)), int(rng.integers(1, 13))]
    first = network.activation([1, *sizes, network.choice(*CHANNELS)])
    kinds: list[Callable[[], None]] = [
        *[network.convolution] * 3,
        *[network.depthwise] * 2,
        *[network.pool] * 2,
        *[network.sum] * 2,
        network.mean,
        network.regroup,
        network.on_cpu,
    ]
    for _ in range(layers):
        kinds[int(rng.integers(len(kinds)))]()
    if rng.random() < 0.6:
        network.end()
    outputs = [network.last]
    if rng.random() < 0.3 and len(network.seen) > 2:
        outputs.append(network.seen[len(network.seen) // 2])
    spec = ModelSpec(
        tensors=network.tensors,
        operators=network.operators,
        inputs=[first],
        outputs=list(dict.fromkeys(outputs)),
    )
    return build(spec)
