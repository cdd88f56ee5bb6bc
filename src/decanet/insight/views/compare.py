"""Compare: are the stages of two networks alike, and do they make the same errors?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, literal, new_figure, styled
from decanet.core.progress import Report
from decanet.data import ImageData
from decanet.evaluation.trained import TrainedModel
from decanet.insight.cache import cached, weights_digest
from decanet.insight.capture import stages_of
from decanet.insight.sample_images import choose_images, images_digest, network_inputs
from decanet.insight.similarity import error_agreement, linear_cka, stage_grams
from decanet.insight.subject import title
from decanet.insight.views.errors import predict_split

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IMAGES, FEWER = 512, 192  # for images of up to 64 pixels, and for larger ones, whose maps need more memory


@dataclass(frozen=True)
class Pair:
    """Two networks beside each other.

    Attributes:
        first, second: numbers of the networks.
        cka: (L1, L2) linear centered kernel alignment of their stages.
        agreement: see :func:`decanet.insight.similarity.error_agreement`.
    """

    first: int
    second: int
    cka: np.ndarray
    agreement: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """Several networks, every two of them compared.

    Attributes:
        titles: names of the networks.
        stages: names of the stages of each.
        accuracy: of each, on the same test images.
        images: number of images behind the alignment.
        test_images: number of images behind the accuracy and the agreement.
        pairs: one for every two networks.
    """

    titles: tuple[str, ...]
    stages: tuple[tuple[str, ...], ...]
    accuracy: tuple[float, ...]
    images: int
    test_images: int
    pairs: tuple[Pair, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each pair."""
        return [
            {
                "first": self.titles[pair.first],
                "second": self.titles[pair.second],
                "accuracy_pct": f"{100 * self.accuracy[pair.first]:.2f}, {100 * self.accuracy[pair.second]:.2f}",
                "both_wrong_pct": round(100 * pair.agreement["both_wrong"], 2),
                "same_wrong_pct": round(100 * pair.agreement["same_wrong"], 2),
                "kappa": round(pair.agreement["kappa"], 3),
                "cka_of_last_stages": round(float(pair.cka[-1, -1]), 3),
            }
            for pair in self.pairs
        ]


def compute(trained: Sequence[TrainedModel], data: ImageData, cache: Path, report: Report) -> Comparison:
    """Compare every two networks on the test images of ``data``.

    Args:
        trained: at least two networks with the same classes.
        data: gives the test split.
        cache: folder that keeps results, see :func:`decanet.insight.cache.cached`.
        report: receives progress.

    Raises:
        UsageError: fewer than two networks, or other classes.
    """
    if len(trained) < 2:
        raise UsageError("give at least two networks to compare, for instance decanet_m decanet_s")
    for one in trained[1:]:
        if one.classes != trained[0].classes:
            raise UsageError(
                f"{title(one)} has other classes than {title(trained[0])}: their errors cannot agree"
            )
    grams = [_grams(one, data, cache, report) for one in trained]
    predictions = [predict_split(one, data, cache, report) for one in trained]
    pairs = [
        Pair(
            first, second,
            np.array([[linear_cka(a, b) for b in grams[second]] for a in grams[first]]),
            error_agreement(predictions[first], predictions[second]),
        )
        for first, second in combinations(range(len(trained)), 2)
    ]  # fmt: skip
    return Comparison(
        titles=tuple(title(one) for one in trained),
        stages=tuple(tuple(stages_of(one.model)) for one in trained),
        accuracy=tuple(one.accuracy() for one in predictions),
        images=len(grams[0][0]),
        test_images=len(data.test),
        pairs=tuple(pairs),
    )


def _grams(trained: TrainedModel, data: ImageData, cache: Path, report: Report) -> list[Tensor]:
    count = IMAGES if trained.spec.image_size <= 64 else FEWER
    images, labels = choose_images(trained, data, count)
    stages = list(stages_of(trained.model))

    def run() -> dict[str, Tensor]:
        x = network_inputs(trained, images)
        found = stage_grams(trained.model, x, stages, report, f"stages of {title(trained)}")
        return {"grams": torch.stack(found).float()}

    parts = (weights_digest(trained.model), images_digest(images, labels), tuple(stages))
    return list(cached(cache, "grams", parts, run)["grams"].double())


@styled
def draw(result: Comparison) -> "Figure":
    """Draw the alignment of the stages for each pair, and who is wrong where."""
    count = len(result.pairs)
    columns = min(3, count)
    rows = -(-count // columns)
    figure = new_figure(max(4.3 * columns, 7.0), 4.1 * rows + 0.75 * count + 1.7)
    figure.suptitle(
        f"Do the networks compute alike? Linear CKA of their stages on {result.images} images, and their errors on "
        f"{result.test_images:,}" if columns > 1 else
        f"Do the networks compute alike?\nLinear CKA of their stages ({result.images} images), errors on "
        f"{result.test_images:,}",
        fontweight="bold", fontsize=11,
    )  # fmt: skip
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=[4.1 * rows, 0.75 * count + 1.2]))
    grid = upper.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    for axes, pair in zip(grid, result.pairs, strict=False):
        shown = axes.imshow(pair.cka, cmap="magma", vmin=0, vmax=1, origin="lower", aspect="auto")
        names = [[literal(stage) for stage in result.stages[k]] for k in (pair.first, pair.second)]
        axes.set_yticks(range(len(names[0])), names[0], fontsize=8)
        axes.set_xticks(range(len(names[1])), names[1], fontsize=8, rotation=90)
        axes.set(ylabel=literal(result.titles[pair.first]), xlabel=literal(result.titles[pair.second]))
        axes.grid(False)
        if pair.cka.size <= 100:
            for row, column in np.ndindex(*pair.cka.shape):
                value = pair.cka[row, column]
                color = "#222222" if value > 0.6 else "white"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=color)
    upper.colorbar(shown, ax=grid[:count].tolist(), shrink=0.6, label="similarity (1: equal up to rotation)")
    _draw_errors(lower.subplots(), result)
    return figure


def _draw_errors(axes: "Axes", result: Comparison) -> None:
    parts = ("same_wrong", "both_wrong", "only_first", "only_second")
    labels = ("both wrong, same class", "both wrong, different classes", "only the first", "only the second")
    names = []
    for place, pair in enumerate(result.pairs):
        start = 0.0
        for k, (part, label) in enumerate(zip(parts, labels, strict=True)):
            value = pair.agreement[part] - (pair.agreement["same_wrong"] if part == "both_wrong" else 0.0)
            axes.barh(
                place, 100 * value, left=100 * start, color=COLORS[k], height=0.6, label=label if place == 0 else None
            )  # fmt: skip
            start += value
        axes.text(100 * start, place, f"  kappa {pair.agreement['kappa']:.2f}", va="center", fontsize=9)
        names.append(f"{literal(result.titles[pair.first])},\n{literal(result.titles[pair.second])}")
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="test images (%)")
    axes.set_xlim(0, 1.25 * axes.get_xlim()[1])
    axes.grid(axis="y", visible=False)
    axes.set_title("Who is wrong?", fontsize=10)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.45, -0.32 if len(names) < 3 else -0.18), ncols=2, fontsize=8
    )
