"""From output tensors to what they say: classes, a confusion matrix, scores of anomalies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runners.samples.encoding import dequantised, real_numbers
from runners.samples.files import Samples, by_sample
from sw_templates.model import Model

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well somebody did on labelled samples.

    Attributes:
        correct: Samples classified as their label says; None where anomalies are looked for.
        auc: Area under the ROC curve of the anomaly scores; None for a classifier, or where all
            samples are of one kind.
    """

    correct: int | None = None
    auc: float | None = None


class Judge:
    """Turns outputs of one model to one set of samples into scores.

    Args:
        samples: What was run.
        model: What ran.
    """

    def __init__(self, samples: Samples, model: Model) -> None:
        self._samples = samples
        self._model = model

    def of_tensors(self, outputs: Sequence[bytes]) -> Score:
        """Return the score of output tensors, one after the other for each inference."""
        return self.of_numbers([dequantised(output, self._model) for output in outputs])

    def of_numbers(self, outputs: Sequence[Numbers]) -> Score:
        """Return the score of outputs in the units of the network before quantisation."""
        labels = [sample.label for sample in self._samples.samples]
        if self._samples.task == "anomaly":
            scores = [
                sum(map(reconstruction_error, real, given)) / len(real)
                for real, given in zip(self.real(), by_sample(self._samples, outputs), strict=True)
            ]
            return Score(auc=area_under_curve(labels, scores))
        answers = [self._class(output) for output in outputs]
        return Score(correct=sum(a == b for a, b in zip(answers, labels, strict=True)))

    def classes(self, outputs: Sequence[bytes]) -> list[int] | None:
        """Return the class that each output says; None where anomalies are looked for."""
        if self._samples.task == "anomaly":
            return None
        return [self._class(dequantised(output, self._model)) for output in outputs]

    def real(self) -> Iterator[list[Numbers]]:
        """Yield the windows of each sample in the units of the network before quantisation."""
        encoding = self._samples.encoding.name
        for sample in self._samples.samples:
            yield [real_numbers(window, encoding, self._model) for window in sample.windows]

    def _class(self, output: Numbers) -> int:
        """Return the class that one inference says: by the output that has one number a class."""
        at = 0
        for tensor in self._model.outputs:
            part = output[at : at + tensor.elements]
            at += tensor.elements
            if len(part) == self._samples.classes or (len(part) == 1 and self._is_binary):
                return best_class(part)
        return best_class(output)

    @property
    def _is_binary(self) -> bool:
        sizes = {tensor.elements for tensor in self._model.outputs}
        return self._samples.classes == 2 and 2 not in sizes


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
