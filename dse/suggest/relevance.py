"""How much of some numbers other numbers predict, tested against chance."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student  # type: ignore[import-untyped]

Array = NDArray[np.float64]


def predicted_share(predictor: Array, labels: Array, *, chance: float) -> float:
    """Return the share of the labels' variance that a line explains of each from the others.

    Args:
        predictor: One number for each label.
        labels: What is to be predicted.
        chance: The share is 0 where an unrelated predictor would correlate as much so often.

    Returns:
        0 to 1; 0 also where leaving out makes the line worse than no line.
    """
    count = len(labels)
    x, y = predictor - predictor.mean(), labels - labels.mean()
    xx, yy = float(x @ x), float(y @ y)
    if count < 3 or xx <= 1e-12 * count or yy <= 1e-12 * count:
        return 0.0
    correlation = min(abs(float(x @ y)) / np.sqrt(xx * yy), 1.0 - 1e-12)
    statistic = correlation * np.sqrt((count - 2) / (1.0 - correlation**2))
    if 2 * float(student.sf(statistic, count - 2)) >= chance:
        return 0.0
    alone = y * count / (count - 1)
    # where a label bears the slope by itself, the others are predicted alike and make no line
    left = 1.0 - (1.0 / count + x**2 / xx)
    residual = y - x * float(x @ y) / xx
    missed = np.where(left > 1e-9, residual / np.maximum(left, 1e-9), alone)
    return max(0.0, 1.0 - float(missed @ missed) / float(alone @ alone))
