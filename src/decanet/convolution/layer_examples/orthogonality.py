"""Near-orthogonality of random vectors, and why it is no reason for pooling.

Two independent random vectors with mean 0 have a cosine near 0 in many dimensions d: its mean is
0, its standard deviation is 1 / sqrt(d), and the mean of its magnitude is

  Gamma(d / 2) / (sqrt(pi) Gamma((d + 1) / 2)), close to sqrt(2 / (pi d))

for normally distributed entries. A tutorial's remark, "high-dimensional vectors are nearly
orthogonal, so pool", does not follow. First, vectors after a ReLU have no negative entries: the
cosine of two rectified normal vectors tends to 1 / pi = 0.318 and not to 0, because their means
are not 0. Second, sparse or nearly orthogonal feature maps would be no reason for pooling.
Pooling makes the output less sensitive to small translations, and divides the size of the feature
maps, and thereby the cost of later layers; networks without pooling do the latter with a stride.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.layer_examples._board import write_title
from decanet.convolution.layer_examples._text import generator, table
from decanet.convolution.reference import Array, ReLU
from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, LINES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIMENSIONS = tuple(2**k for k in range(1, 13))  # 2 to 4096
SHOWN = (2, 16, 128, 1024)  # dimensions whose distribution is drawn
AFTER_RELU = 1 / math.pi  # limit of the cosine: (E relu)^2 / E relu^2 = (1 / (2 pi)) / (1 / 2)


@dataclass(frozen=True)
class Orthogonality:
    """Cosines of pairs of random vectors by dimension.

    Attributes:
        pairs: pairs of vectors for each dimension.
        dimensions: 2, 4, ... 4096, (12,).
        mean_magnitude, standard_error: mean of |cosine| and its standard error, (12,).
        exact, approximate: the two formulas, (12,).
        after_relu: mean cosine of the same vectors after a ReLU, (12,).
        cosines: by dimension, (pairs,) each.
    """

    pairs: int
    dimensions: Array
    mean_magnitude: Array
    standard_error: Array
    exact: Array
    approximate: Array
    after_relu: Array
    cosines: dict[int, Array]


def compute(*, pairs: int = 1000, seed: int = 0) -> Orthogonality:
    """Measure the cosines.

    Args:
        pairs: Pairs of vectors for each dimension, 2 to 100,000.
        seed: Random seed of the vectors.

    Raises:
        UsageError: a setting is out of range.
    """
    if not 2 <= pairs <= 100_000:
        raise UsageError(f"the measurement takes 2 to 100,000 pairs, got {pairs:,}")
    random = generator(seed)
    cosines, after_relu = {}, []
    for d in DIMENSIONS:
        parts = [
            (_cosine(a, b), _cosine(ReLU().forward(a), ReLU().forward(b)))
            for a, b in _vectors(random, pairs, d)
        ]
        cosines[d] = np.concatenate([plain for plain, _ in parts])
        after_relu.append(np.nanmean(np.concatenate([rectified for _, rectified in parts])))
    dimensions = np.array(DIMENSIONS)
    magnitudes = [abs(values) for values in cosines.values()]
    return Orthogonality(
        pairs=pairs, dimensions=dimensions,
        mean_magnitude=np.array([m.mean() for m in magnitudes]),
        standard_error=np.array([m.std(ddof=1) for m in magnitudes]) / math.sqrt(pairs),
        exact=np.array([_expected(d) for d in DIMENSIONS]),
        approximate=np.sqrt(2 / (np.pi * dimensions)), after_relu=np.array(after_relu), cosines=cosines,
    )  # fmt: skip


def _vectors(random: np.random.Generator, pairs: int, d: int, most: int = 1 << 20) -> Any:
    """Yield pairs of normal arrays (n, d), n in all ``pairs``, each of at most ``most`` numbers."""
    chunk = max(1, most // d)
    for first in range(0, pairs, chunk):
        count = min(chunk, pairs - first)
        yield random.standard_normal((count, d)), random.standard_normal((count, d))


def _cosine(a: Array, b: Array) -> Array:
    """Return the cosine of each pair of rows, (n,); NaN where a row is 0."""
    with np.errstate(invalid="ignore"):
        return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


def _expected(d: int) -> float:
    return math.exp(math.lgamma(d / 2) - math.lgamma((d + 1) / 2)) / math.sqrt(math.pi)


def text(result: Orthogonality) -> str:
    """Return the measured and the expected cosines as a table."""
    r = result
    header = [
        "dimensions d",
        "mean |cosine|",
        "standard error",
        "exact",
        "sqrt(2 / (pi d))",
        "mean after ReLU",
    ]
    numbers = zip(r.mean_magnitude, r.standard_error, r.exact, r.approximate, r.after_relu)
    rows = [[f"{d:,}", *(f"{v:.4f}" for v in values)] for d, values in zip(r.dimensions, numbers)]
    lines = [f"{r.pairs:,} pairs of vectors with normally distributed entries for each dimension", ""]
    lines += [*table(header, rows), ""]
    lines += [f"After a ReLU the mean cosine tends to 1 / pi = {AFTER_RELU:.4f}, not to 0."]
    return "\n".join(lines)


@styled
def draw(result: Orthogonality) -> "Figure":
    """Draw the mean magnitude of the cosine by dimension, and the distribution of the cosine."""
    r = result
    figure = new_figure(12, 4.8)
    left, right = figure.subplots(1, 2)
    left.plot(r.dimensions, r.approximate, LINES[0], color="#999999", linewidth=1.2, label="√(2 / (π d))")
    left.errorbar(
        r.dimensions, r.mean_magnitude, yerr=2 * r.standard_error, fmt="o", color=COLORS[0], markersize=5, capsize=3,
        label="mean |cosine|, measured",
    )  # fmt: skip
    left.plot(
        r.dimensions,
        r.after_relu,
        "s--",
        color=COLORS[1],
        markersize=4,
        label="mean cosine after ReLU, measured",
    )
    left.axhline(AFTER_RELU, color=COLORS[1], linewidth=1, linestyle=":")
    left.annotate("1/π", (2, AFTER_RELU), (0, 3), textcoords="offset points", color=COLORS[1])
    left.set(
        title="Random vectors become orthogonal, rectified ones do not", xlabel="dimensions d",
        ylabel="cosine (log scale)",
        xscale="log", yscale="log",
    )  # fmt: skip
    ticks = [d for d in DIMENSIONS if math.log2(d) % 2]
    left.set_xticks(ticks, [f"{d:,}" for d in ticks])
    left.set_xticks([], minor=True)
    left.set_yticks([0.01, 0.03, 0.1, 0.3, 1], ["0.01", "0.03", "0.1", "0.3", "1"])
    left.set_yticks([], minor=True)
    left.legend(loc="lower left")
    edges = np.linspace(-1, 1, 61)
    for k, d in enumerate(SHOWN):
        fractions = np.histogram(r.cosines[d], edges)[0] / r.pairs
        right.stairs(
            100 * fractions, edges, color=COLORS[k], linestyle=LINES[k], linewidth=1.6, label=f"d = {d:,}"
        )
    right.set(
        title="Cosine of two random vectors", xlabel="cosine", ylabel="pairs (%)", xlim=(-1, 1),
    )  # fmt: skip
    right.legend(loc="upper left")
    write_title(figure, "Near-orthogonality in many dimensions, and why it is no reason for pooling")
    return figure
