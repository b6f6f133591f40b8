"""Labelled samples of a workload, read as they are.

The format is that of MLPerf Tiny's performance samples: ``y_labels.csv`` (``labels``) beside the
files or above their folder; what a file holds is its encoding (``encoding``). A classifier takes a
file at once; an autoencoder takes windows of a recording, whose error says how odd it is.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from contracts.faults import ConfigError
from runners.job import Workload
from runners.samples.encoding import (
    ENCODINGS,
    Encoding,
    element_bytes,
    given_encoding,
    guessed_encoding,
    input_elements,
    tensors_of,
)
from runners.samples.labels import LABELS, Label, read_labels, require_classes
from sw_templates.model import Model

_Item = TypeVar("_Item")
Task = Literal["classification", "anomaly"]

_FILES_THAT_TELL = 64
"""So many files tell an encoding that nobody says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One labelled file.

    Attributes:
        name: File name.
        label: Index of the right class; 1 is an anomaly where there are only normal ones beside.
        windows: Numbers of each inference as the file has them; one of a classifier.
        inputs: The same as bytes of all input tensors.
    """

    name: str
    label: int
    windows: tuple[bytes, ...]
    inputs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The labelled samples of a workload.

    Attributes:
        task: What is asked of the network.
        classes: How many a label can name.
        encoding: Of the files.
        samples: In the order of the labels.
    """

    task: Task
    classes: int
    encoding: Encoding
    samples: tuple[Sample, ...]

    @property
    def inputs(self) -> tuple[bytes, ...]:
        """Return the inputs of all inferences, sample after sample."""
        return tuple(content for sample in self.samples for content in sample.inputs)


def by_sample(samples: Samples, items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Yield what belongs to each sample of what there is for each inference."""
    at = 0
    for sample in samples.samples:
        yield items[at : at + len(sample.inputs)]
        at += len(sample.inputs)


def read_samples(workload: Workload, model: Model, *, count: int | None = None) -> Samples:
    """Read the samples of a workload, or the first of them.

    Args:
        workload: Names the folder, and the encoding where the config says it.
        model: Takes them.
        count: How many files; None for all. The whole list is checked in any case.

    Raises:
        ConfigError: The workload has no samples, the labels are wrong, a file is missing or there
            twice, or its size is not that of an input.
    """
    folder = workload.samples
    if folder is None:
        raise ConfigError(
            "the workload has no labelled samples",
            fix="name their folder as workload.samples in the config, then start the study again",
        )
    labels = read_labels(folder)
    path = folder / LABELS
    task = _task(labels, model)
    if task == "classification":
        classes = _classes_of(model, labels[0].classes)
        require_classes(labels, classes, "the model's output has", path=path)
    else:
        require_classes(labels, 2, "a search for anomalies has", path=path)
    files = _Files(folder)
    places = [files.named(label, path) for label in labels]
    chosen = list(zip(labels, places, strict=True))[:count]
    contents = [_content(place) for _, place in chosen]
    encoding = _encoding(workload, model, labels[0], places)
    return Samples(
        task=task,
        classes=labels[0].classes,
        encoding=encoding,
        samples=tuple(
            _sample(label, place, content, task=task, encoding=encoding, model=model, path=path)
            for (label, place), content in zip(chosen, contents, strict=True)
        ),
    )


def _task(labels: Sequence[Label], model: Model) -> Task:
    """Return what the samples ask of a network: one that gives back its input finds anomalies."""
    wanted = labels[0].classes
    is_cut = any(label.window_bytes is not None for label in labels)
    outputs = sum(tensor.elements for tensor in model.outputs)
    gives_back = outputs == input_elements(model)
    is_classifier = _classes_of(model, wanted) == wanted
    is_anomaly = gives_back and (is_cut or (wanted == 2 and not is_classifier))
    return "anomaly" if is_anomaly else "classification"


def _classes_of(model: Model, wanted: int) -> int:
    """Return how many classes a model tells apart: one probability tells two."""
    elements = [tensor.elements for tensor in model.outputs]
    if wanted == 2 and 1 in elements and 2 not in elements:
        return 2
    return wanted if wanted in elements else elements[0]


class _Files:
    """The files below a folder, by path and by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths = {path for path in folder.rglob("*") if path.is_file()}
        self._by_name: dict[str, list[Path]] = {}
        for path in sorted(self._paths):
            self._by_name.setdefault(path.name, []).append(path)

    def named(self, label: Label, path: Path) -> Path:
        """Return the file that a line means: at that path, or else the one of that name.

        Raises:
            ConfigError: There is none, or several.
        """
        if (here := self._folder / label.name) in self._paths:
            return here
        found = self._by_name.get(label.name, [])
        if not found:
            raise ConfigError(
                f"{path}:{label.line}: there is no file {label.name} below {self._folder}",
                fix="bring the file back, or take its line out",
            )
        if len(found) > 1:
            raise ConfigError(
                f"{path}:{label.line}: {label.name} may be {found[0]} or {found[1]}",
                fix="write the path from the folder of the labels, or rename one of the files",
            )
        return found[0]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the sample {path} cannot be read: {error.strerror}", fix="make it readable"
        ) from error


