"""Throughput of loading: small images from memory, large ones from a folder, beside torchvision's loader."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from decanet.benchmarking.steps import CPU, loop_steps
from decanet.benchmarking.timing import about, conditions, markdown_table, quartiles, take_turns
from decanet.core.processor import usable_cores
from decanet.core.progress import Report, Silent
from decanet.core.recipe import Augmentation
from decanet.core.runtime import Ranks
from decanet.data import FolderSplit, ImageData, MemorySplit, bare_name
from decanet.data.folder import IMAGENET_MEAN, IMAGENET_STD, list_folder
from decanet.data.input_spec import InputSpec
from decanet.data.loaders.folder import Samples, default_workers
from decanet.models import create_model
from decanet.training.recipes import load_recipe
from decanet.training.resolve import resolve
from decanet.training.setup import batches_for

LOADED_BATCH = 32
NETWORK_SIZE, RESIZED, SMALL = 224, 256, 64


def measure(
    folder: Path | None,
    report: Report,
    *,
    workers: int | None = None,
    rounds: int = 5,
    images: int = 400,
    size: tuple[int, int] = (500, 375),
) -> dict[str, Any]:
    """Measure both loaders; without a ``folder``, on ``images`` generated JPEGs of ``size`` (width, height).

    Raises:
        DataError: there is no such folder, or it holds an unreadable image.
    """
    workers = default_workers() if workers is None else workers
    if folder is not None:
        list_folder(folder)  # a wrong path is an error before anything is measured
    report.note("measuring the augmentation of small images in memory")
    measured = {**conditions(), "workers": workers, "memory": measure_memory(rounds)}
    with ExitStack() as stack:
        if folder is None:
            report.note(f"generating {images} JPEGs of {size[0]}x{size[1]} pixels")
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="decanet-jpegs-")))
            make_jpegs(folder, images, size)
            measured["images"] = f"{images} generated JPEGs of {size[0]}x{size[1]} pixels"
        else:
            measured["images"] = f"folder {bare_name(str(folder.resolve()))}"
        measured["folder"] = measure_folder(folder, workers, rounds, report)
    return measured


def make_jpegs(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write ``count`` JPEGs in two classes that cost as much to decode as photographs: noisy crops of one."""
    from skimage.data import chelsea

    cat = Image.fromarray(chelsea())
    for index in range(count):
        random = np.random.default_rng(index)
        left, top = random.uniform(0, 0.3, 2)
        box = (left * cat.width, top * cat.height, (left + 0.7) * cat.width, (top + 0.7) * cat.height)
        pixels = np.asarray(cat.resize(size, Image.Resampling.BICUBIC, box))
        grain = random.normal(0, 4, (size[1], size[0], 1))
        path = folder / ("a", "b")[index % 2] / f"{index:05d}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(path, quality=90)


def measure_memory(rounds: int) -> dict[str, Any]:
    """Throughput of ``quick``'s data augmentation, and the fraction of a step of decanet_s that it takes."""
    # At full image size, as in most of a training.
    recipe = load_recipe("quick").model_copy(update={"progressive_sizes": ()})
    steps = 2 + 4 * rounds
    count = recipe.batch_size * (steps + 1)
    random = torch.Generator().manual_seed(0)
    split = MemorySplit(
        torch.randint(0, 256, (count, 3, 32, 32), generator=random, dtype=torch.uint8),
        torch.randint(0, 10, (count,), generator=random),
    )
    third = (0.5, 0.5, 0.5)
    data = ImageData("made", tuple("0123456789"), split, split[:2], third, third, True, "made")
    recipe = resolve(recipe, data, CPU)
    batches = batches_for(recipe, data, CPU, Ranks())
    worked, prepared = loop_steps(recipe, create_model("decanet_s"), batches, steps)
    worked, prepared = worked[2:], prepared[2:]
    return {
        "recipe": "quick",
        "batch_size": recipe.batch_size,
        "batch_seconds": quartiles(prepared),
        "images_per_second": round(recipe.batch_size / quartiles(prepared)["median"]),
        "step_seconds": quartiles(worked),
        "fraction_of_step_pct": round(100 * sum(prepared) / (sum(prepared) + sum(worked)), 2),
    }


