"""What a user would run instead of decanet on CIFAR-10, on the same machine in the same run.

    python benchmarks/peers.py [--rounds 5] [--steps 6] [--workers 2] [--out benchmarks/results]

Contenders, which take turns of some steps each, batches of 128:

- the tutorial's loop: AlexNet for 32x32, Adam, float32, each image varied by torchvision's transforms in a
  DataLoader with worker processes;
- a usual torchvision loop: ResNet-18 with a 3x3 first convolution and without the first pooling, SGD, float32, the
  same loader;
- decanet's loop: recipe ``tutorial_bf16``, the tutorial's network and optimizer, batches included.

Writes DATE-MACHINE-peers.json and .md; what others published, on other hardware, stands apart there. Needs CIFAR-10 in
the cache (decanet data fetch cifar10). Nothing else may run meanwhile.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models as torchvision_models
from torchvision import transforms

from decanet.benchmarking.steps import CPU, TUTORIAL_STEPS, loop_steps, plain_step
from decanet.benchmarking.timing import about, conditions, markdown_table, spread, write_results
from decanet.core import facts
from decanet.core.progress import Silent
from decanet.core.recipe import Recipe
from decanet.core.runtime import Ranks, cache_folder, keep_freed_memory
from decanet.data import ImageData, MemorySplit, load_data
from decanet.models import create_model
from decanet.training.recipes import load_recipe
from decanet.training.resolve import resolve
from decanet.training.setup import batches_for, build

BATCH = 128
WARM_UP = (
    2  # steps of each turn that are not counted: workers start, and caches hold another contender's data
)
TUTORIAL, TORCHVISION, DECANET = (
    "the tutorial's loop",
    "torchvision loop, ResNet-18",
    "decanet, `tutorial_bf16`",
)


class Images(torch.utils.data.Dataset[Any]):
    """What torchvision's CIFAR10 does with an image: a Pillow image that goes through transforms."""

    def __init__(self, split: MemorySplit, transform: Callable[[Any], Tensor]) -> None:
        self.images, self.labels = (
            split.images.permute(0, 2, 3, 1).contiguous().numpy(),
            split.labels.tolist(),
        )
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def loader(data: ImageData, recipe: Recipe, workers: int) -> torch.utils.data.DataLoader[Any]:
    """The tutorial's DataLoader; ``recipe`` holds its constants."""
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
        Images(data.train, transform), batch_size=BATCH, shuffle=True, num_workers=workers
    )


def resnet18_for_32_pixels() -> nn.Module:
    """torchvision's ResNet-18 as it is usually changed for CIFAR-10."""
    model = torchvision_models.resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False)
    model.maxpool = nn.Identity()  # type: ignore[assignment]
    return model


def plain_turn(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: torch.utils.data.DataLoader[Any]
) -> Callable[[int], list[float]]:
    """A turn of a plain loop: seconds of each step, from asking for a batch to the updated weights."""

    def turn(steps: int) -> list[float]:
        # A fresh pass for each turn: its workers must not go on preparing while others are timed.
        source: Iterator[Any] = iter(batches)
        seconds = []
        for _ in range(WARM_UP + steps):
            start = time.perf_counter()
            images, labels = next(source)
            plain_step(model, optimizer, images, labels)()
            seconds.append(time.perf_counter() - start)
        return seconds[WARM_UP:]

    return turn


def decanet_turn(recipe: Recipe, data: ImageData) -> Callable[[int], list[float]]:
    """A turn of decanet's loop, batches included."""
    model, batches = build(recipe, data), batches_for(recipe, data, CPU, Ranks())

    def turn(steps: int) -> list[float]:
        worked, prepared = loop_steps(recipe, model, batches, WARM_UP + steps)
        return [a + b for a, b in zip(worked, prepared, strict=True)][WARM_UP:]

    return turn


def contenders(data: ImageData, workers: int) -> dict[str, Callable[[int], list[float]]]:
    """Who takes turns."""
    recipe = resolve(load_recipe("tutorial_bf16"), data, CPU)
    batches = loader(data, recipe, workers)
    torch.manual_seed(0)
    alexnet, resnet = create_model("alexnet_cifar"), resnet18_for_32_pixels()
    sgd = torch.optim.SGD(resnet.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    return {
        TUTORIAL: plain_turn(alexnet, torch.optim.Adam(alexnet.parameters(), lr=1e-3), batches),
        TORCHVISION: plain_turn(resnet, sgd, batches),
        DECANET: decanet_turn(recipe, data),
    }


def pretrained() -> list[dict[str, Any]]:
    """What others state: from the facts, with their hardware."""
    rows = []
    for key in ("airbench_speed", "dawnbench_cifar10"):
        experiment = facts.experiment(key)
        for entry in experiment.data["entries"]:
            hardware = entry.get("hardware") or experiment.data["hardware"]
            rows.append(
                {
                    "published": entry["name"],
                    "hardware": hardware,
                    "test accuracy, %": f"{entry['accuracy']:.2f}",
                    "seconds": f"{entry['seconds']:g}",
                    "source": experiment.source,
                }
            )
    return rows


def table(measured: dict[str, Any]) -> str:
    """What was measured, and apart from it what is published, as Markdown."""
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
        f"Published, on other hardware; nothing here was measured by decanet:\n\n"
        f"{markdown_table(measured['pretrained'])}"
    )


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6, help="steps of a turn")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    keep_freed_memory()
    data = load_data("cifar10", cache=cache_folder(), report=Silent())
    assert isinstance(data.train, MemorySplit)
    measured: dict[str, Any] = {**conditions(), "workers": arguments.workers, "batch_size": BATCH}
    turns = contenders(data, arguments.workers)
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", flush=True)
        for name, turn in turns.items():
            seconds[name] += turn(arguments.steps)
    tutorial = spread(seconds[TUTORIAL])["median"]
    measured["contenders"] = {
        name: {
            "step_seconds": spread(values),
            "images_per_second": round(BATCH / spread(values)["median"], 1),
            "ratio_to_tutorial": round(tutorial / spread(values)["median"], 3),
        }
        for name, values in seconds.items()
    }
    measured["published"] = pretrained()
    markdown = table(measured)
    path = write_results("peers", measured, markdown, arguments.out)
    print(f"\n{markdown}\n\nwritten: {path}")


if __name__ == "__main__":
    main()
