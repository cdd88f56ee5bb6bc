"""Learning rate and image size over a training."""

import math

import pytest

from decanet.core.recipe import Adam, Data, Model, Recipe, Schedule
from decanet.training.schedules import count_plateaus, image_size_at, image_sizes, lr_factor


def test_warm_up_is_linear_from_the_start_factor_to_one() -> None:
    schedule = Schedule(shape="constant", warmup=0.2, start_factor=0.5)
    assert lr_factor(schedule, 0.0) == 0.5
    assert lr_factor(schedule, 0.1) == pytest.approx(0.75)
    assert lr_factor(schedule, 0.2) == 1.0
    assert lr_factor(schedule, 0.9) == 1.0


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_decay_goes_from_one_to_the_end_factor(shape: str) -> None:
    schedule = Schedule(shape=shape, warmup=0.1, end_factor=0.05)
    assert lr_factor(schedule, 0.1) == pytest.approx(1.0)
    assert lr_factor(schedule, 1.0) == pytest.approx(0.05)
    values = [lr_factor(schedule, 0.1 + 0.9 * i / 50) for i in range(51)]
    assert values == sorted(values, reverse=True)


def test_cosine_equals_torchs() -> None:
    import torch

    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    for step in range(40):
        assert lr_factor(Schedule(shape="cosine"), step / 40) == pytest.approx(
            theirs.get_last_lr()[0], abs=1e-9
        )
        optimizer.step()
        theirs.step()


def test_steps_multiply_at_their_milestones() -> None:
    schedule = Schedule(shape="steps", milestones=(0.5, 0.75), gamma=0.1)
    assert [lr_factor(schedule, p) for p in (0.0, 0.49, 0.5, 0.74, 0.75, 1.0)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )


def test_plateaus_are_counted_from_the_errors_alone() -> None:
    assert count_plateaus([], 2) == 0
    assert count_plateaus([0.5, 0.4, 0.3], 2) == 0
    assert count_plateaus([0.5, 0.5, 0.5], 2) == 1
    assert count_plateaus([0.5, 0.6, 0.6, 0.4, 0.4, 0.4], 2) == 2
    assert count_plateaus([math.inf, 0.4, 0.5, 0.5, 0.5, 0.5], 2) == 2


def test_a_plateau_divides_the_learning_rate() -> None:
    schedule = Schedule(shape="plateau", gamma=0.1, patience=1)
    assert lr_factor(schedule, 0.5, [0.3, 0.3]) == pytest.approx(0.1)


def growing(*sizes: tuple[float, int]) -> Recipe:
    return Recipe(
        model=Model(name="decanet_s"), data=Data(image_size=32), batch_size=1, epochs=1, optimizer=Adam(),
        progressive_sizes=sizes,
    )  # fmt: skip


def test_images_grow_at_the_stated_fractions() -> None:
    recipe = growing((0.25, 20), (0.5, 24))
    sizes = [image_size_at(recipe, step / 8) for step in range(8)]
    assert sizes == [20, 20, 24, 24, 32, 32, 32, 32]
    assert image_sizes(recipe) == [(0.25, 20), (0.25, 24), (0.5, 32)]


def test_without_progressive_sizes_images_have_the_networks_size() -> None:
    assert image_sizes(growing()) == [(1.0, 32)]
    assert image_size_at(growing(), 0.0) == 32


def test_progressive_sizes_may_cover_the_whole_training() -> None:
    """The dry run times an image size this way; only evaluation then uses the network's own."""
    assert image_sizes(growing((1.0, 20))) == [(1.0, 20)]
    assert image_size_at(growing((1.0, 20)), 0.999) == 20
