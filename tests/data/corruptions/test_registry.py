"""Corruptions: pure functions of images, name, severity, seed and sample."""

import numpy as np
import pytest
import torch
from torch import Tensor

from decanet.core.errors import UsageError
from decanet.data.corruptions import CORRUPTIONS, SEVERITIES, _registry, corrupt, list_corruptions

RANDOM = {"gaussian_noise", "shot_noise", "impulse_noise", "motion_blur", "fog", "elastic_transform"}
NAMES = [
    "brightness", "contrast", "defocus_blur", "elastic_transform", "fog", "gaussian_noise", "impulse_noise",
    "jpeg_compression", "motion_blur", "pixelate", "saturate", "shot_noise", "zoom_blur",
]  # fmt: skip


def error(images: Tensor, others: Tensor) -> float:
    return (images.double() - others.double()).square().mean().item()


def test_the_corruptions_are_found() -> None:
    assert list_corruptions() == NAMES
    for name in NAMES:
        kind = CORRUPTIONS.get(name)
        assert kind.name == name
        assert len(kind.small) == len(kind.large) == len(SEVERITIES) == 5
        assert kind.category in {"noise", "blur", "weather", "digital", "extra"}


@pytest.mark.parametrize("name", NAMES)
def test_a_corruption_keeps_type_shape_and_its_input(name: str, small: Tensor) -> None:
    before = small.clone()
    for severity in SEVERITIES:
        corrupted = corrupt(small, name, severity)
        assert corrupted.dtype == torch.uint8
        assert corrupted.shape == small.shape
        assert torch.equal(small, before)
        assert not torch.equal(corrupted, small)


@pytest.mark.parametrize("name", NAMES)
def test_a_corruption_depends_on_seed_and_sample_only(
    name: str, small: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torch.get_rng_state()
    images = small[:1].expand(4, -1, -1, -1)
    whole = corrupt(images, name, 3, seed=5)
    assert torch.equal(corrupt(images[:2], name, 3, seed=5, samples=[3, 1]), whole[[3, 1]])
    monkeypatch.setattr(_registry, "VALUES_AT_ONCE", 1)  # one image at a time
    assert torch.equal(corrupt(images, name, 3, seed=5), whole)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(whole[0], whole[1]) == (name not in RANDOM)
    assert torch.equal(corrupt(images, name, 3, seed=6), whole) == (name not in RANDOM)


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("name", sorted({*NAMES} - {"saturate", "elastic_transform"}))
def test_a_higher_severity_changes_the_image_more(
    name: str, size: str, request: pytest.FixtureRequest
) -> None:
    images = request.getfixturevalue(size)
    errors = [error(corrupt(images, name, severity), images) for severity in SEVERITIES]
    assert errors == sorted(errors)
    assert errors[0] < errors[4] / 1.5


def test_the_size_of_the_images_decides_on_the_constants(small: Tensor) -> None:
    gray = torch.full((1, 3, 64, 64), 128, dtype=torch.uint8)
    large = torch.full((1, 3, 65, 65), 128, dtype=torch.uint8)
    few, many = (corrupt(images, "impulse_noise", 5) != 128 for images in (gray, large))
    assert abs(few.double().mean() - 0.07) < 0.01
    assert abs(many.double().mean() - 0.27) < 0.02
    assert small.shape[-1] <= 64


def test_no_image_is_no_corrupted_image() -> None:
    empty = torch.empty(0, 3, 32, 32, dtype=torch.uint8)
    assert corrupt(empty, "gaussian_noise", 1).shape == empty.shape


def test_unknown_names_and_severities_are_refused(small: Tensor) -> None:
    with pytest.raises(UsageError, match=r"unknown corruption 'gaussian_nose'.*gaussian_noise"):
        corrupt(small, "gaussian_nose", 1)
    for severity in (0, 6):
        with pytest.raises(UsageError, match=f"severities 1 to 5, not {severity}"):
            corrupt(small, "fog", severity)
    with pytest.raises(ValueError, match="uint8"):
        corrupt(small.float(), "fog", 1)


def test_large_images_are_corrupted_as_by_imagecorruptions(large: Tensor) -> None:
    """Where the package is installed: it needs OpenCV and an old setuptools, so the tests do not install it.

    Its elastic_transform is another deformation than ImageNet-C's, and its fog needs NumPy 1.
    """
    package = pytest.importorskip("imagecorruptions", exc_type=ImportError)
    before = large[1].permute(1, 2, 0).numpy()
    for name in set(NAMES) - {"elastic_transform", "fog"}:
        for severity in SEVERITIES:
            np.random.seed(0)
            theirs = package.corrupt(before, corruption_name=name, severity=severity).astype(float)
            ours = corrupt(large[1:2], name, severity)[0].permute(1, 2, 0).numpy().astype(float)
            if name not in RANDOM:
                assert np.abs(theirs - ours).mean() < 0.7, (
                    name
                )  # theirs cuts off the fraction of a gray level
                continue
            within = 0.12 if name == "motion_blur" else 0.03  # the angle of the motion is random
            spread = [(image - before).std() for image in (theirs, ours)]
            assert spread[1] == pytest.approx(spread[0], rel=within), name
