"""Cross-entropy: the loss, its gradient p - y, and the softmax applied twice.

For one sample with scores x and the true class c the loss is -log p_c, where p is the softmax of
x; for a batch it is the mean. A network that gives every one of K classes the same probability
has the loss log K.

With y = 1 for the true class and 0 for others, the gradient is the difference between the
probabilities and the targets:

  dL/dx = (p - y) / N

It has the sum 0 for every sample, and vanishes where the prediction is right with full
confidence. PyTorch's CrossEntropyLoss takes scores and contains the softmax. With a softmax at
the network's end it is applied twice: the scores then lie between 0 and 1, no probability can
exceed e / (e + K - 1), and the loss cannot fall below

  log(1 + (K - 1) / e)

The network still trains, which hides the fault; but the loss stays high, and the gradient is
small.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.layer_examples._board import BLUE, Board, write_title
from decanet.convolution.layer_examples._text import generator, integers, number, table
from decanet.convolution.reference import Array, Softmax, SoftmaxCrossEntropy
from decanet.core.plotting import COLORS, LINES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES, CLASSES = 3, 3
CLASS_COUNTS = (2, 3, 10, 100, 1000)
MARGINS = np.linspace(0, 20, 81)  # score of the true class minus that of the others


@dataclass(frozen=True)
class CrossEntropyExample:
    """Three samples of three classes.

    Attributes:
        x, labels: scores (3, 3) and true classes (3,), which have the highest, the second and the lowest score.
        p, losses, loss: probabilities (3, 3), -log p of the true class (3,), and their mean.
        grad_x: dL/dx = (p - y) / 3, (3, 3).
        numeric_x: dL/dx by central finite differences of the loss, (3, 3).
        twice_p, twice_losses, twice_loss, twice_grad_x: the same if p is taken for scores, so that the softmax is
            applied twice.
        floors: the lowest loss with two softmaxes by the number of classes.
        margins: how far the score of the true class lies above all others, (81,).
        once_by_margin, twice_by_margin: the loss of ten classes at each margin, (81,).
    """

    x: Array
    labels: Array
    p: Array
    losses: Array
    loss: float
    grad_x: Array
    numeric_x: Array
    twice_p: Array
    twice_losses: Array
    twice_loss: float
    twice_grad_x: Array
    floors: dict[int, float]
    margins: Array
    once_by_margin: Array
    twice_by_margin: Array


def compute(*, seed: int = 0) -> CrossEntropyExample:
    """Compute the example.

    Args:
        seed: Random seed of the scores.

    Raises:
        UsageError: the seed is negative.
    """
    random = generator(seed)
    x = np.array([integers(random, 3, CLASSES) for _ in range(SAMPLES)])
    order = x.argsort(axis=1)
    labels = order[
        range(SAMPLES), range(CLASSES - 1, -1, -1)
    ]  # of the highest, the second and the lowest score
    loss, softmax, twice = SoftmaxCrossEntropy(), Softmax(), SoftmaxCrossEntropy()
    value = loss.forward(x, labels)
    twice_value = twice.forward(softmax.forward(x), labels)
    chosen = np.arange(SAMPLES), labels
    scores = np.zeros((len(MARGINS), 10))
    scores[:, 0] = MARGINS
    return CrossEntropyExample(
        x=x, labels=labels, p=loss.p, losses=-np.log(loss.p[chosen]), loss=value, grad_x=loss.backward(),
        numeric_x=_differences(x, labels), twice_p=twice.p, twice_losses=-np.log(twice.p[chosen]),
        twice_loss=twice_value, twice_grad_x=softmax.backward(twice.backward()),
        floors={k: _first_class_losses(np.eye(1, k))[0] for k in CLASS_COUNTS}, margins=MARGINS,
        once_by_margin=_first_class_losses(scores),
        twice_by_margin=_first_class_losses(Softmax().forward(scores)),
    )  # fmt: skip


def _first_class_losses(scores: Array) -> Array:
    """Return the cross-entropy of every row of scores (N, classes) whose true class is 0, (N,)."""
    return np.array([SoftmaxCrossEntropy().forward(row[None], np.array([0])) for row in scores])


def _differences(x: Array, labels: Array, step: float = 1e-4) -> Array:
    found = np.empty_like(x)
    for place in np.ndindex(x.shape):
        change = np.zeros_like(x)
        change[place] = step
        above, below = (SoftmaxCrossEntropy().forward(v, labels) for v in (x + change, x - change))
        found[place] = (above - below) / (2 * step)
    return found


def text(result: CrossEntropyExample) -> str:
    """Return all numbers of the example as lines of at most 100 characters."""
    r = result
    classes = range(CLASSES)
    header = ["", *(f"x{k}" for k in classes), *(f"p{k}" for k in classes), "true class", "-log p"]
    rows = [
        [f"sample {n}", *map(number, r.x[n]), *(number(v, 4) for v in r.p[n]), str(r.labels[n]), number(r.losses[n], 4)]
        for n in range(SAMPLES)
    ]  # fmt: skip
    mean = " + ".join(number(v, 4) for v in r.losses)
    lines = ["Forward", "", *table(header, rows), "", f"L = ({mean}) / {SAMPLES} = {number(r.loss, 4)}"]
    lines += [f"With equal probabilities it would be log {CLASSES} = {number(float(np.log(CLASSES)), 4)}."]
    lines += ["", f"Backward: dL/dx = (p - y) / {SAMPLES}", ""]
    header = ["", *(f"p{k} - y{k}" for k in classes), *(f"dL/dx{k}" for k in classes), "sum"]
    rows = [
        [
            f"sample {n}",
            *(number(v, 4) for v in SAMPLES * grad),
            *(number(v, 4) for v in grad),
            number(grad.sum(), 4),
        ]
        for n, grad in enumerate(r.grad_x)
    ]
    worst = float(abs(r.numeric_x - r.grad_x).max())
    lines += [*table(header, rows), "", f"finite differences of L agree within {worst:.1e}", ""]
    lines += ["The fault: the softmax applied twice", ""]
    header = ["", *(f"p{k}" for k in classes), "true class", "-log p", *(f"dL/dx{k}" for k in classes)]
    rows = [
        [f"sample {n}", *(number(v, 4) for v in r.twice_p[n]), str(r.labels[n]), number(r.twice_losses[n], 4),
         *(number(v, 4) for v in r.twice_grad_x[n])]
        for n in range(SAMPLES)
    ]  # fmt: skip
    lines += [*table(header, rows), ""]
    lines += [
        f"L = {number(r.twice_loss, 4)}, and the largest gradient is {number(_ratio(r), 3)} times as large.",
        "",
    ]
    rows = [[str(k), number(floor, 4), number(float(np.log(k)), 4)] for k, floor in r.floors.items()]
    lines += table(
        ["classes K", "lowest loss log(1 + (K - 1) / e)", "loss of equal probabilities log K"], rows
    )
    return "\n".join(lines)


def _ratio(r: CrossEntropyExample) -> float:
    return float(abs(r.twice_grad_x).max() / abs(r.grad_x).max())


@styled
def draw(result: CrossEntropyExample) -> "Figure":
    """Draw scores, probabilities, loss and gradient, with one softmax and with two, and the loss by margin."""
    r = result
    figure = new_figure(12, 7.6)
    panels: Any = figure.subfigures(2, 1, height_ratios=(1, 0.92))
    above, below = panels
    board = Board(above.subplots(), 18.4, 11.2)
    labels = [f"class {k}" for k in range(CLASSES)]
    true = np.eye(CLASSES, dtype=bool)[r.labels]
    samples = [f"sample {n}" for n in range(SAMPLES)]
    for top, p, losses, grad, words in (
        (1.6, r.p, r.losses, r.grad_x, f"one softmax, in the loss: L = {r.loss:.4f}"),
        (
            7.2,
            r.twice_p,
            r.twice_losses,
            r.twice_grad_x,
            f"the softmax applied twice: L = {r.twice_loss:.4f}",
        ),
    ):
        board.write(0, top - 1.55, words, fontsize=11, fontweight="bold", color=BLUE)
        scores, title = (r.x, "scores x") if p is r.p else (r.p, "p taken for scores")
        decimals = None if p is r.p else 3
        board.cells(1.6, top + 0.4, scores, title, rows=samples, columns=labels, bold=true, decimals=decimals)
        board.cells(5.7, top + 0.4, p, "probabilities p", columns=labels, bold=true, decimals=3)
        board.cells(9.8, top + 0.4, losses[:, None], "−log p", decimals=3)
        limit = float(abs(r.grad_x).max())
        title = "dL/dx = (p − y) / 3" if p is r.p else "dL/dx through both softmaxes"
        board.cells(11.9, top + 0.4, grad, title, columns=labels, bold=true, decimals=3, limit=limit)
    board.write(15.3, 2.5, "bold border: true class", fontsize=9, color="#555555")
    axes: Any = below.subplots(1, 2)
    _draw_margins(axes[0], r)
    _draw_floors(axes[1], r)
    write_title(figure, "Cross-entropy: loss and gradient of three samples")
    return figure


def _draw_margins(axes: Any, r: CrossEntropyExample) -> None:
    axes.plot(r.margins, r.once_by_margin, LINES[0], color=COLORS[0], label="one softmax")
    axes.plot(r.margins, r.twice_by_margin, LINES[1], color=COLORS[1], label="softmax applied twice")
    floor = r.floors[10]
    axes.axhline(floor, color="#777777", linewidth=1, linestyle=":")
    axes.annotate(f"log(1 + 9/e) = {floor:.3f}", (20, floor), (0, 4), textcoords="offset points", ha="right")
    axes.set(
        title="With two softmaxes a perfect prediction has a high loss",
        xlabel="score of the true class minus that of the others",
        ylabel="loss, 10 classes", ylim=(0, 2.5),
    )  # fmt: skip
    axes.legend(loc="upper right")


def _draw_floors(axes: Any, r: CrossEntropyExample) -> None:
    places = np.arange(len(r.floors))
    chance, floors = np.log(list(r.floors)), np.array(list(r.floors.values()))
    for shift, values, label, color in (
        (-0.2, chance, "equal probabilities: log K", "#bbbbbb"),
        (0.2, floors, "lowest loss with two softmaxes", COLORS[1]),
    ):
        bars = axes.bar(places + shift, values, 0.38, color=color, label=label)
        axes.bar_label(bars, [f"{v:.3f}" for v in values], fontsize=8, padding=1)
    axes.set_xticks(places, [f"{k:,}" for k in r.floors])
    axes.set(title="Lowest loss by number of classes", xlabel="number of classes K", ylabel="loss")
    axes.grid(visible=False, axis="x")
    axes.margins(y=0.1)
    axes.legend(loc="upper left")
