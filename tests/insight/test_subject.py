"""Networks and images as views see them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from decanet.core.errors import DataError, UsageError
from decanet.evaluation.trained import TrainedModel
from decanet.insight.subject import find_class, is_untrained, load_subject, normalize, prepare_images, title

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def packaged() -> TrainedModel:
    return load_subject("decanet_s", CPU)


def test_a_trained_network_is_loaded_in_float32(packaged: TrainedModel) -> None:
    assert (packaged.precision, packaged.spec.dtype, packaged.tta) == ("float32", torch.float32, "none")
    assert not packaged.model.training
    assert not is_untrained(packaged)
    assert title(packaged) == "decanet_s"


def test_an_architecture_has_the_same_random_weights_every_time() -> None:
    state = torch.random.get_rng_state()
    one, two = load_subject("lenet5_modern", CPU), load_subject("lenet5_modern", CPU)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert is_untrained(one)
    assert title(one) == "lenet5_modern (untrained)"
    for a, b in zip(one.model.parameters(), two.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_images_are_prepared_as_for_evaluation(packaged: TrainedModel, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    images = prepare_images(packaged, [tmp_path / "noise.png", pixels])
    size = packaged.spec.image_size
    assert images.pixels.shape == (2, size, size, 3)
    assert images.names == ("noise", "image")
    assert torch.equal(images.x[0], images.x[1])
    mean, std = (torch.tensor(c).view(3, 1, 1) for c in (packaged.spec.mean, packaged.spec.std))
    expected = (torch.from_numpy(images.pixels[0]).permute(2, 0, 1) / 255 - mean) / std
    torch.testing.assert_close(normalize(packaged, images.pixels)[0], expected)


def test_an_image_that_cannot_be_read_is_an_error(packaged: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no image"):
        prepare_images(packaged, [tmp_path / "none.png"])
    with pytest.raises(DataError, match="uint8"):
        prepare_images(packaged, [np.zeros((4, 4))])


def test_a_class_is_found_by_name_by_number_or_as_the_prediction(packaged: TrainedModel) -> None:
    logits = torch.zeros(10)
    logits[3] = 1
    assert find_class(packaged, None, logits) == 3
    assert find_class(packaged, "Frog", logits) == 6
    assert find_class(packaged, "9", logits) == 9
    with pytest.raises(UsageError, match=r"no class 'frogg'.*did you mean"):
        find_class(packaged, "frogg", logits)
    with pytest.raises(UsageError, match="known: airplane"):
        find_class(packaged, "10", logits)