def _encoding(workload: Workload, model: Model, first: Label, places: Sequence[Path]) -> Encoding:
    """Return the encoding of all files, however many of them are run."""
    if workload.sample_encoding is not None:
        return given_encoding(workload.sample_encoding)
    contents = [_content(place) for place in places[:_FILES_THAT_TELL]]
    window_bytes = len(contents[0]) if first.window_bytes is None else first.window_bytes
    return guessed_encoding(model, contents, window_bytes=window_bytes)


def _sample(
    label: Label,
    place: Path,
    content: bytes,
    *,
    task: Task,
    encoding: Encoding,
    model: Model,
    path: Path,
) -> Sample:
    where = f"{path}:{label.line}: {place}"
    whole = input_elements(model) * encoding.element_bytes
    if task == "classification" and label.window_bytes is not None:
        raise ConfigError(
            f"{where} is cut into windows, but the model does not give back its input",
            fix="label whole files: file,classes,label",
        )
    width = label.window_bytes or whole
    if width != whole:
        raise _wrong_size(f"{where}: the window", width, whole, encoding=encoding, model=model)
    stride = label.stride_bytes or width
    if stride % encoding.element_bytes:
        raise ConfigError(
            f"{where}: a stride of {stride} bytes is no whole number of {encoding.name} elements",
            fix=f"write a multiple of {encoding.element_bytes}",
        )
    is_too_short = len(content) < width
    if is_too_short or (label.window_bytes is None and not _is_whole(content, width, task)):
        raise _wrong_size(where, len(content), whole, encoding=encoding, model=model)
    windows = tuple(content[at : at + width] for at in range(0, len(content) - width + 1, stride))
    try:
        inputs = tuple(tensors_of(window, encoding.name, model) for window in windows)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.what}", fix=error.fix) from None
    return Sample(name=label.name, label=label.label, windows=windows, inputs=inputs)


def _is_whole(content: bytes, width: int, task: Task) -> bool:
    """Tell whether a file without a stated window is one input, or of a recording, several."""
    return len(content) % width == 0 if task == "anomaly" else len(content) == width


def _wrong_size(
    where: str, size: int, wanted: int, *, encoding: Encoding, model: Model
) -> ConfigError:
    elements = input_elements(model)
    fitting = [name for name in ENCODINGS if elements * element_bytes(name) == size]
    if fitting:
        fix = f"set workload.sample_encoding to {' or '.join(map(repr, fitting))}, which would fit"
    else:
        sizes = sorted({elements * element_bytes(name) for name in ENCODINGS})
        fix = f"use samples of this model's input shape: {' or '.join(map(str, sizes))} bytes"
    return ConfigError(
        f"{where} has {size} bytes, the model's input {wanted} as {encoding.name}"
        f" ({encoding.reason})",
        fix=fix,
    )


def samples_digest(workload: Workload, *, count: int | None = None) -> str | None:
    """Return a hash of what ``read_samples`` reads for so many files; None without samples.

    Args:
        workload: Names the folder and the encoding.
        count: How many files; None for all.

    Raises:
        ConfigError: The labels are wrong, or a file is missing or there twice.
    """
    folder = workload.samples
    if folder is None:
        return None
    labels = read_labels(folder)
    files = _Files(folder)
    # by the first ones the encoding is told
    read = len(labels) if count is None else max(count, _FILES_THAT_TELL)
    whole = hashlib.sha256(f"{workload.sample_encoding}\0".encode())
    for place in [
        folder / LABELS,
        *(files.named(label, folder / LABELS) for label in labels[:read]),
    ]:
        content = _content(place)
        whole.update(f"{place.name}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()
