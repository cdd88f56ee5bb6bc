"""Color selectivity of the towers of a network, and its permutation test."""

from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from torch import nn

from decanet.core.errors import UsageError
from decanet.insight.views import specialization
from decanet.models import create_model


def network(groups: int, colored: bool) -> nn.Sequential:
    """Eight filters; in a colored network those of the second half have no gray."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=groups))
    with torch.no_grad():
        weight = model[0].weight
        gray = weight.mean(1, keepdim=True).expand_as(weight).clone()
        if colored:
            weight[:4] = gray[:4]
            weight[4:] -= gray[4:]
    return model


def test_towers_of_color_and_form_are_found() -> None:
    found = specialization.compute(network(2, colored=True), "mine")
    assert found.towers == 2
    assert list(found.groups) == [0] * 4 + [1] * 4
    assert found.difference == pytest.approx(1.0)
    # Of the 70 ways to choose four of eight, two have this difference.
    assert found.p_value == pytest.approx(2 / 70, rel=0.15)
    assert found.p_random > 2 * found.p_value


def test_the_p_value_is_that_of_all_permutations() -> None:
    found = specialization.compute(network(2, colored=False), "mine")
    halves = {frozenset(order[:4]) for order in permutations(range(8))}
    every = [
        abs(found.color[list(half)].mean() - np.delete(found.color, list(half)).mean()) for half in halves
    ]
    exact = np.mean(np.array(every) >= found.difference - 1e-9)
    assert found.p_value == pytest.approx(exact, abs=0.01)


def test_the_test_rejects_alike_towers_as_rarely_as_it_says() -> None:
    p_values = []
    for seed in range(60):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Conv2d(3, 24, 3), nn.Conv2d(24, 4, 1, groups=2))
        p_values.append(specialization.compute(model, "random", permutations=400).p_value)
    assert 0.3 < np.mean(p_values) < 0.7
    assert np.mean(np.array(p_values) < 0.1) < 0.25


def of_difference(difference: float, towers: int) -> specialization.Specialization:
    return specialization.Specialization(
        "it", towers, torch.zeros(2, 3, 1, 1), np.array([0, 1]), np.zeros(2), difference, 1.0, 1.0
    )


@pytest.mark.parametrize("towers", [[0.16, 0.18, 0.22, 0.23, 0.2], [0.16, 0.03, 0.22, 0.05, 0.2]])
def test_networks_with_towers_are_compared_with_controls_exactly(towers: list[float]) -> None:
    controls = [0.09, 0.04, 0.02, 0.01, 0.07]
    results = [of_difference(one, 2) for one in towers] + [of_difference(one, 1) for one in controls]
    found = specialization.compare(results)
    assert found is not None
    assert (found.towers, found.one_tower) == pytest.approx((np.mean(towers), np.mean(controls)))
    both = np.array(towers + controls)
    # Equal numbers of both: the distribution is symmetric, and the two-sided p-value that of the absolute value.
    every = [
        abs(both[list(some)].mean() - np.delete(both, list(some)).mean())
        for some in combinations(range(10), 5)
    ]
    exact = np.mean(np.array(every) >= abs(np.mean(towers) - np.mean(controls)) - 1e-12)
    assert found.p_value == pytest.approx(exact)


def test_fewer_than_two_networks_of_a_kind_are_not_compared() -> None:
    results = [of_difference(0.1, 2), of_difference(0.2, 2), of_difference(0.3, 1)]
    assert specialization.compare(results) is None


def test_a_control_is_split_into_halves() -> None:
    found = specialization.compute(create_model("two_tower_cifar", towers=1), "control")
    assert found.towers == 1
    assert list(np.bincount(found.groups)) == [24, 24]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Conv2d(3, 4, 3), "no two convolutions"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)), "no two convolutions"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, groups=4)), "depthwise"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(8, 4, 3)), "does not give its first filters"),
    ],
)
def test_networks_without_towers_are_refused(model: nn.Module, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        specialization.compute(model, "it")


def test_the_gray_tower_is_drawn_first() -> None:
    model = network(2, colored=True)
    with torch.no_grad():
        model[0].weight.copy_(model[0].weight.flip(0))
    figure = specialization.draw([specialization.compute(model, "mine")])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "tower 2: color selectivity 0.00"
    assert titles[1] == "tower 1: color selectivity 1.00"
    assert titles[2].startswith("difference 1.00, p = 0.0")
