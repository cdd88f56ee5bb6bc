"""Specialization: does one tower of a network learn filters of color, and the other filters of form?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, grid_shape, literal, new_figure, show_image, styled
from decanet.core.runtime import seed_from
from decanet.insight.filter_statistics import color_selectivity
from decanet.insight.views.filters import mosaic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PERMUTATIONS = 20_000


@dataclass(frozen=True)
class Specialization:
    """How differently the towers of one network see color.

    Attributes:
        title: name of the network.
        towers: 2 or more where the second convolution has groups; 1 for a control, whose filters are split in halves.
        weights: (O, 3, k, k), the first filters.
        groups: (O,) the tower that reads each filter; the half it is in for a control.
        color: (O,) color selectivity of each filter.
        difference: largest minus smallest mean color selectivity of a tower.
        p_value: fraction of random assignments to towers of the same sizes with at least this difference.
        p_random: the same for one random split of the filters: a control for the test itself.
    """

    title: str
    towers: int
    weights: Tensor
    groups: np.ndarray
    color: np.ndarray
    difference: float
    p_value: float
    p_random: float

    def row(self) -> dict[str, Any]:
        """Return the numbers of this network."""
        means = [float(self.color[self.groups == group].mean()) for group in np.unique(self.groups)]
        return {
            "network": self.title,
            "towers": self.towers,
            "color_of_towers": ", ".join(f"{mean:.3f}" for mean in means),
            "difference": round(self.difference, 4),
            "p": round(self.p_value, 5),
            "p_random_halves": round(self.p_random, 5),
        }


def compute(model: nn.Module, title: str, permutations: int = PERMUTATIONS) -> Specialization:
    """Compare the color selectivity of the first filters between the towers that read them.

    (A. Krizhevsky et al., NIPS 2012, section 6.1: the filters of one tower become color-agnostic, those of the other
    color-specific, in every run.) The difference is tested by permutation: were the towers alike, every
    assignment of the filters to them would be as likely.

    Args:
        model: a network whose first convolution sees RGB images.
        title: its name.
        permutations: number of random assignments.

    Raises:
        UsageError: there are no two convolutions, or the first one does not see RGB images.
    """
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if len(convolutions) < 2 or convolutions[0].in_channels != 3:
        raise UsageError(
            f"{title} has no two convolutions of which the first sees RGB images; choose another network"
        )
    first, second = convolutions[:2]
    if second.in_channels != first.out_channels:
        raise UsageError(
            f"{title} does not give its first filters to its second convolution; choose another network"
        )
    weights = first.weight.detach().float().cpu().clone()
    towers = second.groups
    if towers == second.in_channels:  # depthwise: a tower for each filter
        raise UsageError(f"the second convolution of {title} is depthwise: its towers have one filter each")
    groups = np.arange(len(weights)) * max(2, towers) // len(weights)
    color = color_selectivity(weights).astype(np.float64)
    generator = np.random.default_rng(seed_from("specialization"))
    shuffled = generator.permuted(np.tile(groups, (permutations, 1)), axis=1)
    differences = _difference(color, shuffled)

    def p_value(difference: float) -> float:  # the assignment that was found is one of them
        return float((1 + (differences >= difference - 1e-9).sum()) / (1 + permutations))

    found = float(_difference(color, groups[None])[0])
    random = float(_difference(color, generator.permutation(groups)[None])[0])
    return Specialization(title, towers, weights, groups, color, found, p_value(found), p_value(random))


@dataclass(frozen=True)
class Comparison:
    """Networks with towers against controls with one tower.

    Attributes:
        towers: mean difference between the towers' color selectivity, over the networks with towers.
        one_tower: the same over the controls, whose filters are split in halves.
        p_value: of a two-sided permutation test over networks, exact for up to 20,000 ways to divide them.
    """

    towers: float
    one_tower: float
    p_value: float


def compare(results: Sequence[Specialization]) -> Comparison | None:
    """Compare networks with towers and controls with one; None where there are not at least two of each."""
    from scipy.stats import permutation_test

    towers = [one.difference for one in results if one.towers > 1]
    controls = [one.difference for one in results if one.towers == 1]
    if min(len(towers), len(controls)) < 2:
        return None
    test = permutation_test(
        (towers, controls),
        lambda a, b, axis: np.mean(a, axis) - np.mean(b, axis),
        vectorized=True,
        n_resamples=PERMUTATIONS,
        random_state=np.random.default_rng(seed_from("specialization")),
    )
    return Comparison(float(np.mean(towers)), float(np.mean(controls)), float(test.pvalue))


@styled
def draw(results: Sequence[Specialization]) -> "Figure":
    """Draw the filters of each tower, the most colorful first, and their color selectivity."""
    figure = new_figure(11.5, 1.55 * len(results) + 1.0)
    figure.suptitle("First filters by tower: does one see color, and the other form?", fontweight="bold")
    grid = figure.subplots(len(results), 3, squeeze=False, width_ratios=[1.25, 1.25, 1])
    for row, one in zip(grid, results, strict=True):
        groups = np.unique(one.groups)
        means = [float(one.color[one.groups == group].mean()) for group in groups]
        ordered = groups[np.argsort(means)]  # towers have no order of their own: the gray one is drawn first
        for axes, group in zip(row[:2], (ordered[0], ordered[-1]), strict=True):
            inside = np.flatnonzero(one.groups == group)
            inside = inside[np.argsort(-one.color[inside])]
            weights = one.weights[inside]
            limit = weights.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
            images = (0.5 + 0.5 * weights / limit).permute(0, 2, 3, 1).numpy()
            show_image(axes, mosaic(images, *grid_shape(len(images), 12)))
            kind = "tower" if one.towers > 1 else "half"
            axes.set_title(
                f"{kind} {group + 1}: color selectivity {one.color[inside].mean():.2f}",
                fontsize=9,
                fontweight="normal",
            )
        row[0].text(
            -0.03, 0.5, f"{literal(one.title)}\n{'one tower' if one.towers == 1 else f'{one.towers} towers'}",
            ha="right", va="center", fontsize=9, transform=row[0].transAxes,
        )  # fmt: skip
        for place, group in enumerate((ordered[0], ordered[-1])):
            values = one.color[one.groups == group]
            spread = 0.16 * (np.arange(len(values)) / max(1, len(values) - 1) - 0.5)
            row[2].scatter(values, place + spread, s=14, color=COLORS[place], alpha=0.8, linewidth=0)
            row[2].plot([values.mean()] * 2, [place - 0.3, place + 0.3], color="#000000", linewidth=2)
        row[2].set(xlim=(0, 1), ylim=(1.5, -0.5))
        row[2].set_yticks([0, 1], [str(ordered[0] + 1), str(ordered[-1] + 1)])
        row[2].set_ylabel("tower" if one.towers > 1 else "half")
        row[2].set_title(
            f"difference {one.difference:.2f}, p = {one.p_value:.2g}", fontsize=9, fontweight="normal"
        )
    for above, _ in pairwise(grid):
        above[2].set_xticklabels([])
    grid[-1, 2].set_xlabel("color selectivity")
    return figure


def _difference(color: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the largest minus the smallest mean of ``color`` (O,) over groups, for each assignment (P, O)."""
    means = np.stack(
        [np.where(groups == group, color, 0).sum(1) / (groups == group).sum(1) for group in np.unique(groups)]
    )
    return means.max(0) - means.min(0)