def measure_folder(folder: Path, workers: int, rounds: int, report: Report) -> list[dict[str, Any]]:
    """Time whole epochs of a folder's images, decanet's and torchvision's in turn, for each use of images."""
    images = list_folder(folder)
    rows = []
    for what, (ours, theirs) in _uses(images, workers).items():
        report.note(f"loading {len(images)} images: {what}")
        take_turns(
            {"decanet": ours, "torchvision": theirs}, 1
        )  # warm-up: workers start, the system caches the files
        seconds = take_turns({"decanet": ours, "torchvision": theirs}, rounds)
        cores = min(max(workers, 1), usable_cores())
        row: dict[str, Any] = {"what": what, "images": len(images), "cores": cores}
        for name, values in seconds.items():
            row[name] = {
                "seconds": quartiles(values),
                "images_per_second_per_core": round(len(images) / quartiles(values)["median"] / cores, 1),
            }
        pairs = [b / a for a, b in zip(seconds["decanet"], seconds["torchvision"], strict=True)]
        rows.append({**row, "ratio": quartiles(pairs)})
    return rows


def _uses(images: FolderSplit, workers: int) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Uses of images; for each one epoch of normalized batches by decanet and by torchvision."""
    from torchvision import transforms as tv

    spec = InputSpec(NETWORK_SIZE, IMAGENET_MEAN, IMAGENET_STD, CPU, torch.float32)
    normalize = [tv.ToTensor(), tv.Normalize(IMAGENET_MEAN, IMAGENET_STD)]

    def training(augmentation: Augmentation) -> Callable[[], object]:
        batches = images.training_batches(
            augmentation, flippable=True, batch_size=LOADED_BATCH, seed=0, spec=spec, workers=workers
        )
        return lambda: [None for _ in batches.epoch(0)]

    def torchvision(*steps: Any) -> Callable[[], object]:
        loader = torch.utils.data.DataLoader(
            _Listed(images.samples, tv.Compose([*steps, *normalize])),
            batch_size=LOADED_BATCH,
            shuffle=True,
            num_workers=workers,
        )
        return lambda: [None for _ in loader]

    flip = tv.RandomHorizontalFlip()
    return {
        f"train: random resized crop to {NETWORK_SIZE}": (
            training(Augmentation(flip="random", scale=(0.08, 1.0))),
            torchvision(tv.RandomResizedCrop(NETWORK_SIZE), flip),
        ),
        f"train: shorter edge to {RESIZED}, random crop of {NETWORK_SIZE}": (
            training(Augmentation(flip="random", resize=RESIZED)),
            torchvision(tv.Resize(RESIZED), tv.RandomCrop(NETWORK_SIZE), flip),
        ),
        f"evaluate: shorter edge to {RESIZED}, center crop": (
            lambda: [None for _ in images.evaluation_batches(spec, resize=RESIZED, workers=workers)],
            torchvision(tv.Resize(RESIZED), tv.CenterCrop(RESIZED)),
        ),
        f"into memory: shorter edge to {SMALL}, center crop": (
            lambda: images.in_memory(SMALL, Silent()),
            torchvision(tv.Resize(SMALL), tv.CenterCrop(SMALL)),
        ),
    }


class _Listed(torch.utils.data.Dataset[Any]):
    """Images of the same listing as torchvision's ImageFolder reads them (its ``pil_loader``)."""

    def __init__(self, listed: Samples, transform: Callable[[Any], Any]) -> None:
        self.listed, self.transform = listed, transform

    def __len__(self) -> int:
        return len(self.listed)

    def __getitem__(self, index: int) -> Any:
        from torchvision.datasets.folder import pil_loader

        path, label = self.listed[index]
        return self.transform(pil_loader(str(path))), label


def table(measured: dict[str, Any]) -> str:
    """Format the measurements as Markdown."""
    memory = measured["memory"]
    rows = [
        {
            "folder of images": row["what"],
            "decanet, images/s per core": f"{row['decanet']['images_per_second_per_core']:.0f}",
            "torchvision, images/s per core": f"{row['torchvision']['images_per_second_per_core']:.0f}",
            "ratio (quartiles)": "{:.2f} ({:.2f} to {:.2f})".format(
                row["ratio"]["median"], row["ratio"]["quartiles"][0], row["ratio"]["quartiles"][-1]
            ),
        }
        for row in measured["folder"]
    ]
    return (
        f"Small images in memory: `{memory['recipe']}` augments and normalizes {memory['images_per_second']:,} "
        f"images/s in batches of {memory['batch_size']}, {memory['fraction_of_step_pct']:g}% of the time of a step of "
        f"decanet_s.\n\n{markdown_table(rows)}\n\nWhole epochs, the start of {measured['workers']} workers included, "
        f"to normalized batches of {LOADED_BATCH}; {measured['images']}. Into memory, decanet reads with as many "
        f"threads as there are cores.\n\n{about(measured)}"
    )
