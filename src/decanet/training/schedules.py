"""Learning rate and image size as pure functions of the progress of a training: a resumed run needs no state."""

import math
from collections.abc import Sequence

from decanet.core.recipe import Recipe, Schedule


def lr_factor(schedule: Schedule, progress: float, validation_errors: Sequence[float] = ()) -> float:
    """Return the factor of the optimizer's learning rate.

    Args:
        progress: fraction of the training that is done, 0 to 1.
        validation_errors: one for each finished epoch, used by "plateau" only.

    >>> round(lr_factor(Schedule(shape="linear", warmup=0.2), 0.1), 6)
    0.5
    >>> round(lr_factor(Schedule(shape="cosine"), 0.5), 6)
    0.5
    """
    if progress < schedule.warmup:
        return schedule.start_factor + (1 - schedule.start_factor) * progress / schedule.warmup
    after = (progress - schedule.warmup) / (1 - schedule.warmup) if schedule.warmup < 1 else 1.0
    match schedule.shape:
        case "constant":
            return 1.0
        case "linear":
            return 1 + (schedule.end_factor - 1) * after
        case "cosine":
            return schedule.end_factor + (1 - schedule.end_factor) * (1 + math.cos(math.pi * after)) / 2
        case "steps":
            return schedule.gamma ** sum(progress >= milestone for milestone in schedule.milestones)
        case "plateau":
            return schedule.gamma ** count_plateaus(validation_errors, schedule.patience)


def image_sizes(recipe: Recipe) -> list[tuple[float, int]]:
    """Return pairs (fraction of the training, image size) of a resolved recipe, in order; the fractions sum to 1."""
    assert recipe.data.image_size is not None
    ends = [*recipe.progressive_sizes, (1.0, recipe.data.image_size)]
    starts = [0.0, *(end for end, _ in recipe.progressive_sizes)]
    return [
        (end - start, image_size)
        for start, (end, image_size) in zip(starts, ends, strict=True)
        if end > start
    ]


def image_size_at(recipe: Recipe, progress: float) -> int:
    """Return the image size of a resolved recipe after the fraction ``progress`` of the training."""
    assert recipe.data.image_size is not None
    return next(
        (image_size for fraction, image_size in recipe.progressive_sizes if progress < fraction),
        recipe.data.image_size,
    )


def count_plateaus(errors: Sequence[float], patience: int) -> int:
    """Return how often the smallest error had not improved for ``patience`` epochs in a row."""
    best, waited, plateaus = math.inf, 0, 0
    for error in errors:
        if error < best:
            best, waited = error, 0
        else:
            waited += 1
        if waited == patience:
            waited, plateaus = 0, plateaus + 1
    return plateaus
