"""What a view looks at: a network in float32, and images as it sees them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from decanet.core.errors import DataError, UsageError, did_you_mean
from decanet.core.progress import Report
from decanet.core.runtime import seed_from
from decanet.data import ImageData
from decanet.data.decoding import fit_square
from decanet.data.image_io import open_rgb
from decanet.data.input_spec import InputSpec
from decanet.evaluation.reference import load_model
from decanet.evaluation.trained import Provenance, TrainedModel
from decanet.models import create_model, list_models, model_entry
from decanet.models.weight_files import list_packaged

UNTRAINED = "untrained"
ImageSource = Path | np.ndarray | Image.Image


@dataclass(frozen=True)
class Images:
    """Images as a network sees them.

    Attributes:
        pixels: (N, S, S, 3) uint8, resized and cropped as for evaluation, with the network's image size S.
        x: (N, C, S, S) float32, the normalized input of the network, on its device.
        names: of the images, for titles.
    """

    pixels: np.ndarray
    x: Tensor
    names: tuple[str, ...]


def load_subject(
    reference: str | Path, device: torch.device, arch: str | None = None, model: nn.Module | None = None
) -> TrainedModel:
    """Load the network of a model reference in float32 and evaluation mode, without test-time augmentation.

    A registered name without packaged weights stands for the network with seeded random weights, and
    :func:`is_untrained` is true: a comparison of what training adds.

    Args:
        reference: see :mod:`decanet.evaluation.reference`, or the name of a registered network.
        device: where the network is put.
        arch: the registered network of a weight file.
        model: the network of a run that trained the caller's own module.

    Raises:
        UsageError: an unknown network or source.
        CheckpointError: nothing of that name exists, or it is damaged.
    """
    name = str(reference)
    if arch is None and name in list_models() and name not in list_packaged() and not Path(name).exists():
        return _untrained(name, device)
    trained = load_model(reference, device, arch, model)
    trained.model.to(memory_format=torch.channels_last)  # faster; the values are the same
    return replace(trained, precision="float32", tta="none", spec=replace(trained.spec, dtype=torch.float32))


def is_untrained(trained: TrainedModel) -> bool:
    """Return whether the network has random weights. Figures say so."""
    return trained.provenance.weights == UNTRAINED


def title(trained: TrainedModel) -> str:
    """Return the name of a network for the title of a figure; it says where the weights are random."""
    name = Path(trained.provenance.reference).name
    return f"{name} ({UNTRAINED})" if is_untrained(trained) else name


def prepare_images(trained: TrainedModel, images: Sequence[ImageSource]) -> Images:
    """Read images, and resize, crop and normalize them as for evaluation.

    Args:
        trained: gives the input specification.
        images: paths, uint8 arrays (H, W, 3), or Pillow images.

    Raises:
        DataError: an image cannot be read.
    """
    size = trained.spec.image_size
    squares, names = [], []
    for image in images:
        pixels = open_rgb(image) if isinstance(image, Path) else image
        if isinstance(pixels, np.ndarray) and (
            pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3
        ):
            raise DataError(f"an image is uint8 (H, W, 3), got {pixels.dtype} {pixels.shape}")
        squares.append(fit_square(pixels, trained.resize, trained.interpolation, size))
        names.append(image.stem if isinstance(image, Path) else "image")
    stacked = np.stack(squares)
    return Images(stacked, normalize(trained, stacked), tuple(names))


def normalize(trained: TrainedModel, pixels: np.ndarray) -> Tensor:
    """Return the input of the network, (N, C, S, S) float32, for uint8 pixels (N, S, S, 3)."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
    return trained.spec.normalize(images.to(trained.spec.device), image_size=images.shape[-1])


def split_inputs(trained: TrainedModel, data: ImageData, report: Report, task: str) -> Iterator[Tensor]:
    """Yield the network's inputs (N, C, S, S) for the test split of ``data`` in its order, and report progress."""
    done, total = 0, len(data.test)
    for batch in data.evaluation_batches(
        "test", trained.spec, resize=trained.resize, interpolation=trained.interpolation
    ):
        yield batch.images
        done += len(batch.images)
        report.progress(task, done, total, "images")


def find_class(trained: TrainedModel, name: str | None, logits: Tensor) -> int:
    """Return the index of a class given by its name or number; that of the largest of ``logits`` (K,) for None.

    Raises:
        UsageError: the network knows no such class.
    """
    if name is None:
        return int(logits.argmax())
    classes = trained.classes
    folded = [known.casefold() for known in classes]
    if name.casefold() in folded:
        return folded.index(name.casefold())
    if name.isdecimal() and int(name) < len(classes):
        return int(name)
    hint = did_you_mean(name, classes) or (f" (known: {', '.join(classes)})" if len(classes) <= 20 else "")
    raise UsageError(
        f"the network knows no class {name!r}{hint}; a class is given by name, or by number from 0"
    )


def _untrained(name: str, device: torch.device) -> TrainedModel:
    entry = model_entry(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_from("insight", name) % 2**32)
        model = create_model(name).to(device).eval()
    channels, size = entry.input_size[:2]
    spec = InputSpec(size, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), device, torch.float32, channels)
    return TrainedModel(
        model=model,
        classes=tuple(f"class {k}" for k in range(entry.num_classes)),
        spec=spec,
        resize=size,
        interpolation="bilinear",
        tta="none",
        precision="float32",
        provenance=Provenance(name, name, UNTRAINED),
    )
