"""A data set: its classes, its splits and its constants, wherever the images are stored."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

import torch
from torch import Tensor

from decanet.core.recipe import Augmentation, Rgb
from decanet.core.runtime import Ranks, generator
from decanet.data.input_spec import InputSpec
from decanet.data.loaders.protocol import Batch, Batches, Split


@dataclass(frozen=True)
class ImageData:
    """A data set of images with one label each.

    Attributes:
        name: the registered name, or the folder's path.
        classes: names of the classes, in the order of the labels.
        train, test: the training and the test split.
        mean, std: constants of the training split's channels on the scale 0..1.
        flippable: whether a mirror image still belongs to its class.
        source: where the images came from, in words.
        files: for a folder, the files of each split: their paths below the folder, with the SHA-256 of each.
        validation: the validation split of a folder that has one; else a recipe holds out a fraction of ``train``.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    mean: Rgb
    std: Rgb
    flippable: bool
    source: str
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    validation: Split | None = None

    def held_out(self, validation: float) -> tuple[Split, Split]:
        """The split that a recipe trains on, and the one that it validates on.

        The second is the folder's own validation split where there is one, else the fraction ``validation`` of the
        training split: the end of a registered data set, a fixed random choice of a folder.
        """
        if not validation:
            return self.train, self.train[:0]
        if self.validation is not None:
            return self.train, self.validation
        cut = len(self.train) - round(validation * len(self.train))
        if not self.files:
            return self.train[:cut], self.train[cut:]
        # The images of a folder are sorted by class, so the last ones would be of one class.
        order = torch.randperm(len(self.train), generator=generator("validation split"))
        return self.train[order[:cut]], self.train[order[cut:]]

    def training_batches(
        self,
        augmentation: Augmentation,
        *,
        validation: float,
        batch_size: int,
        seed: int,
        spec: InputSpec,
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    ) -> Batches:
        """The batches of the training split, without what is held out of it (see :meth:`held_out`).

        See :meth:`decanet.data.loaders.Split.training_batches` for the arguments.
        """
        train, _ = self.held_out(validation)
        return train.training_batches(
            augmentation, flippable=self.flippable, batch_size=batch_size, seed=seed, spec=spec, ranks=ranks
        )

    def evaluation_batches(
        self,
        split: str,
        spec: InputSpec,
        *,
        validation: float = 0.0,
        resize: int | None = None,
        crop: int | None = None,
        interpolation: str = "bilinear",
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    ) -> Iterator[Batch]:
        """Iterate over the "test" split, or over what is held out for "validation" (see :meth:`held_out`).

        See :meth:`decanet.data.loaders.Split.evaluation_batches` for the arguments.
        """
        images = self.held_out(validation)[1] if split == "validation" else self.test
        return images.evaluation_batches(
            spec, resize=resize, crop=crop, interpolation=interpolation, ranks=ranks
        )


def bare_name(name: str) -> str:
    """The name of a data set without the folders above it: what may leave this machine."""
    return PurePath(name).name


def channel_statistics(images: Tensor) -> tuple[Rgb, Rgb]:
    """Mean and standard deviation of each channel over all pixels of uint8 (N, 3, H, W), on the scale 0..1.

    Exact: it counts how often each of the 256 values occurs, so that the order of summation cannot matter.
    """
    values = torch.arange(256, dtype=torch.float64) / 255
    means, deviations = [], []
    for channel in images.transpose(0, 1):
        fraction = torch.bincount(channel.reshape(-1), minlength=256).double()
        fraction /= fraction.sum()
        mean = (fraction * values).sum()
        means.append(mean.item())
        deviations.append((fraction * (values - mean) ** 2).sum().sqrt().item())
    return (means[0], means[1], means[2]), (deviations[0], deviations[1], deviations[2])
