"""Forecast of a training's time on this machine, from its first steps."""

from collections.abc import Callable

from decanet.core.recipe import Recipe
from decanet.training.loop import Progress
from decanet.training.schedules import image_size_at, image_sizes

WARM_UP = 2  # steps that compile kernels and fill caches
LEAST_STEPS, MOST_STEPS, SECONDS = 3, 10, 1.0  # timed: steps for a second, within these limits


class Forecast:
    """Times the first steps of a training and reports the expected time of the whole once.

    The time of a step is assumed to be proportional to the area of its images.

    Args:
        recipe: resolved.
        total_steps: of the whole training.
        report: called with the expected seconds of the whole training, including those of earlier sessions.
    """

    def __init__(self, recipe: Recipe, total_steps: int, report: Callable[[float], None]) -> None:
        self.recipe, self.total_steps, self.report = recipe, total_steps, report
        self._steps = 0
        self._reported = False
        self._begin = (0, 0.0)  # step and seconds when the warm-up ended

    def on_step(self, progress: Progress) -> None:
        """Receive the progress after a step."""
        self._steps += 1
        if self._steps == WARM_UP:
            self._begin = (progress.step, progress.seconds)
        if self._reported or self._steps < WARM_UP + LEAST_STEPS:
            return
        steps, seconds = progress.step - self._begin[0], progress.seconds - self._begin[1]
        if steps >= MOST_STEPS or seconds >= SECONDS:
            self._reported = True
            done = progress.step / self.total_steps
            pixels = image_size_at(self.recipe, done) ** 2
            self.report(
                progress.seconds
                + seconds / steps * self.total_steps * _area_after(self.recipe, done) / pixels
            )


def _area_after(recipe: Recipe, done: float) -> float:
    """Integral of the images' area over the rest of the training, which begins at the fraction ``done``."""
    area, begin = 0.0, 0.0
    for fraction, image_size in image_sizes(recipe):
        end = begin + fraction
        area += max(0.0, end - max(begin, done)) * image_size**2
        begin = end
    return area
