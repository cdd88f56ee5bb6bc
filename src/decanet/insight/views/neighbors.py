"""Neighbors: which training images are closest to an image for the network, and which in pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, class_labels, literal, new_figure, show_image, styled
from decanet.core.progress import Report
from decanet.core.runtime import generator
from decanet.data import ImageData
from decanet.evaluation.trained import TrainedModel
from decanet.insight.hidden import hidden_features, split_features
from decanet.insight.subject import Images, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNT = 6  # neighbors of each kind
SMALL = 32  # pixels of the images whose pixels are compared
POINTS, THUMBNAILS = 2000, 60  # of the map
THUMBNAIL = 96


@dataclass(frozen=True)
class Neighbors:
    """The closest images of a data set to some images.

    Attributes:
        title: name of the network.
        queries: (Q, S, S, 3) uint8, the images.
        names: of the images.
        near: (Q, n) indices of the images that are closest in the last hidden layer, the closest first.
        near_pixels: (Q, n) the same for the pixels.
        searched: number of images among which they were found.
        split: "train" or "test", where they were found.
        places: (P, 2) test images on the two principal axes of their features.
        place_of_query: (Q, 2) the images on the same axes.
        shown: (P,) indices of these test images.
        explained: fraction of the features' variance along each of the two axes.
    """

    title: str
    queries: np.ndarray
    names: tuple[str, ...]
    near: np.ndarray
    near_pixels: np.ndarray
    searched: int
    split: str
    places: np.ndarray
    place_of_query: np.ndarray
    shown: np.ndarray
    explained: tuple[float, float]


def compute(trained: TrainedModel, images: Images, data: ImageData, cache: Path, report: Report) -> Neighbors:
    """Find the closest images by Euclidean distance (A. Krizhevsky et al., NIPS 2012, section 6.1 and Figure 4).

    Training images are searched where there are some, else test images. The map shows random test images on the
    principal axes of their features.

    Args:
        trained: the network.
        images: the queries.
        data: the images to search.
        cache: folder that keeps features, see :func:`decanet.insight.cache.cached`.
        report: receives progress.

    Raises:
        UsageError: there are fewer images than neighbors.
    """
    split = "train" if len(data.train) else "test"
    gallery = data.train if split == "train" else data.test
    if len(gallery) < COUNT:
        raise UsageError(f"{len(gallery)} images are too few to search; give at least {COUNT}")
    features = split_features(trained, data, split, cache, report)
    query = hidden_features(trained.model, images.x).cpu()
    near = torch.cdist(query, features).topk(COUNT, largest=False).indices
    queries = torch.from_numpy(images.pixels).permute(0, 3, 1, 2)
    pixels = [
        _small(gallery.pixels(torch.arange(start, min(start + 5000, len(gallery))), SMALL))
        for start in range(0, len(gallery), 5000)
    ]
    near_pixels = torch.cdist(_small(queries), torch.cat(pixels)).topk(COUNT, largest=False).indices
    tests = split_features(trained, data, "test", cache, report)
    shown = torch.randperm(len(tests), generator=generator("neighbors", "map"))[:POINTS]
    mean = tests.mean(0)
    _, values, axes = torch.linalg.svd(tests[shown] - mean, full_matrices=False)
    share = (values.square() / values.square().sum())[:2].tolist()
    return Neighbors(
        title=title(trained),
        queries=images.pixels,
        names=images.names,
        near=near.numpy(),
        near_pixels=near_pixels.numpy(),
        searched=len(gallery),
        split=split,
        places=((tests[shown] - mean) @ axes[:2].T).numpy(),
        place_of_query=((query - mean) @ axes[:2].T).numpy(),
        shown=shown.numpy(),
        explained=(share[0], share[1] if len(share) > 1 else 0.0),
    )


def default_queries(data: ImageData, size: int, count: int) -> list[np.ndarray]:
    """Return ``count`` test images of different classes where there are so many, uint8 (H, W, 3) each."""
    labels = data.test.labels
    firsts = [int((labels == label).nonzero()[0]) for label in labels.unique()][:count]
    rest = [index for index in range(min(count, len(labels))) if index not in firsts]
    chosen = torch.tensor([*firsts, *rest][:count])
    return list(data.test.pixels(chosen, size).permute(0, 2, 3, 1).numpy())


def _small(pixels: Tensor) -> Tensor:
    """Return images (N, 3, H, W) as vectors of the pixels of 32 x 32 images."""
    return F.interpolate(pixels.float(), size=(SMALL, SMALL), mode="area").flatten(1)


@styled
def draw(result: Neighbors, data: ImageData) -> "Figure":
    """Draw each image with its neighbors of both kinds, and the map of test images.

    ``data`` gives the images that were searched.
    """
    rows = len(result.queries)
    figure = new_figure(12.6, 1.28 * rows + 6.6)
    figure.suptitle(
        f"{literal(result.title)}: the closest of {result.searched:,} {result.split}ing images"
        if result.split == "train"
        else f"{literal(result.title)}: the closest of {result.searched:,} test images",
        fontweight="bold",
    )
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=[1.28 * rows + 0.35, 6.0]))
    widths = [1, 0.12, *[1] * COUNT, 0.12, *[1] * COUNT]
    grid = upper.subplots(rows, len(widths), squeeze=False, width_ratios=widths)
    gallery = data.train if result.split == "train" else data.test
    names = class_labels(data.classes, longest=12)
    for row in range(rows):
        for axes in grid[row]:
            axes.set_axis_off()
        show_image(grid[row, 0], result.queries[row], "image" if row == 0 else "")
        for indices, first, kind in (
            (result.near[row], 2, "closest for the network (last hidden layer)"),
            (result.near_pixels[row], 3 + COUNT, "closest in pixels"),
        ):
            found = gallery.pixels(torch.from_numpy(indices), THUMBNAIL).permute(0, 2, 3, 1).numpy()
            for k, (index, image) in enumerate(zip(indices.tolist(), found, strict=True)):
                axes = grid[row, first + k]
                axes.set_axis_on()
                show_image(axes, image)
                axes.set_xlabel(names[int(gallery.labels[index])], fontsize=7.5, labelpad=1)
            if row == 0:
                grid[row, first].set_title(kind, fontsize=9.5, loc="left").set_in_layout(
                    False
                )  # wider than its image
    _draw_map(lower.subplots(), result, data)
    return figure


def _draw_map(axes: "Axes", result: Neighbors, data: ImageData) -> None:
    labels = data.test.labels[torch.from_numpy(result.shown)].numpy()
    names = class_labels(data.classes, longest=14)
    classes = np.unique(labels)
    if len(classes) <= 10:
        markers = "osD^vPX*ph"
        for k, label in enumerate(classes.tolist()):
            inside = result.places[labels == label]
            axes.scatter(
                inside[:, 0], inside[:, 1], s=12, alpha=0.55, linewidth=0, marker=markers[k],
                color=COLORS[k % len(COLORS)], label=literal(names[label]),
            )  # fmt: skip
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9, markerscale=1.8)
    else:
        axes.scatter(result.places[:, 0], result.places[:, 1], s=10, color="#999999", alpha=0.5, linewidth=0)
    _draw_thumbnails(axes, result, data)
    axes.scatter(
        result.place_of_query[:, 0], result.place_of_query[:, 1], s=160, marker="*", color="#ffdd00",
        edgecolor="black", linewidth=1.1, zorder=6, label="the images above",
    )  # fmt: skip
    first, second = (100 * share for share in result.explained)
    axes.set(
        xlabel=f"first principal axis ({first:.0f}% of the variance)",
        ylabel=f"second principal axis ({second:.0f}%)",
        title=f"Map of {len(result.places):,} test images by the last hidden layer (stars: the images above)",
    )


def _draw_thumbnails(axes: "Axes", result: Neighbors, data: ImageData) -> None:
    """Put some images at their places, each at a distance from those before."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    spread = result.places.std(0).clip(1e-9)
    chosen: list[int] = []
    for index in range(len(result.places)):
        gaps = (result.places[chosen] - result.places[index]) / spread
        if len(chosen) < THUMBNAILS and (not chosen or np.hypot(*gaps.T).min() > 0.35):
            chosen.append(index)
    images = data.test.pixels(torch.from_numpy(result.shown[chosen]), THUMBNAIL).permute(0, 2, 3, 1).numpy()
    for index, image in zip(chosen, images, strict=True):
        box = OffsetImage(image, zoom=26 / image.shape[0])
        axes.add_artist(AnnotationBbox(box, tuple(result.places[index]), frameon=False, pad=0))
