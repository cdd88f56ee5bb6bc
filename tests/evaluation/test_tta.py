"""Test-time augmentation, compared with torchvision's crops and the papers' words.

The network has no symmetry, so that a copy that is left out or weighted wrongly changes the output.
"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import v2

from decanet.core.errors import UsageError
from decanet.evaluation.tta import TTA, require_margin


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 5)).double().eval()


def images(image_size: int) -> Tensor:
    return torch.randn(
        6, 3, image_size, image_size, generator=torch.Generator().manual_seed(image_size), dtype=torch.float64
    )


def center(x: Tensor) -> Tensor:
    return v2.functional.center_crop(x, [8, 8])


@pytest.mark.parametrize(
    ("name", "image_size"), [(name, 11) for name in sorted(TTA)] + [("flip_shift", 8), ("flip", 8)]
)
def test_every_augmentation_returns_log_probabilities(model: nn.Module, name: str, image_size: int) -> None:
    with torch.no_grad():
        logarithms = TTA[name](model, images(image_size), 8)
    assert logarithms.shape == (6, 5)
    torch.testing.assert_close(logarithms.exp().sum(1), torch.ones(6))


@pytest.mark.parametrize("image_size", [8, 11, 12])
def test_without_augmentation_the_central_crop_is_used(model: nn.Module, image_size: int) -> None:
    x = images(image_size)
    with torch.no_grad():
        expected = F.log_softmax(model(center(x)), 1).float()
        torch.testing.assert_close(TTA["none"](model, x, 8), expected)


@pytest.mark.parametrize(
    ("name", "image_size"),
    [
        (name, image_size)
        for name in ("flip", "ten_crop")
        for image_size in (8, 11, 12)
        if name != "ten_crop" or image_size > 8
    ],
)
def test_an_image_and_its_horizontal_flip_get_the_same_prediction(
    model: nn.Module, name: str, image_size: int
) -> None:
    x = images(image_size)
    with torch.no_grad():
        torch.testing.assert_close(TTA[name](model, x, 8), TTA[name](model, x.flip(3), 8))
        assert not torch.allclose(TTA["none"](model, x, 8), TTA["none"](model, x.flip(3), 8))


def test_flip_is_the_mean_of_the_logits(model: nn.Module) -> None:
    x = images(8)
    with torch.no_grad():
        expected = F.log_softmax((model(x) + model(x.flip(3))) / 2, 1).float()
        torch.testing.assert_close(TTA["flip"](model, x, 8), expected)


def test_flip_shift_weights_the_image_by_half_and_two_shifted_copies_by_a_quarter_each(
    model: nn.Module,
) -> None:
    """As in the text of arXiv:2404.00498, section 3.5: one pixel up and left, and one pixel down and right."""
    x = images(8).numpy()
    large = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    weights = [(x, 0.5), (large[:, :, :8, :8], 0.25), (large[:, :, 2:, 2:], 0.25)]
    with torch.no_grad():
        logits = torch.zeros(6, 5, dtype=torch.float64)
        for shifted, weight in weights:
            for copy in (shifted, shifted[..., ::-1]):
                logits += weight / 2 * model(torch.from_numpy(copy.copy()))
        torch.testing.assert_close(
            TTA["flip_shift"](model, torch.from_numpy(x), 8), F.log_softmax(logits, 1).float()
        )


@pytest.mark.parametrize("image_size", [9, 10, 13])
def test_ten_crop_equals_torchvisions(model: nn.Module, image_size: int) -> None:
    x = images(image_size)
    with torch.no_grad():
        probabilities = [F.softmax(model(crop).float(), 1) for crop in v2.TenCrop(8)(x)]
        expected = torch.stack(probabilities).mean(0).log()
        torch.testing.assert_close(TTA["ten_crop"](model, x, 8), expected)


@pytest.mark.parametrize(
    ("tta", "size", "fits"),
    [
        ("none", 8, True),
        ("flip", 8, True),
        ("flip_shift", 8, True),
        ("ten_crop", 8, False),
        ("ten_crop", 9, True),
    ]
    + [(tta, 7, False) for tta in sorted(TTA)],
)
def test_no_crop_enlarges_an_image(tta: str, size: int, fits: bool) -> None:
    """Enlarged by 8/7, as an earlier ten_crop did, CIFAR-10's images cost a network 17 points of accuracy."""
    if fits:
        require_margin(tta, size, 8)
        return
    with pytest.raises(UsageError, match=f"these are {size}x{size}.*(use flip_shift|resize to)"):
        require_margin(tta, size, 8)


def test_ten_crop_of_an_image_without_a_margin_is_refused(model: nn.Module) -> None:
    with pytest.raises(UsageError, match="at least 9x9"):
        TTA["ten_crop"](model, images(8), 8)
