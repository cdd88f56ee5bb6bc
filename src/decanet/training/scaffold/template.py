"""The file that ``decanet scaffold`` writes: AlexNet for 32x32 images and its training loop, with numbered blanks."""

from dataclasses import dataclass
from pathlib import Path

from decanet.core.errors import UsageError
from decanet.core.files import write_text


@dataclass(frozen=True)
class Blank:
    """A blank of the file.

    Attributes:
        question: what the learner has to find out, as a comment in the file.
        answer: what belongs there.
        hint: a first help.
    """

    question: str
    answer: str
    hint: str


BLANKS = (
    Blank(
        "which padding keeps 32x32 pixels at 32x32 with a 3x3 kernel?", "1",
        "output = (32 + 2 * padding - 3) / 1 + 1: decanet convolve arithmetic --input 32 --kernel 3 --padding 1",
    ),
    Blank(
        "how many numbers leave the last pooling? 32 pixels, halved three times, and 256 feature maps", "256 * 4 * 4",
        "decanet models alexnet_cifar --explain: look at the row flatten",
    ),
    Blank(
        "the first axis that becomes part of the row: the batch axis 0 has to stay", "1",
        "(N, 256, 4, 4) becomes (N, 4096): decanet layers flatten",
    ),
    Blank(
        "the network's output: scores, or probabilities? The loss below contains a softmax", "self.classifier(x)",
        "a second softmax makes all probabilities nearly equal: decanet layers cross-entropy",
    ),
    Blank(
        "training or evaluation mode? Dropout drops in one of them only", "model.train()",
        "model.train() or model.eval(): decanet layers dropout",
    ),
    Blank(
        "backward() adds to the gradients: what has to be done before it?", "optimizer.zero_grad()",
        "without it the gradients of all earlier steps are added up",
    ),
    Blank(
        "the loss of scores (N, 10) and labels (N,): in which order?", "loss_function(scores, labels)",
        "torch.nn.functional.cross_entropy(input, target): the input is what the network computes",
    ),
    Blank(
        "the step against the gradient", "optimizer.step()",
        "the optimizer holds the learning rate: weight = weight - lr * gradient, for plain gradient descent",
    ),
    Blank("training or evaluation mode?", "model.eval()", "the accuracy must not depend on what dropout drops"),
    Blank(
        "the predicted class of each image: along which axis of (N, 10) is the largest score?", "scores.argmax(dim=1)",
        "axis 0 is the batch: one prediction for each image is wanted",
    ),
)  # fmt: skip

TEMPLATE = '''"""AlexNet for 32x32 images, and its training loop: fill in the blanks, which are three dots each.

Check this file:  decanet scaffold {name} --check
Train with it:    decanet train tutorial --model-file {name}:AlexNet
"""

import torch
from torch import nn


class AlexNet(nn.Module):
    """Five convolutions, three poolings, three fully connected layers."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=3, padding={0}),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.Conv2d(64, 192, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear({1}, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x):  # (N, 3, 32, 32) -> (N, num_classes)
        x = self.features(x)
        x = torch.flatten(x, {2})
        return {3}


def train_one_epoch(model, batches, optimizer, loss_function):
    """Train on (images, labels) batches once."""
    {4}
    for images, labels in batches:
        {5}
        scores = model(images)
        loss = {6}
        loss.backward()
        {7}


@torch.no_grad()
def accuracy(model, batches):
    """Return the fraction of the images whose predicted class is the label."""
    {8}
    correct = total = 0
    for images, labels in batches:
        scores = model(images)
        predicted = {9}
        correct += (predicted == labels).sum().item()
        total += len(labels)
    return correct / total
'''


def render(name: str, solution: bool = False) -> str:
    """Return the text of the file ``name``, with blanks or with the answers."""
    lines = TEMPLATE.replace("{name}", name).splitlines()
    written = []
    for line in lines:
        number = next((n for n in range(len(BLANKS)) if f"{{{n}}}" in line), None)
        if number is None:
            written.append(line)
            continue
        blank = BLANKS[number]
        if not solution:
            indent = line[: len(line) - len(line.lstrip())]
            written.append(f"{indent}# Blank {number + 1}: {blank.question}")
        written.append(line.replace(f"{{{number}}}", blank.answer if solution else "..."))
    return "\n".join(written) + "\n"


def write_scaffold(path: Path, solution: bool = False) -> Path:
    """Write the file with blanks, or with the answers. Raises UsageError where it exists."""
    if path.suffix != ".py":
        raise UsageError(f"{path} is to be a Python file: give a name that ends in .py")
    if path.exists():
        raise UsageError(
            f"{path} exists already and is not replaced; give another name, or check it with --check"
        )
    return write_text(path, render(path.name, solution))
