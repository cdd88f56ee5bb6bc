"""Softmax: temperature, Jacobian, overflow, and why it belongs into the loss.

A network's last layer gives a score (logit) for each class, any real number. The softmax turns
them into probabilities:

  p_i = exp(x_i / T) / (sum over j of exp(x_j / T))

Only differences of scores matter. The temperature T is 1 in networks; a small T gives almost all
probability to the largest score, and a large T makes the probabilities nearly equal. The order of
the classes never changes.

Every p depends on every x. With (i == j) 1 for equal classes and 0 for others,

  dp_i/dx_j = p_i ((i == j) - p_j) / T         dL/dx = p * (dL/dp - sum of (dL/dp * p)) / T

exp(89) exceeds the largest float32, 3.4e38, so the formula gives inf / inf = nan for a score of
1000. Subtracting the largest score changes no p and prevents that. The loss needs log p, and a p
that has become 0 has the logarithm minus infinity. The cross-entropy therefore takes the scores
and computes x - max - log(sum of exp(x - max)), which is accurate for all scores: the softmax
belongs into the loss, and a network that is trained has none at its end.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.layer_examples._board import Board, write_title
from decanet.convolution.layer_examples._text import beside, generator, integers, number, table
from decanet.convolution.reference import Array, Softmax
from decanet.core.plotting import COLORS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = 4
TEMPERATURES = (0.5, 1.0, 2.0, 5.0)
# Scores whose exponentials overflow, and scores whose smallest probability underflows.
OVERFLOW = np.array([1000, 999, 0], np.float32)
UNDERFLOW = np.array([0, -50, -200], np.float32)


@dataclass(frozen=True)
class Stability:
    """One row of scores in float32, with and without subtraction of the largest score.

    Attributes:
        x: scores, (classes,).
        powers, p, log_p: exp(x), exp(x) / sum and its logarithm, (classes,).
        shifted_powers, shifted_p, log_shifted_p: the same with exp(x - max).
        shifted_log_p: x - max - log(sum of exp(x - max)), which is log p without the detour through p.
        log_sum, shifted_log_sum: log(sum of exp(x)), and max + log(sum of exp(x - max)).
    """

    x: Array
    powers: Array
    p: Array
    log_p: Array
    shifted_powers: Array
    shifted_p: Array
    log_shifted_p: Array
    shifted_log_p: Array
    log_sum: float
    shifted_log_sum: float


@dataclass(frozen=True)
class SoftmaxExample:
    """Four scores, their probabilities and gradients.

    Attributes:
        temperature: T.
        x, powers, p: scores, exp(x / T), probabilities, each (4,).
        jacobian: dp_i/dx_j, (4, 4).
        grad_p, grad_x: dL/dp, which stands for the layer above, and dL/dx, each (4,).
        by_temperature: p by temperature, (4,) each.
        overflow, underflow: what happens in float32.
    """

    temperature: float
    x: Array
    powers: Array
    p: Array
    jacobian: Array
    grad_p: Array
    grad_x: Array
    by_temperature: dict[float, Array]
    overflow: Stability
    underflow: Stability


def compute(*, temperature: float = 1.0, seed: int = 0) -> SoftmaxExample:
    """Compute the example.

    Args:
        temperature: Temperature T, above 0.
        seed: Random seed of the scores.

    Raises:
        UsageError: a setting is out of range.
    """
    layer = Softmax(temperature)
    random = generator(seed)
    x, grad_p = integers(random, 3, CLASSES), integers(random, 5, CLASSES)
    p = layer.forward(x[None])[0]
    grad_x = layer.backward(grad_p[None])[0]
    # Backward maps dL/dp to dL/dx; for dL/dp = 1 in class i alone, dL/dx is the row dp_i/dx.
    jacobian = np.array([layer.backward(row[None])[0] for row in np.eye(CLASSES)])
    with np.errstate(over="ignore"):
        powers = np.exp(x / temperature)
    temperatures = sorted({*TEMPERATURES, temperature})
    return SoftmaxExample(
        temperature=temperature, x=x, powers=powers, p=p, jacobian=jacobian, grad_p=grad_p, grad_x=grad_x,
        by_temperature={t: Softmax(t).forward(x[None])[0] for t in temperatures},
        overflow=_stability(OVERFLOW), underflow=_stability(UNDERFLOW),
    )  # fmt: skip


def _stability(x: Array) -> Stability:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        powers = np.exp(x)
        p = powers / powers.sum()
        log_p, log_sum = np.log(p), np.log(powers.sum())
    shifted = x - x.max()
    shifted_powers = np.exp(shifted)
    shifted_log_sum = np.log(shifted_powers.sum())
    shifted_p = shifted_powers / shifted_powers.sum()
    with np.errstate(divide="ignore"):
        log_shifted_p = np.log(shifted_p)
    return Stability(
        x=x, powers=powers, p=p, log_p=log_p, log_sum=float(log_sum), shifted_powers=shifted_powers,
        shifted_p=shifted_p, log_shifted_p=log_shifted_p, shifted_log_p=shifted - shifted_log_sum,
        shifted_log_sum=float(x.max() + shifted_log_sum),
    )  # fmt: skip


def text(result: SoftmaxExample) -> str:
    """Return all numbers of the example as lines of at most 100 characters."""
    r = result
    head = "exp(x)" if r.temperature == 1 else f"exp(x / {r.temperature:g})"
    rows = [
        [str(i), number(x), f"{e:.4g}", number(p, 4)] for i, (x, e, p) in enumerate(zip(r.x, r.powers, r.p))
    ]
    total = ["sum", "", f"{r.powers.sum():.4g}", number(r.p.sum(), 4)]
    lines = [f"Forward with temperature {r.temperature:g}", ""]
    lines += [*table(["class", "x", head, "p"], [*rows, total]), "", "p by temperature", ""]
    rows = [[f"T = {t:g}", *(number(v, 4) for v in p)] for t, p in r.by_temperature.items()]
    lines += [*table(["", *(f"class {i}" for i in range(CLASSES))], rows), "", "Backward", ""]
    blocks = {"dp_i/dx_j": r.jacobian, "dL/dp": r.grad_p[:, None], "dL/dp * p": (r.grad_p * r.p)[:, None]}
    lines += beside({**blocks, "dL/dx": r.grad_x[:, None]})
    mean = float(r.grad_p @ r.p)
    lines += [
        "",
        f"sum of dL/dp * p = {number(mean, 4)}",
        f"dL/dx0 = {number(r.p[0], 4)} * ({number(r.grad_p[0])} - ({number(mean, 4)})) / {r.temperature:g} = "
        f"{number(r.grad_x[0], 4)}",
        "Each row of the Jacobian, and dL/dx, has the sum 0: adding a number to all scores changes nothing.",
        "", "In float32 the largest number is 3.4e38 = exp(88.7)", "",
    ]  # fmt: skip
    lines += [*_stability_table(r.overflow), "", *_stability_table(r.underflow)]
    return "\n".join(lines)


def _stability_rows(s: Stability) -> list[tuple[str, list[str]]]:
    quantities = [
        ("x", s.x), ("exp(x)", s.powers), ("exp(x) / sum", s.p), ("log of that", s.log_p),
        ("exp(x - max)", s.shifted_powers), ("exp(x - max) / sum", s.shifted_p),
        ("log of that", s.log_shifted_p), ("x - max - log(sum)", s.shifted_log_p),
    ]  # fmt: skip
    return [(name, [f"{v:.4g}" for v in values]) for name, values in quantities]


def _stability_table(s: Stability) -> list[str]:
    rows = [[name, *values] for name, values in _stability_rows(s)]
    width = max(len(value) for _, *values in rows for value in values)
    lines = table(["", *[" " * width] * len(s.x)], rows)[1:]
    return [*lines, f"log(sum of exp(x)) = {s.log_sum:.4g} directly, {s.shifted_log_sum:.7g} with the shift"]


@styled
def draw(result: SoftmaxExample) -> "Figure":
    """Draw probabilities by temperature, the Jacobian with the gradient, and what overflows in float32."""
    r = result
    figure = new_figure(12, 8.4)
    panels: Any = figure.subfigures(2, 1, height_ratios=(1, 1.05))
    above, below = panels
    left, right = above.subplots(1, 2, width_ratios=(1, 1.25))
    _draw_temperatures(left, r)
    board = Board(right, 10.6, 7.6)
    labels = [f"class {i}" for i in range(CLASSES)]
    board.write(0, 0.3, f"Backward at T = {r.temperature:g}", fontsize=11, fontweight="bold", color=COLORS[0])
    board.cells(1.3, 2.3, r.jacobian, "Jacobian dp_i / dx_j", decimals=3, rows=labels, columns=labels)
    board.cells(5.9, 2.3, r.p[:, None], "p", decimals=3)
    board.cells(7.4, 2.3, r.grad_p[:, None], "dL/dp")
    board.cells(8.9, 2.3, r.grad_x[:, None], "dL/dx", decimals=3)
    note = f"dL/dx = p · (dL/dp − Σ dL/dp · p) / T,  Σ dL/dp · p = {number(float(r.grad_p @ r.p), 3)}"
    board.write(1.3, 6.9, note.replace("-", "−"))
    for axes, stability, title in zip(
        below.subplots(1, 2),
        (r.overflow, r.underflow),
        ("Large scores overflow in float32", "Small probabilities underflow in float32"),
    ):
        _draw_stability(axes, stability, title)
    write_title(figure, f"Softmax of {', '.join(number(v) for v in r.x)}".replace("-", "−"))
    return figure


def _draw_temperatures(axes: Any, r: SoftmaxExample) -> None:
    count = len(r.by_temperature)
    for k, (t, p) in enumerate(r.by_temperature.items()):
        places = np.arange(CLASSES) + 0.8 * (k - (count - 1) / 2) / count
        bars = axes.bar(places, p, 0.74 / count, color=COLORS[k], label=f"T = {t:g}")
        axes.bar_label(bars, [f"{v:.2f}" for v in p], fontsize=7.5, padding=1)
    axes.set(title="Probabilities by temperature", ylabel="p", ylim=(0, 1.08))
    axes.set_xticks(
        range(CLASSES), [f"class {i}\nx = {number(v)}".replace("-", "−") for i, v in enumerate(r.x)]
    )
    axes.grid(visible=False, axis="x")
    axes.legend(loc="best")


def _draw_stability(axes: Any, s: Stability, title: str) -> None:
    rows = _stability_rows(s)
    board = Board(axes, 8.4, 11)
    board.write(0, 0.4, title, fontsize=11, fontweight="bold", color=COLORS[0])
    for k, (name, values) in enumerate(rows):
        y = 1.7 + 0.95 * k + (0.5 if k > 3 else 0) + (0.5 if k > 6 else 0)
        board.write(3.6, y, name.replace("-", "−"), ha="right", fontweight="bold" if k == 7 else "normal")
        for j, value in enumerate(values):
            lost = value in ("inf", "-inf", "nan")
            style = {
                "color": COLORS[1] if lost else "black",
                "fontweight": "bold" if lost or k == 7 else "normal",
            }
            board.write(5.0 + 1.6 * j, y, value.replace("-", "−"), ha="right", **style)
    sums = f"log Σ exp(x): {s.log_sum:.4g} directly, {s.shifted_log_sum:.7g} with the shift"
    board.write(0.2, 10.4, sums, fontweight="bold")
