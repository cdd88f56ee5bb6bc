"""In-place ReLU: the memory saved in AlexNet, and when autograd refuses.

ReLU(inplace=True) writes y over x, so no second array is needed. Training still works: the
backward pass of a ReLU needs only where y is positive, and PyTorch keeps y for it, not x. So the
arrays that are kept for the backward pass are the same in both cases. What is saved is the array
of x, which otherwise lives until y is computed: each of them need not be allocated and written,
and the peak of memory falls by at most the largest.

Overwriting x is a fault wherever x is still needed:

  - an operation before the ReLU kept its output for its gradient, as a sigmoid does: autograd
    notices it in the backward pass;
  - x is a leaf that requires a gradient, such as a weight: autograd refuses at once;
  - x is used again, for instance by a shortcut around the ReLU: autograd notices nothing, and the
    result is wrong.
"""

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.arithmetic import Window, output_size
from decanet.convolution.layer_examples._board import BLUE, GREEN, ORANGE, write_title
from decanet.convolution.layer_examples._text import generator, table
from decanet.core.errors import UsageError
from decanet.core.plotting import literal, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IMAGE_SIZE = 224
POOL = Window.pooling(3, 2)
# The layers with a ReLU of AlexNet with one tower (A. Krizhevsky, arXiv:1404.5997, and torchvision): the convolution's
# channels and window, and whether pooling follows; then the units of the fully connected layers.
CONVOLUTIONS = (
    (64, Window(11, 4, 2), True), (192, Window(5, 1, 2), True), (384, Window(3, 1, 1), False),
    (256, Window(3, 1, 1), False), (256, Window(3, 1, 1), True),
)  # fmt: skip
UNITS = (4096, 4096)
BYTES = 4  # of a float32
Pair = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """Small program with an in-place ReLU, run by PyTorch.

    Attributes:
        title, code: what it shows, and its lines.
        outcome: PyTorch's error message, or the result.
        verdict: ``"works"``, ``"refused"`` or ``"wrong"``.
    """

    title: str
    code: str
    outcome: str
    verdict: str


@dataclass(frozen=True)
class InPlaceRelu:
    """Memory and demonstrations.

    Attributes:
        batch: images in a batch.
        x: a negative and a positive number, the input of the demonstrations.
        shapes: output of each ReLU for one image, by the name of its layer.
        saved_bytes: by layer, the array that an in-place ReLU does not allocate.
        kept_bytes: what autograd keeps for the backward pass of convolution, ReLU, convolution, ReLU on a small image:
            without and with in-place ReLUs; measured.
        cases: the demonstrations.
    """

    batch: int
    x: Pair
    shapes: dict[str, tuple[int, ...]]
    saved_bytes: dict[str, int]
    kept_bytes: tuple[int, int]
    cases: tuple[Case, ...]

    @property
    def total_bytes(self) -> int:
        """All arrays that are not allocated."""
        return sum(self.saved_bytes.values())

    @property
    def largest_bytes(self) -> int:
        """The largest of them, by which the peak of memory can fall."""
        return max(self.saved_bytes.values())


def compute(*, batch: int = 128, seed: int = 0) -> InPlaceRelu:
    """Compute the memory for AlexNet, and run the demonstrations.

    Args:
        batch: Images in a batch; AlexNet was trained with 128.
        seed: Random seed of the input of the demonstrations.

    Raises:
        UsageError: the batch is below 1, or the seed is negative.
    """
    if batch < 1:
        raise UsageError(f"a batch has at least 1 image, got {batch}")
    shapes: dict[str, tuple[int, ...]] = {}
    size = IMAGE_SIZE
    for number, (channels, window, pooled) in enumerate(CONVOLUTIONS, start=1):
        size = output_size(size, window)
        shapes[f"conv{number}"] = (channels, size, size)
        size = output_size(size, POOL) if pooled else size
    shapes |= {f"fc{number}": (units,) for number, units in enumerate(UNITS, start=len(CONVOLUTIONS) + 1)}
    saved = {name: BYTES * batch * math.prod(shape) for name, shape in shapes.items()}
    low, high = (float(v) for v in generator(seed).integers(1, 5, 2))
    x = (-low, high)
    cases = (_chain(x), _sigmoid(x), _leaf(x), _shortcut(x))
    return InPlaceRelu(batch, x, shapes, saved, (_kept_bytes(False), _kept_bytes(True)), cases)


