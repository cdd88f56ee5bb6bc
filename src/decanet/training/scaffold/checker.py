"""The checker of a filled-in scaffold: it runs the file's functions on tiny inputs and observes what they do.

No blank is compared with a text, so any code that does the right thing passes.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from decanet.evaluation.model_file import import_file, where_it_failed
from decanet.training.scaffold.template import BLANKS

NAMES = ("AlexNet", "train_one_epoch", "accuracy")
OPEN = "..."


@dataclass(frozen=True)
class Finding:
    """What is wrong with a file.

    Attributes:
        blank: number of the blank from 1; 0 where it lies in none of them.
        text: what was observed, and why it is wrong.
    """

    blank: int
    text: str

    @property
    def hint(self) -> str:
        """A first help, empty outside of the blanks."""
        return BLANKS[self.blank - 1].hint if self.blank else ""


class _WrongError(Exception):
    def __init__(self, blank: int, text: str) -> None:
        self.finding = Finding(blank, text)


def check(path: Path) -> list[Finding]:
    """Return what is wrong with a filled-in scaffold; nothing where it is right. This runs the file's code.

    Raises:
        UsageError: there is no such file, or it cannot be imported.
    """
    if findings := _open_blanks(path):
        return findings
    module = import_file(path)
    if missing := [name for name in NAMES if not hasattr(module, name)]:
        return [Finding(0, f"{missing[0]} is gone; write the scaffold again under another name and compare")]
    findings = []
    for part in (_network, _training, _accuracy):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            try:
                part(module, path)
            except _WrongError as wrong:
                findings.append(wrong.finding)
    return findings


def _open_blanks(path: Path) -> list[Finding]:
    if not path.is_file():
        return []
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError:
        return []  # importing it tells the line
    rows = sorted(n.lineno for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value is Ellipsis)
    lines = path.read_text(encoding="utf-8").splitlines()
    findings = []
    for row in rows:
        comments = [line for line in lines[:row] if line.strip().startswith("# Blank ")]
        number = comments[-1].strip().split()[2].rstrip(":") if comments else "0"
        blank = int(number) if number.isdecimal() and 0 < int(number) <= len(BLANKS) else 0
        findings.append(Finding(blank, f"line {row} is still open"))
    return findings


def _network(module: ModuleType, path: Path) -> None:
    """Shapes layer by layer, then the output."""
    try:
        model = module.AlexNet(num_classes=10)
    except Exception as error:
        raise _WrongError(0, f"AlexNet cannot be created: {where_it_failed(path, error)}") from None
    model.eval()
    x = torch.randn(2, 3, 32, 32)
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None and (size := first(x).shape[-1]) != 32:
        raise _WrongError(1, f"the first convolution makes {size}x{size} pixels of 32x32")
    linear = next((m for m in model.modules() if isinstance(m, nn.Linear)), None)
    arriving: list[tuple[int, ...]] = []
    if linear is not None:
        linear.register_forward_pre_hook(lambda _, args: arriving.append(tuple(args[0].shape)))
    try:
        output = model(x)
    except Exception as error:
        if linear is not None and arriving and arriving[-1][-1] != linear.in_features:
            shape = arriving[-1]
            if len(shape) != 2 or shape[0] != 2:
                raise _WrongError(
                    3,
                    f"two images arrive at the first linear layer as {shape}; their axis of length 2 must stay first",
                ) from None
            raise _WrongError(
                2,
                f"{shape[1]} numbers of each image arrive at the first linear layer, which takes {linear.in_features}",
            ) from None
        raise _WrongError(0, f"a batch of two images fails: {where_it_failed(path, error)}") from None
    if tuple(output.shape) != (2, 10):
        raise _WrongError(4, f"two images give an output of shape {tuple(output.shape)} instead of (2, 10)")
    sums = output.sum(dim=1)
    if (output >= 0).all() and torch.allclose(sums, torch.ones(2), atol=1e-4):
        raise _WrongError(
            4,
            "the outputs of an image sum to 1: they are probabilities, and the loss applies a softmax again",
        )
    if torch.allclose(output.exp().sum(dim=1), torch.ones(2), atol=1e-4):
        raise _WrongError(
            4,
            "the outputs are logarithms of probabilities, and the loss takes the logarithm of a softmax again",
        )


class _Probe(nn.Module):
    """A tiny network that notes how it is called."""

    def __init__(self, answers: Tensor | None = None) -> None:
        super().__init__()
        self.linear = nn.Linear(12, 3)
        self.answers = answers
        self.modes: list[bool] = []
        self.gradients: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.modes.append(self.training)
        self.gradients.append(torch.is_grad_enabled())
        return self.linear(x.flatten(1)) if self.answers is None else self.answers[: len(x)]


def _training(module: ModuleType, path: Path) -> None:
    """One epoch of two batches with a probe instead of the network."""
    batches = [(torch.randn(4, 3, 2, 2), torch.tensor([0, 1, 2, 0])) for _ in range(2)]
    probe = _Probe().eval()
    optimizer = torch.optim.SGD(probe.parameters(), lr=0.0)
    seen: list[tuple[int, int]] = []

    def loss_function(*arguments: Tensor) -> Tensor:
        seen.append((arguments[0].ndim, arguments[1].ndim))
        scores, labels = sorted(arguments[:2], key=lambda tensor: -tensor.ndim)
        return nn.functional.cross_entropy(scores, labels)

    _called(module.train_one_epoch, path, "train_one_epoch", probe, batches, optimizer, loss_function)
    if not probe.modes:
        raise _WrongError(0, "train_one_epoch never calls the model")
    if not all(probe.modes):
        raise _WrongError(5, "the network is in evaluation mode while it is trained: dropout drops nothing")
    if any(order == (1, 2) for order in seen):
        raise _WrongError(7, "the labels come first: cross_entropy takes the scores, then the labels")
    if not seen:
        raise _WrongError(7, "the loss function is never called")
    found = probe.linear.weight.grad
    if found is None:
        raise _WrongError(6, "no gradient is left after backward(): zero_grad() belongs before it")
    alone = _gradient(probe, *batches[1])
    if not torch.allclose(found, alone, atol=1e-6):
        raise _WrongError(
            6, "after the second batch the gradient is not that of the second batch alone: gradients add up"
        )
    trained = _Probe()
    before = trained.linear.weight.detach().clone()
    sgd = torch.optim.SGD(trained.parameters(), lr=0.1)
    _called(module.train_one_epoch, path, "train_one_epoch", trained, batches, sgd, loss_function)
    if torch.equal(trained.linear.weight, before):
        raise _WrongError(8, "the weights are the same after an epoch: the optimizer makes no step")


def _gradient(probe: _Probe, images: Tensor, labels: Tensor) -> Tensor:
    loss = nn.functional.cross_entropy(probe.linear(images.flatten(1)), labels)
    return torch.autograd.grad(loss, probe.linear.weight)[0]


def _accuracy(module: ModuleType, path: Path) -> None:
    """Known scores, of which three in four are right."""
    scores = torch.tensor([[5.0, 1, 0], [0, 6, 1], [1, 0, 7], [2, 9, 1]])
    labels = torch.tensor([0, 1, 2, 0])
    probe = _Probe(scores).train()
    found = _called(module.accuracy, path, "accuracy", probe, [(torch.zeros(4, 3, 2, 2), labels)], blank=10)
    if any(probe.modes):
        raise _WrongError(
            9, "the network is in training mode while it is evaluated: dropout makes the accuracy random"
        )
    if any(probe.gradients):
        raise _WrongError(0, "accuracy records gradients: keep @torch.no_grad() above it")
    if not isinstance(found, int | float) or abs(found - 0.75) > 1e-6:
        raise _WrongError(
            10, f"of four images three are predicted correctly, and accuracy returns {found} instead of 0.75"
        )


def _called(
    function: Callable[..., object], path: Path, name: str, *arguments: object, blank: int = 0
) -> object:
    try:
        return function(*arguments)
    except Exception as error:
        raise _WrongError(blank, f"{name} fails: {where_it_failed(path, error)}") from None
