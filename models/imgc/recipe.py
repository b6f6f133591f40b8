"""What decides the result of training, and the learning rate that follows from it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What decides the result, apart from the data.

    Attributes:
        seed: Of the first weights and of every epoch's order, crops and mirroring.
        epochs: Passes over the training split, the length of the schedule.
        limit_s: Wall time after which the schedule is over, so that a slow machine still ends
            with a learning rate of zero; 0 for none.
        batch: Images per step.
        peak_rate: Highest learning rate, reached after ``warmup`` of the schedule.
        warmup: Share of the schedule.
        weight_decay: On kernels.
        average_decay: Of the running average that becomes the result.
        margin_px: How far a random crop moves.
        width: Factor on all channels; 1 is the network itself, a teacher is wider.
        teacher_share: Share of the loss that is the teacher's, where there is one.
        teacher_views: Views of each image that the teacher is asked about.
    """

    seed: int = 1
    epochs: int = 200
    limit_s: float = 0.0
    batch: int = 128
    peak_rate: float = 0.2
    warmup: float = 0.05
    weight_decay: float = 2e-4
    average_decay: float = 0.999
    margin_px: int = 3
    width: int = 1
    teacher_share: float = 0.7
    teacher_views: int = 8


def learning_rate(recipe: Recipe, progress: float) -> float:
    """One cycle: a linear rise to the peak, then half a cosine down to zero.

    Args:
        recipe: Gives peak and length of the rise.
        progress: Share of the schedule that is over, 0 to 1.
    """
    if progress < recipe.warmup:
        return recipe.peak_rate * (progress / recipe.warmup)
    over = min((progress - recipe.warmup) / (1 - recipe.warmup), 1.0)
    return recipe.peak_rate * 0.5 * (1 + math.cos(math.pi * over))


def schedule_progress(recipe: Recipe, *, epochs_done: float, elapsed_s: float) -> float:
    """Share of the schedule that is over, by epochs or by the clock, whichever is further."""
    by_epochs = epochs_done / recipe.epochs
    by_clock = elapsed_s / recipe.limit_s if recipe.limit_s > 0 else 0.0
    return min(max(by_epochs, by_clock), 1.0)