def _kept_bytes(in_place: bool) -> int:
    """Return the bytes of all arrays that autograd keeps for a small network, each counted once."""
    import torch
    from torch.nn import functional as F

    kept = {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    weights = [torch.ones(8, channels, 3, 3, requires_grad=True) for channels in (3, 8)]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        x = torch.ones(1, 3, 16, 16)
        for weight in weights:
            x = F.relu(F.conv2d(x, weight, padding=1), inplace=in_place)
    return sum(kept.values())


def _chain(start: Pair) -> Case:
    import torch

    x = torch.tensor(start, requires_grad=True)
    y = torch.relu_(3 * x)
    y.sum().backward()
    expected = torch.tensor([0.0, 3.0])
    verdict = "works" if x.grad is not None and torch.equal(x.grad, expected) else "wrong"
    code = "y = relu_(3 * x)\ny.sum().backward()"
    return Case("After a linear operation", code, f"y = {y.tolist()}, dL/dx = {_list(x.grad)}", verdict)


def _sigmoid(start: Pair) -> Case:
    import torch

    def run() -> None:
        torch.relu_(torch.sigmoid(torch.tensor(start, requires_grad=True))).sum().backward()

    return _refused("After a sigmoid", "y = relu_(sigmoid(x))\ny.sum().backward()", run)


def _leaf(start: Pair) -> Case:
    import torch

    code = f"x = tensor({list(start)}, requires_grad=True)\nrelu_(x)"
    return _refused("On a leaf", code, lambda: torch.relu_(torch.tensor(start, requires_grad=True)))


def _shortcut(start: Pair) -> Case:
    import torch

    z = 3 * torch.tensor(start)
    expected = torch.relu(z) + z
    y = torch.relu_(z) + z
    verdict = "works" if torch.equal(y, expected) else "wrong"
    outcome = f"no error; y = {y.tolist()}, but relu(z) + z is {expected.tolist()}"
    return Case("With a shortcut around it", "z = 3 * x\ny = relu_(z) + z", outcome, verdict)


def _refused(title: str, code: str, run: Any) -> Case:
    try:
        run()
    except RuntimeError as error:
        return Case(title, code, f"RuntimeError: {str(error).partition(' Hint:')[0]}", "refused")
    return Case(title, code, "no error", "works")


def _list(tensor: Any) -> list[float]:
    return [] if tensor is None else tensor.tolist()


def text(result: InPlaceRelu) -> str:
    """Return the memory by layer and the outcome of each demonstration, as lines of at most 100 characters."""
    r = result
    rows = [
        [
            name,
            " x ".join(map(str, (r.batch, *shape))),
            f"{r.saved_bytes[name]:,}",
            _megabytes(r.saved_bytes[name]),
        ]
        for name, shape in r.shapes.items()
    ]
    rows.append(["all", "", f"{r.total_bytes:,}", _megabytes(r.total_bytes)])
    lines = [f"AlexNet, batch of {r.batch}, float32: arrays that in-place ReLUs do not allocate", ""]
    lines += [*table(["ReLU after", "shape", "bytes", "MB"], rows), ""]
    lines += [
        f"The peak of memory falls by at most the largest of them, {_megabytes(r.largest_bytes)} MB.",
        "Autograd keeps for the backward pass of a small network, measured: "
        f"{r.kept_bytes[0]:,} bytes; in-place {r.kept_bytes[1]:,}.",
        "", f"What PyTorch does with x = {list(r.x)}:",
    ]  # fmt: skip
    for case in r.cases:
        lines += ["", f"{case.title}: {case.verdict}", *(f"    {line}" for line in case.code.splitlines())]
        lines += textwrap.wrap(case.outcome, 96, initial_indent="  -> ", subsequent_indent="     ")
    return "\n".join(lines)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f}"


@styled
def draw(result: InPlaceRelu) -> "Figure":
    """Draw the memory by layer, and each demonstration with its outcome."""
    r = result
    figure = new_figure(12.5, 6.2)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
    places = np.arange(len(r.shapes))[::-1]
    bars = left.barh(places, [count / 1e6 for count in r.saved_bytes.values()], color=BLUE, height=0.65)
    left.bar_label(
        bars, [f"{_megabytes(count)} MB" for count in r.saved_bytes.values()], padding=3, fontsize=9
    )
    left.set_yticks(places, [f"{name}\n{' × '.join(map(str, shape))}" for name, shape in r.shapes.items()])
    left.set(
        title=f"Not allocated for a batch of {r.batch}: {_megabytes(r.total_bytes)} MB",
        xlabel="megabytes (float32)",
    )
    left.margins(x=0.2)
    left.grid(visible=False, axis="y")
    right.set_axis_off()
    right.set(xlim=(0, 1), ylim=(4, -0.25))
    right.set_title(f"What PyTorch does with x = {list(r.x)}".replace("-", "−"), loc="left")
    colors = {"works": GREEN, "refused": ORANGE, "wrong": ORANGE}
    for k, case in enumerate(r.cases):
        color = colors[case.verdict]
        style: dict[str, Any] = {"va": "top", "ha": "left"}
        right.text(0, k - 0.06, case.title, fontweight="bold", **style)
        right.text(1, k - 0.06, case.verdict, fontweight="bold", color=color, va="top", ha="right")
        right.text(0.02, k + 0.12, literal(case.code), family="monospace", fontsize=9.5, **style)
        outcome = "\n".join(textwrap.wrap(case.outcome, 80))
        right.text(0.02, k + 0.42, literal(outcome), fontsize=9, color="#444444", **style)
    write_title(figure, "In-place ReLU in AlexNet: memory saved, and where it fails")
    return figure
