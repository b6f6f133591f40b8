"""Schedule and augmentation, which need no training library."""

from typing import Any

import numpy as np
import pytest

from models.imgc.augment import random_views, show, shuffled
from models.imgc.recipe import Recipe, learning_rate, schedule_progress


def test_a_view_is_a_moved_or_mirrored_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)

    def seen(top: int, left: int, mirrored: int) -> Any:
        return show(image, np.array([[top, left, mirrored]], np.uint8), margin_px=3)[0]

    original = image[0]
    np.testing.assert_array_equal(seen(3, 3, 0), original)
    np.testing.assert_array_equal(seen(3, 3, 1), original[:, ::-1])
    np.testing.assert_array_equal(seen(5, 3, 0)[:-2], original[2:])
    views = random_views(1000, margin_px=3, rng=np.random.default_rng(0))
    assert views.max(axis=0).tolist() == [6, 6, 1]


def test_an_epoch_shows_each_image_at_most_once() -> None:
    taken = np.concatenate(list(shuffled(100, batch=32, rng=np.random.default_rng(0))))
    assert len(taken) == len(set(taken.tolist())) == 96


def test_the_rate_rises_to_its_peak_and_falls_to_zero() -> None:
    recipe = Recipe()
    rates = [learning_rate(recipe, step / 1000) for step in range(1001)]
    assert max(rates) == pytest.approx(recipe.peak_rate)
    assert rates[0] == 0.0
    assert rates[-1] == pytest.approx(0.0)


def test_a_slow_machine_follows_the_clock_instead() -> None:
    recipe = Recipe(epochs=100, limit_s=1000)
    assert schedule_progress(recipe, epochs_done=10, elapsed_s=50) == pytest.approx(0.1)
    assert schedule_progress(recipe, epochs_done=10, elapsed_s=500) == pytest.approx(0.5)
    assert schedule_progress(recipe, epochs_done=10, elapsed_s=2000) == 1.0
