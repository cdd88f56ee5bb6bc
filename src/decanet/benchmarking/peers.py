"""decanet's loop beside the loops that a user would run instead of it on CIFAR-10.

Contenders, which take turns of some steps each, with batches of 128:

- the tutorial's loop: AlexNet for 32x32, Adam, float32, torchvision's transforms in a DataLoader with worker processes;
- a usual torchvision loop: ResNet-18 with a 3x3 first convolution and without the first pooling, SGD, float32, the same
  loader;
- decanet's loop: recipe ``tutorial_bf16``, the tutorial's network and optimizer, loading included.

What others state for their own hardware stands apart in the result.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models as torchvision_models
from torchvision import transforms

from decanet.benchmarking.steps import CPU, TUTORIAL_STEPS, loop_steps, plain_step
from decanet.benchmarking.timing import about, conditions, markdown_table, quartiles
from decanet.core import facts
from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.core.recipe import Recipe
from decanet.core.runtime import Ranks, cache_folder
from decanet.data import ImageData, MemorySplit, load_data
from decanet.models.factory import create_model
from decanet.training.recipes import load_recipe
from decanet.training.resolve import resolve
from decanet.training.setup import batches_for, build

BATCH = 128
WARM_UP = 2  # uncounted steps of each turn: workers start, and caches hold another contender's data
TUTORIAL = "the tutorial's loop"
TORCHVISION = "torchvision loop, ResNet-18"
DECANET = "decanet, `tutorial_bf16`"
Turn = Callable[[int], list[float]]  # from a number of steps to the seconds of each


def measure(
    report: Report, *, data: ImageData | None = None, rounds: int = 5, steps: int = 6, workers: int = 2
) -> dict[str, Any]:
    """Measure ``rounds`` rounds in which each contender takes ``steps`` steps.

    Args:
        report: told about each round.
        data: RGB images of 32x32 pixels in memory; CIFAR-10 by default.
        rounds: number of rounds.
        steps: counted steps of each turn.
        workers: processes of the DataLoader.

    Raises:
        UsageError: no round or no step.
        DataError: CIFAR-10 cannot be loaded.
    """
    if min(rounds, steps) < 1:
        raise UsageError(f"{rounds} rounds of {steps} steps: each must be at least 1")
    data = data or load_data("cifar10", cache=cache_folder(), report=report)
    measured: dict[str, Any] = {**conditions(), "workers": workers, "batch_size": BATCH}
    turns = contenders(data, workers)
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds):
        report.progress("measuring loops", number, rounds, "rounds")
        for name, turn in turns.items():
            seconds[name] += turn(steps)
    report.progress("measuring loops", rounds, rounds, "rounds")
    tutorial = quartiles(seconds[TUTORIAL])["median"]
    measured["contenders"] = {
        name: {
            "step_seconds": (step := quartiles(values)),
            "images_per_second": round(BATCH / step["median"], 1),
            "ratio_to_tutorial": round(tutorial / step["median"], 3),
        }
        for name, values in seconds.items()
    }
    measured["stated"] = stated_by_others()
    return measured


class _Images(torch.utils.data.Dataset[Any]):
    """Images as torchvision's CIFAR10 returns them: a Pillow image that goes through transforms."""

    def __init__(self, split: MemorySplit, transform: Callable[[Any], Tensor]) -> None:
        self.images = split.images.permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = split.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def _loader(data: ImageData, recipe: Recipe, workers: int) -> torch.utils.data.DataLoader[Any]:
    """The tutorial's DataLoader, with the constants of the resolved ``recipe``."""
    assert isinstance(data.train, MemorySplit)
    assert recipe.data.mean is not None
    assert recipe.data.std is not None
    transform = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(),
            transforms.RandomCrop(32, padding=4),
            transforms.ToTensor(),
            transforms.Normalize(recipe.data.mean, recipe.data.std),
        ]
    )
    return torch.utils.data.DataLoader(
        _Images(data.train, transform), batch_size=BATCH, shuffle=True, num_workers=workers
    )


