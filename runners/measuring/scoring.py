"""From output tensors to what they say: classes, a confusion matrix, scores of anomalies."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def best_class(output: Numbers) -> int:
    """Return the class of an output: the index of the largest number, the first of equal ones.

    A single number is a probability: class 1 from one half on.
    """
    if len(output) == 1:
        return int(output[0] >= 0.5)
    return int(np.argmax(output))


def confusion(labels: Sequence[int], answers: Sequence[int], classes: int) -> list[list[int]]:
    """Return how often each class (row) was answered as each class (column)."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (list(labels), list(answers)), 1)
    return [list(map(int, row)) for row in counts]


def reconstruction_error(real: Numbers, output: Numbers) -> float:
    """Return the mean squared difference of an input and what an autoencoder made of it."""
    return float(np.mean(np.square(real - output)))


def area_under_curve(labels: Sequence[int], scores: Sequence[float]) -> float | None:
    """Return the area under the ROC curve, None where all samples are of one class.

    It is the share of pairs of an anomaly (1) and a normal sample (0) in which the anomaly has the
    higher score; equal scores count half.
    """
    wanted, given = np.array(labels) == 1, np.array(scores, dtype=np.float64)
    anomalies, normal = given[wanted], np.sort(given[~wanted])
    if not len(anomalies) or not len(normal):
        return None
    below = np.searchsorted(normal, anomalies, side="left")
    not_above = np.searchsorted(normal, anomalies, side="right")
    return float((below + not_above).sum() / (2 * len(anomalies) * len(normal)))
