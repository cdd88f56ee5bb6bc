"""What a training will take on this machine, told after its first steps."""

from collections.abc import Callable

from decanet.core.recipe import Recipe
from decanet.training.loop import Progress
from decanet.training.schedules import image_size_at, image_sizes

WARM_UP = 2  # steps that compile kernels and fill caches
STEPS, SECONDS = (3, 10), 1.0  # timed: at least so many steps, until so many or so many seconds


class Forecast:
    """Times the training's own first steps, so that nothing is done twice, and tells the expected time once.

    A step's time is taken to grow with the area of its images.

    Args:
        recipe: resolved.
        total_steps: of the whole training.
        tell: hears the expected seconds of the whole training, those of earlier sessions included.
    """

    def __init__(self, recipe: Recipe, total_steps: int, tell: Callable[[float], None]) -> None:
        self.recipe, self.total_steps, self.tell = recipe, total_steps, tell
        self._heard = 0
        self._told = False
        self._begin = (0, 0.0)  # step and seconds when the warm-up ended

    def on_step(self, progress: Progress) -> None:
        """A step is done."""
        self._heard += 1
        if self._heard == WARM_UP:
            self._begin = (progress.step, progress.seconds)
        if self._told or self._heard < WARM_UP + STEPS[0]:
            return
        steps, seconds = progress.step - self._begin[0], progress.seconds - self._begin[1]
        if steps >= STEPS[1] or seconds >= SECONDS:
            self._told = True
            done = progress.step / self.total_steps
            pixels = image_size_at(self.recipe, done) ** 2
            self.tell(
                progress.seconds
                + seconds / steps * self.total_steps * _area_after(self.recipe, done) / pixels
            )


def _area_after(recipe: Recipe, done: float) -> float:
    """Area of the images after the fraction ``done`` of the training, summed over its fractions."""
    area, begin = 0.0, 0.0
    for fraction, image_size in image_sizes(recipe):
        end = begin + fraction
        area += max(0.0, end - max(begin, done)) * image_size**2
        begin = end
    return area
