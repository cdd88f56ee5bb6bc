"""A trained network and what evaluating with it needs."""

import pytest
import torch
from torch import nn

from decanet.core.errors import UsageError
from decanet.data import ImageData, MemorySplit
from decanet.evaluation.trained import trained_module

CPU = torch.device("cpu")


@pytest.fixture
def data() -> ImageData:
    split = MemorySplit(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.arange(2))
    return ImageData("made", ("cat", "dog"), split, split, (0.1, 0.2, 0.3), (1.0, 1.0, 1.0), True, "made")


def test_ones_own_network_takes_size_and_constants_of_the_data(data: ImageData) -> None:
    trained = trained_module(nn.Flatten(), data, CPU)
    assert (trained.spec.image_size, trained.resize, trained.tta) == (8, 8, "none")
    assert (trained.classes, trained.spec.mean) == (("cat", "dog"), (0.1, 0.2, 0.3))
    assert trained.provenance.architecture == "torch.nn.modules.flatten.Flatten"
    assert trained_module(nn.Flatten(), data, CPU, image_size=4).spec.image_size == 4


def test_other_test_time_augmentation_must_fit_the_images(data: ImageData) -> None:
    trained = trained_module(nn.Flatten(), data, CPU)
    assert trained.with_tta(None) == trained
    assert trained.with_tta("flip").tta == "flip"
    with pytest.raises(UsageError, match="ten_crop"):
        trained.with_tta("ten_crop")
