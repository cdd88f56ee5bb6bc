"""Corruptions: accuracy under noise, blur, weather and digital damage at five severities."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from decanet.core.plotting import literal, new_figure, styled
from decanet.core.progress import Report
from decanet.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt, list_corruptions
from decanet.evaluation.trained import TrainedModel
from decanet.insight.cache import cached, weights_digest
from decanet.insight.sample_images import images_digest, predict_images
from decanet.insight.subject import title

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Corruptions:
    """Accuracy under corruptions in the style of CIFAR-10-C and ImageNet-C.

    Attributes:
        title: name of the network.
        images: number of test images.
        names: of the corruptions.
        clean: accuracy without corruption.
        accuracy: (M, 5) for each corruption and severity.
    """

    title: str
    images: int
    names: tuple[str, ...]
    clean: float
    accuracy: np.ndarray

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each corruption."""
        return [
            {"corruption": name}
            | {
                f"severity_{severity}_pct": round(100 * float(value), 1)
                for severity, value in enumerate(row, 1)
            }
            for name, row in zip(self.names, self.accuracy, strict=True)
        ]


def compute(
    trained: TrainedModel, images: Tensor, labels: Tensor, cache: Path, report: Report
) -> Corruptions:
    """Measure the accuracy under every corruption of :mod:`decanet.data.corruptions` but those outside its mean.

    The arguments are those of :func:`decanet.insight.views.invariance.compute`. The images are not the published ones
    of CIFAR-10-C: the numbers do not belong beside published numbers.
    """
    names = [name for name in list_corruptions() if CORRUPTIONS.get(name).category != "extra"]
    digest, seen = weights_digest(trained.model), images_digest(images, labels)
    clean = float((predict_images(trained, images).argmax(1) == labels).double().mean())
    rows = []
    for number, name in enumerate(names):

        def follow(name: str = name) -> dict[str, Tensor]:
            found = [
                predict_images(trained, corrupt(images, name, severity)).argmax(1) for severity in SEVERITIES
            ]
            return {"accuracy": torch.stack([(one == labels).double().mean() for one in found])}

        rows.append(cached(cache, "corruptions", (digest, seen, name), follow)["accuracy"].numpy())
        report.progress("corrupting images", number + 1, len(names), "corruptions")
    return Corruptions(title(trained), len(images), tuple(names), clean, np.stack(rows))


@styled
def draw(results: Sequence[Corruptions]) -> "Figure":
    """Draw the accuracy for each corruption and severity as a table in color, one for each network."""
    names = results[0].names
    figure = new_figure(max(5.6, 1.8 + 3.3 * len(results)), 0.36 * len(names) + 1.8)
    figure.suptitle(
        f"Accuracy (%) of {results[0].images:,} test images under corruptions\n"
        "in the style of CIFAR-10-C (not the published images)",
        fontweight="bold", fontsize=10,
    )  # fmt: skip
    for k, (axes, one) in enumerate(
        zip(figure.subplots(1, len(results), squeeze=False)[0], results, strict=True)
    ):
        percent = 100 * np.concatenate([np.full((len(names), 1), one.clean), one.accuracy], 1)
        axes.imshow(percent, cmap="viridis", vmin=0, vmax=100, aspect="auto")
        for row, column in np.ndindex(*percent.shape):
            value = percent[row, column]
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", fontsize=8,
                color="white" if value < 60 else "#222222",
            )  # fmt: skip
        axes.set_xticks(range(6), ["none", *map(str, SEVERITIES)])
        labels = [name.replace("_", " ") for name in names] if k == 0 else []
        axes.set_yticks(range(len(names)) if k == 0 else [], labels)
        mean = 100 * float(one.accuracy.mean())
        axes.set(xlabel="severity", title=f"{literal(one.title)}: mean {mean:.1f}%")
        axes.title.set_fontsize(10)
        axes.grid(False)
    return figure
