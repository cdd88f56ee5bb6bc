"""Batch normalization: in training, in evaluation, and its gradient.

For each channel, over all N * H * W = m values of the batch (S. Ioffe, C. Szegedy,
arXiv:1502.03167, algorithm 1):

  mean = sum of x / m         var = sum of (x - mean)^2 / m
  z = (x - mean) / sqrt(var + eps)         y = weight * z + bias

In training, the running averages move a fraction (momentum, 0.1) toward the statistics of the
batch, with the variance divided by m - 1 instead of m. In evaluation they replace the statistics
of the batch, so that an image's output does not depend on the other images of its batch. After a
few batches they are not yet reliable, as the example shows.

In training the mean and the variance depend on every x, and the gradient has three terms:

  dL/dx = weight / sqrt(var + eps) * (dL/dy - mean of dL/dy - z * mean of (dL/dy * z))

So dL/dx has the sum 0, and no component along z: y does not change when all x are shifted or
scaled.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decanet.convolution.layer_examples._board import BLUE, new_board
from decanet.convolution.layer_examples._text import beside, generator, integers, number, table
from decanet.convolution.reference import Array, BatchNorm
from decanet.core.plotting import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEVIATIONS = (3, -3, 2, 2, -2, -1, -1, 0)  # sum 0, mean square 4: the standard deviation is 2
BATCHES = (1, 10, 50)  # after which the layer evaluates


@dataclass(frozen=True)
class BatchNormExample:
    """A batch of two images with two channels of 2 x 2 pixels: all arrays are (2, 2, 2, 2) or by channel, (2,).

    Attributes:
        x, z, y: input, normalized input, output in training.
        weight, bias: of each channel.
        mean, var, eps: statistics of the batch, and the constant added to the variance.
        running_mean, running_var: after the batches of ``BATCHES``, all with these statistics, (3, 2) each.
        evaluated: outputs in evaluation after so many batches, (3, 2, 2, 2, 2).
        grad_y, grad_x, grad_weight, grad_bias: dL/dy, and the gradients in training.
        grad_x_evaluated: dL/dx in evaluation after the last batch, where the statistics are constants.
    """

    x: Array
    z: Array
    y: Array
    weight: Array
    bias: Array
    mean: Array
    var: Array
    eps: float
    running_mean: Array
    running_var: Array
    evaluated: Array
    grad_y: Array
    grad_x: Array
    grad_weight: Array
    grad_bias: Array
    grad_x_evaluated: Array


def compute(*, seed: int = 0) -> BatchNormExample:
    """Compute the example.

    Args:
        seed: Random seed of the integers.

    Raises:
        UsageError: the seed is negative.
    """
    random = generator(seed)
    deviations = np.array([random.permutation(DEVIATIONS) for _ in range(2)], float)  # (C, m)
    means, scales = integers(random, 5, 2), np.array([1.0, 2.0])
    x = _images(means[:, None] + scales[:, None] * deviations)
    weight, bias = np.array([2.0, 1.0]), integers(random, 3, 2)
    grad_y = integers(random, 4, 2, 2, 2, 2)
    layer = BatchNorm(weight, bias)
    running, evaluated = [], []
    for count in range(1, BATCHES[-1] + 1):
        layer.training = True
        y = layer.forward(x)
        if count in BATCHES:
            layer.training = False
            running.append((layer.running_mean.copy(), layer.running_var.copy()))
            evaluated.append(layer.forward(x))
    grad_x_evaluated = layer.backward(grad_y)
    layer.training = True
    y = layer.forward(x)
    grad_x = layer.backward(grad_y)
    return BatchNormExample(
        x=x, z=layer.z, y=y, weight=weight, bias=bias, mean=x.mean((0, 2, 3)), var=x.var((0, 2, 3)), eps=layer.eps,
        running_mean=np.array([mean for mean, _ in running]), running_var=np.array([var for _, var in running]),
        evaluated=np.array(evaluated), grad_y=grad_y, grad_x=grad_x, grad_weight=layer.grads["weight"],
        grad_bias=layer.grads["bias"], grad_x_evaluated=grad_x_evaluated,
    )  # fmt: skip


def _images(values: Array) -> Array:
    """(C, N*H*W) -> (N, C, H, W) with two images of 2 x 2 pixels."""
    return values.reshape(2, 2, 2, 2).transpose(1, 0, 2, 3)


def _flat(images: Array, channel: int) -> Array:
    """Return the values of one channel in all images, (N*H*W,)."""
    return images[:, channel].ravel()


def text(result: BatchNormExample) -> str:
    """Return all numbers of the example as lines of at most 100 characters."""
    r = result
    lines = ["x: 2 images, 2 channels, 2 x 2 pixels; each channel has m = 2 * 2 * 2 = 8 values", ""]
    blocks = {f"image {n}, channel {c}": r.x[n, c] for n in range(2) for c in range(2)}
    lines += beside(blocks)
    for c in range(2):
        lines += ["", f"Channel {c}: weight {number(r.weight[c])}, bias {number(r.bias[c])}", ""]
        x, z = _flat(r.x, c), _flat(r.z, c)
        rows = {"x": (x, 0), "x - mean": (x - r.mean[c], 0), "z": (z, 3), "y in training": (_flat(r.y, c), 3)}
        rows |= {
            f"y in evaluation after {_batches(count)}": (_flat(y, c), 3)
            for count, y in zip(BATCHES, r.evaluated)
        }
        rows |= {
            "dL/dy": (_flat(r.grad_y, c), 0), "dL/dy * z": (_flat(r.grad_y, c) * z, 3),
            "dL/dx in training": (_flat(r.grad_x, c), 3), "dL/dx in evaluation": (_flat(r.grad_x_evaluated, c), 3),
        }  # fmt: skip
        body = [[name, *(number(v, decimals) for v in values)] for name, (values, decimals) in rows.items()]
        lines += table(
            ["", *(f"n{n} {i}{j}" for n in range(2) for i in range(2) for j in range(2))], body, gap=2
        )
        squares = number(float(((x - r.mean[c]) ** 2).sum()))
        lines += [
            "",
            f"mean = {number(x.sum())} / 8 = {number(r.mean[c])}    var = {squares} / 8 = {number(r.var[c])}",
            f"dL/dbias = sum of dL/dy = {number(r.grad_bias[c])}",
            f"dL/dweight = sum of dL/dy * z = {number(r.grad_weight[c], 3)}",
            f"dL/dx = {number(r.weight[c])} / sqrt({number(r.var[c])} + {r.eps:g}) * (dL/dy - "
            f"({number(r.grad_bias[c] / 8, 3)}) - z * ({number(r.grad_weight[c] / 8, 3)}))",
        ]
    lines += [
        "",
        "Running averages, from mean 0 and variance 1; the variance of the batch is divided by 7",
        "",
    ]
    averages = [
        [f"after {_batches(count)} of these statistics", *(number(v, 3) for pair in zip(m, v) for v in pair)]
        for count, m, v in zip(BATCHES, r.running_mean, r.running_var)
    ]
    averages.append(
        ["statistics of the batch", *(number(v, 3) for pair in zip(r.mean, r.var * 8 / 7) for v in pair)]
    )
    return "\n".join([*lines, *table(["", "mean, channel 0", "var", "mean, channel 1", "var"], averages)])


@styled
def draw(result: BatchNormExample) -> "Figure":
    """Draw the values of each channel from x to y and back, and the outputs in evaluation, one row each."""
    r = result
    height, left = 13.8, 3.3
    figure, board = new_board(
        13.6, 2 * height, "Batch normalization: statistics over N, H and W of each channel"
    )
    for c in range(2):
        start = c * height
        numbers = (f"{v:g}".replace("-", "−") for v in (r.mean[c], r.var[c], r.weight[c], r.bias[c]))
        head = "channel {}: mean {}, variance {}, weight {}, bias {}".format(c, *numbers)
        board.write(0, start + 0.5, head, fontsize=11, color=BLUE, fontweight="bold")
        for k, (n, i, j) in enumerate(np.ndindex(2, 2, 2)):
            place = f"image {n}\npixel {i}, {j}"
            board.write(left + k + 0.5, start + 1.4, place, ha="center", fontsize=8, color="#555555")
        rows = [
            ("x", "", r.x, 0, "x"),
            ("z", "(x − mean) / √(var + eps)", r.z, 2, "z"),
            ("y, training", "weight · z + bias", r.y, 2, "y"),
            *(("y, evaluation", f"after {_batches(k)}", y, 2, "y") for k, y in zip(BATCHES, r.evaluated)),
            ("dL/dy", "from the layer above", r.grad_y, 0, "dL/dy"),
            ("dL/dx, training", "three terms", r.grad_x, 3, "dL/dx"),
            ("dL/dx, evaluation", "statistics are constants", r.grad_x_evaluated, 3, "dL/dx"),
        ]
        for k, (name, formula, images, decimals, scale) in enumerate(rows):
            limit = max(float(abs(row[2][:, c]).max()) for row in rows if row[4] == scale)
            top = start + 2.1 + 1.25 * k
            board.cells(left, top, _flat(images, c), "", decimals=decimals, limit=limit)
            board.write(left - 0.2, top + 0.5, name, ha="right", fontweight="bold")
            board.write(left + 8.2, top + 0.5, formula, fontsize=9, color="#555555")
    return figure


def _batches(count: int) -> str:
    return "1 batch" if count == 1 else f"{count} batches"