def _resnet18_for_32_pixels() -> nn.Module:
    """torchvision's ResNet-18 with the usual changes for CIFAR-10."""
    model = torchvision_models.resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


def _plain_turn(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: torch.utils.data.DataLoader[Any]
) -> Turn:
    """The turn of a plain loop; a step begins with the request for a batch and ends with the updated weights."""

    def turn(steps: int) -> list[float]:
        # A new iterator for each turn: its workers must not prepare batches while others are timed.
        source: Iterator[Any] = iter(batches)
        seconds = []
        for _ in range(WARM_UP + steps):
            start = time.perf_counter()
            images, labels = next(source)
            plain_step(model, optimizer, images, labels)()
            seconds.append(time.perf_counter() - start)
        return seconds[WARM_UP:]

    return turn


def _decanet_turn(recipe: Recipe, data: ImageData) -> Turn:
    """The turn of decanet's loop, loading included."""
    model, batches = build(recipe, data), batches_for(recipe, data, CPU, Ranks())

    def turn(steps: int) -> list[float]:
        worked, prepared = loop_steps(recipe, model, batches, WARM_UP + steps)
        return [a + b for a, b in zip(worked, prepared, strict=True)][WARM_UP:]

    return turn


def contenders(data: ImageData, workers: int) -> dict[str, Turn]:
    """Return the turns of all contenders by name."""
    recipe = resolve(load_recipe("tutorial_bf16"), data, CPU)
    batches = _loader(data, recipe, workers)
    torch.manual_seed(0)
    alexnet, resnet = create_model(recipe.model.name), _resnet18_for_32_pixels()
    sgd = torch.optim.SGD(resnet.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    return {
        TUTORIAL: _plain_turn(alexnet, torch.optim.Adam(alexnet.parameters(), lr=1e-3), batches),
        TORCHVISION: _plain_turn(resnet, sgd, batches),
        DECANET: _decanet_turn(recipe, data),
    }


def stated_by_others() -> list[dict[str, Any]]:
    """Times that others state for their hardware, from the facts."""
    rows = []
    for key in ("airbench_speed", "dawnbench_cifar10"):
        experiment = facts.experiment(key)
        for entry in experiment.data["entries"]:
            hardware = entry.get("hardware") or experiment.data["hardware"]
            rows.append(
                {
                    "stated by others": entry["name"],
                    "hardware": hardware,
                    "test accuracy, %": f"{entry['accuracy']:.2f}",
                    "seconds": f"{entry['seconds']:g}",
                    "source": experiment.source,
                }
            )
    return rows


def table(measured: dict[str, Any]) -> str:
    """Format the measurements, and apart from them what others state, as Markdown."""
    rows = [
        {
            "loop": name,
            "images/s": f"{row['images_per_second']:.0f}",
            "step, ms (quartiles)": "{1:.0f} ({0:.0f} to {2:.0f})".format(
                *(1000 * q for q in row["step_seconds"]["quartiles"])
            ),
            "times the tutorial's": f"{row['ratio_to_tutorial']:.2f}",
        }
        for name, row in measured["contenders"].items()
    ]
    tutorial = measured["contenders"][TUTORIAL]["step_seconds"]
    return (
        f"{markdown_table(rows)}\n\nTraining steps of {BATCH} CIFAR-10 images, loading included "
        f"({measured['workers']} worker processes for the first two); medians over {tutorial['runs']} steps of each, "
        f"taken in turns. The tutorial's {TUTORIAL_STEPS} steps would take "
        f"{tutorial['median'] * TUTORIAL_STEPS / 60:.0f} minutes.\n\n{about(measured)}\n\n"
        f"Stated by others for their hardware; nothing here was measured by decanet:\n\n"
        f"{markdown_table(measured['stated'])}"
    )
