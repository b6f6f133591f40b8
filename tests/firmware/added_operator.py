"""The operator of docs/how-to/add-an-operator.md and networks that need it."""

import re
from pathlib import Path

import numpy as np

from tests.firmware.tflite_builder import (
    FULLY_CONNECTED,
    INT32,
    RESHAPE,
    SOFTMAX,
    SQUARED_DIFFERENCE,
    ModelSpec,
    OperatorSpec,
    TensorSpec,
    build,
)

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-an-operator.md"
_FILE = re.compile(r"```(?:python|c)\n(?://|#) my_operators/(\S+)\n(.*?)```", re.DOTALL)


def write_operator(folder: Path) -> Path:
    """Write the files of the page to ``folder``, which is returned."""
    files = dict(_FILE.findall(PAGE.read_text()))
    assert set(files) == {"squared_difference.py", "square.c.j2"}
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def network_with_square() -> bytes:
    """An image's difference from a constant, squared, and again, then five classes."""
    generator = np.random.default_rng(8)
    shape = [1, 6, 5, 4]

    def image(scale: float, zero_point: int, data: bytes | None = None) -> TensorSpec:
        return TensorSpec(shape=shape, scales=[scale], zero_points=[zero_point], data=data)

    def constant(shape: list[int]) -> bytes:
        return generator.integers(-127, 128, shape, dtype=np.int8).tobytes()

    tensors = [
        image(0.02, -3),  # 0
        image(0.011, 5, constant(shape)),  # 1
        image(0.015, 12),  # 2
        image(0.013, -128),  # 3
        TensorSpec(shape=[1, 120], scales=[0.013], zero_points=[-128]),  # 4
        TensorSpec(shape=[2], type_code=INT32, data=np.array([1, 120], "<i4").tobytes()),  # 5
        TensorSpec(shape=[5, 120], scales=[0.01], zero_points=[0], data=constant([5, 120])),  # 6
        TensorSpec(shape=[1, 5], scales=[0.1], zero_points=[0]),  # 7
        TensorSpec(shape=[1, 5], scales=[1 / 256], zero_points=[-128]),  # 8
    ]
    operators = [
        OperatorSpec(code=SQUARED_DIFFERENCE, inputs=[0, 1], outputs=[2]),
        OperatorSpec(code=SQUARED_DIFFERENCE, inputs=[2, 0], outputs=[3]),
        OperatorSpec(code=RESHAPE, inputs=[3, 5], outputs=[4]),
        OperatorSpec(code=FULLY_CONNECTED, inputs=[4, 6], outputs=[7]),
        OperatorSpec(code=SOFTMAX, inputs=[7], outputs=[8], options={"Beta": 1.0}),
    ]
    return build(ModelSpec(tensors=tensors, operators=operators, inputs=[0], outputs=[8]))
