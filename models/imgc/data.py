"""CIFAR-10 as arrays: reads ``cifar10/{train,test}.zip`` (JPEG files, one folder a class).

Also the 200 samples of MLPerf Tiny: images of the test split as they were before JPEG.
"""

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
IMAGE_SHAPE = (32, 32, 3)
DEFAULT_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

Split = Literal["train", "test"]
SAMPLES = "samples"


class DataMissing(Exception):
    """The data set is not where it was looked for, or not what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Labelled images in a fixed order (class by class, by file name).

    Attributes:
        pixels: uint8, N x 32 x 32 x 3, red first.
        labels: int32, N, an index into ``CLASSES``.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)


def read_split(data: Path, split: Split) -> Images:
    """Decode one split from its archive.

    Args:
        data: Folder that holds ``cifar10/train.zip`` and ``cifar10/test.zip``.
        split: Which of the two.

    Raises:
        DataMissing: No such archive, or an entry outside the ten class folders.
    """
    path = data / "cifar10" / f"{split}.zip"
    if not path.is_file():
        raise DataMissing(f"no {path}\n  fix: give the folder that holds cifar10/ with --data")
    pixels: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".jpg")):
            folder = name.split("/")[-2] if "/" in name else ""
            if folder not in CLASSES:
                raise DataMissing(
                    f"{path}: {name} is in none of the class folders\n"
                    f"  fix: one folder a class: {', '.join(CLASSES)}"
                )
            image = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
            if image.shape != IMAGE_SHAPE:
                raise DataMissing(f"{path}: {name} has shape {image.shape}, not {IMAGE_SHAPE}")
            pixels.append(image)
            labels.append(CLASSES.index(folder))
    if not labels:
        raise DataMissing(f"{path} holds no .jpg file")
    return Images(pixels=np.stack(pixels), labels=np.asarray(labels, np.int32))


def read_samples(data: Path) -> Images:
    """The 200 uncompressed images of MLPerf Tiny, ``imgc/perf_samples`` and ``y_labels.csv``.

    Raises:
        DataMissing: The list or an image is absent, or an image has another size.
    """
    listed = data / "imgc" / "y_labels.csv"
    pixels: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    try:
        for name, _, label in csv.reader(listed.read_text().splitlines()):
            raw = (data / "imgc" / "perf_samples" / name).read_bytes()
            pixels.append(np.frombuffer(raw, np.uint8).reshape(IMAGE_SHAPE))
            labels.append(int(label))
    except (FileNotFoundError, ValueError) as error:
        raise DataMissing(
            f"no MLPerf Tiny samples: {error}\n  fix: give the folder that holds imgc/ with --data"
        ) from error
    return Images(pixels=np.stack(pixels), labels=np.asarray(labels, np.int32))


def every_nth(images: Images, count: int) -> Images:
    """About ``count`` images evenly spaced over the split, so every class is represented."""
    take = np.linspace(0, len(images) - 1, num=min(count, len(images)), dtype=np.int64)
    return Images(pixels=images.pixels[take], labels=images.labels[take])
