"""What a wider network says about each training image, for the small one to learn from.

The teacher is asked once for a few fixed views of each image: asking it in every step would
double the time of training. The student then sees the same views.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.imgc.augment import Indices, Pixels, Views, random_views, show
from models.imgc.data import Images

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """A teacher's answers.

    Attributes:
        views: N x V x 3, the views that were asked about.
        scores: float16, N x V x 10, the teacher's scores before softmax.
        margin_px: That the views are relative to.
    """

    views: Views
    scores: npt.NDArray[np.float16]
    margin_px: int

    def draw(
        self, images: Images, take: Indices, *, rng: np.random.Generator
    ) -> tuple[Pixels, npt.NDArray[np.float32]]:
        """One random view of each image taken, and what the teacher says about it."""
        which = rng.integers(0, self.views.shape[1], size=len(take))
        pixels = show(images.pixels[take], self.views[take, which], margin_px=self.margin_px)
        return pixels, self.scores[take, which].astype(np.float32)


def ask(
    teacher: Path, images: Images, *, views: int, margin_px: int, seed: int, compute: str
) -> Lessons:
    """Have a teacher's checkpoint classify ``views`` random views of every image."""
    import tensorflow as tf

    from models.imgc.network import Network
    from models.imgc.training import averaged_from

    weights, statistics = averaged_from(teacher)
    network = Network(weights=weights, statistics=statistics, compute=tf.dtypes.as_dtype(compute))
    scores = tf.function(lambda pixels: network.logits(pixels, training=False))
    rng = np.random.default_rng([seed, views])
    asked: list[Views] = []
    answers: list[npt.NDArray[np.float16]] = []
    for view in range(views):
        asked.append(random_views(len(images), margin_px=margin_px, rng=rng))
        parts = []
        for start in range(0, len(images), BATCH):
            stop = start + BATCH
            shown = show(images.pixels[start:stop], asked[-1][start:stop], margin_px=margin_px)
            parts.append(scores(tf.convert_to_tensor(shown)).numpy().astype(np.float16))
        answers.append(np.concatenate(parts))
        right = np.mean(np.argmax(answers[-1], axis=1) == images.labels)
        print(
            f"teacher: view {view + 1} of {views}, {right:.2%} right", file=sys.stderr, flush=True
        )
    return Lessons(
        views=np.stack(asked, axis=1), scores=np.stack(answers, axis=1), margin_px=margin_px
    )


def save(lessons: Lessons, path: Path) -> None:
    """Write the answers, so that a resumed run need not ask again."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, views=lessons.views, scores=lessons.scores, margin_px=lessons.margin_px)
    partial.replace(path)


def load(path: Path) -> Lessons:
    """Read what ``save`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return Lessons(views=file["views"], scores=file["scores"], margin_px=int(file["margin_px"]))
