"""Convolution of two short signals: the flipped kernel slides over the samples, and products are added.

With samples instead of a continuous time the integral of a convolution is a sum:

  y[n] = f[0] g[n] + f[1] g[n - 1] + ... + f[n] g[0]

The kernel appears flipped: its first sample meets the newest sample of the signal, its later ones meet older samples.
It is causal, so no output depends on a sample that comes later. Cross-correlation, which CNN libraries compute, does
not flip the kernel.

As a function of a continuous time, an echo that is 1 at 0 and 1/2 at a delay and 0 elsewhere would have the integral 0,
and so would every convolution with it: impulses are meant, whose integral is their weight. With samples an impulse
is simply a single number.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decanet.convolution.layer_examples._board import BLUE, GREEN, new_board
from decanet.convolution.layer_examples._text import beside, generator, integers, number
from decanet.convolution.reference import Array
from decanet.core.errors import UsageError
from decanet.core.plotting import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SlidingSumExample:
    """A signal of n samples and a kernel of k samples.

    Attributes:
        f, g: signal (n,) and kernel (k,); small integers.
        y: convolution, (n + k - 1,).
        correlation: the same without the flip, (n + k - 1,).
        products: f[m] * g[i - m] of each output i, (n + k - 1, n); 0 where the kernel does not reach.
    """

    f: Array
    g: Array
    y: Array
    correlation: Array
    products: Array


def compute(*, samples: int = 5, kernel: int = 3, seed: int = 0) -> SlidingSumExample:
    """Compute the example.

    Args:
        samples: Samples of the signal, 1 to 8.
        kernel: Samples of the kernel, 1 to 5.
        seed: Random seed of the integers.

    Raises:
        UsageError: a setting is out of range.
    """
    if not (1 <= samples <= 8 and 1 <= kernel <= 5):
        raise UsageError(f"the example has 1 to 8 samples and a kernel of 1 to 5, got {samples} and {kernel}")
    random = generator(seed)
    f, g = integers(random, 4, samples), integers(random, 2, kernel)
    products = np.zeros((samples + kernel - 1, samples))
    for i, m in np.ndindex(products.shape):
        if 0 <= i - m < kernel:
            products[i, m] = f[m] * g[i - m]
    correlation = np.zeros(samples + kernel - 1)
    for i, m in np.ndindex(products.shape):
        if 0 <= i - m < kernel:
            correlation[i] += f[m] * g[::-1][i - m]
    return SlidingSumExample(f, g, products.sum(axis=1), correlation, products)


def text(result: SlidingSumExample) -> str:
    """Return the sum of every output as lines."""
    r = result
    lines = [*beside({"f": r.f, "g": r.g, "g flipped": r.g[::-1]}), ""]
    for n in range(len(r.y)):
        pairs = [(m, n - m) for m in range(len(r.f)) if 0 <= n - m < len(r.g)]
        names = " + ".join(f"f[{m}] g[{i}]" for m, i in pairs)
        terms = " + ".join(f"{_signed(r.f[m])}*{_signed(r.g[i])}" for m, i in pairs)
        lines.append(f"y[{n}] = {names}: {terms} = {number(float(r.y[n]))}")
    return "\n".join([*lines, "", *beside({"convolution": r.y, "cross-correlation": r.correlation})])


def _signed(value: float) -> str:
    return f"({number(float(value))})" if value < 0 else number(float(value))


@styled
def draw(result: SlidingSumExample) -> "Figure":
    """Draw the signal, and for each output the flipped kernel below the samples that it meets."""
    r = result
    samples, kernel, outputs = len(r.f), len(r.g), len(r.y)
    before = kernel - 1
    width = before + samples + before + 4.6
    figure, board = new_board(
        width, 3.6 + 1.5 * outputs, "Discrete convolution: the flipped kernel slides over the signal"
    )
    left = 1.6 + before
    board.cells(left, 1.4, r.f, "signal f")
    for n in range(outputs):
        top = 3.6 + 1.5 * n
        start = left + n - before
        met = np.array([[0 <= n - before + k < samples for k in range(kernel)]])
        board.write(0, top + 0.5, f"n = {n}", fontsize=10, color=BLUE, fontweight="bold")
        board.cells(start, top, r.g[::-1], "g flipped" if n == 0 else "", bold=met, color=GREEN)
        terms = [number(float(p)) for m, p in enumerate(r.products[n]) if 0 <= n - m < kernel]
        shown = " + ".join(t if float(t) >= 0 else f"({t})" for t in terms).replace("-", "\N{MINUS SIGN}")
        total = number(float(r.y[n])).replace("-", "\N{MINUS SIGN}")
        board.write(left + samples + before + 0.3, top + 0.5, f"y[{n}] = {shown} = {total}", fontsize=10)
    return figure
