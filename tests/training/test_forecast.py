"""Forecast of the time of a training from its first steps, for images of any sizes."""

import pytest

from decanet.core.recipe import Recipe
from decanet.core.recipe_files import override
from decanet.training.forecast import Forecast
from decanet.training.loop import Progress
from decanet.training.recipes import load_recipe
from decanet.training.schedules import image_size_at


def recipe(sizes: str = "[]") -> Recipe:
    return override(load_recipe("quick"), ["data.image_size=32", f"progressive_sizes={sizes}"])


def forecasts(recipe: Recipe, steps: int, seconds_at: dict[int, float], first: Progress) -> list[float]:
    """The forecasts of a training whose step takes ``seconds_at[image_size]``, after a slow first step."""
    reported: list[float] = []
    forecast, progress = Forecast(recipe, steps, reported.append), first
    progress.seconds += 5.0
    while progress.step < steps:
        progress.seconds += seconds_at[image_size_at(recipe, progress.step / steps)]
        progress.step += 1
        forecast.on_step(progress)
    return reported


@pytest.mark.parametrize("seconds", [0.01, 0.3, 4.0])
def test_the_expected_time_is_reported_once(seconds: float) -> None:
    assert forecasts(recipe(), 1000, {32: seconds}, Progress()) == [pytest.approx(5 + 1000 * seconds)]


def test_later_images_count_by_their_area() -> None:
    grows = recipe("[[0.5, 16], [0.75, 24]]")
    seconds = {16: 0.04, 24: 0.09, 32: 0.16}
    whole = 5 + 1000 * (0.5 * 0.04 + 0.25 * 0.09 + 0.25 * 0.16)
    assert forecasts(grows, 1000, seconds, Progress()) == [pytest.approx(whole)]


def test_the_forecast_of_a_resumed_training_includes_earlier_sessions() -> None:
    later = forecasts(recipe(), 1000, {32: 0.1}, Progress(step=600, seconds=300.0))
    assert later == [pytest.approx(300 + 5 + 400 * 0.1)]


def test_a_training_of_few_steps_has_no_forecast() -> None:
    assert forecasts(recipe(), 4, {32: 9.0}, Progress()) == []
