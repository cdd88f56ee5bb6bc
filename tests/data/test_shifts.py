"""Shifts against numpy, torchvision and scipy.ndimage."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv

from decanet.data.shifts import SHIFTS, flip, rescale, rotate, translate, turn

IMAGES = torch.randint(0, 256, (2, 3, 20, 24), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
SQUARE = IMAGES[..., :20]


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, 0), (-2, 5), (0, -24), (21, 7)])
@pytest.mark.parametrize(("padding", "mode"), [("reflect", "symmetric"), ("zeros", "constant")])
def test_translation_moves_whole_pixels(down: int, right: int, padding: str, mode: str) -> None:
    wide = np.pad(IMAGES.numpy(), ((0, 0), (0, 0), (30, 30), (30, 30)), mode=mode)  # type: ignore[call-overload]
    expected = wide[:, :, 30 - down : 50 - down, 30 - right : 54 - right]
    moved = translate(IMAGES, down, right, padding)
    assert moved.dtype == torch.uint8
    assert np.array_equal(moved.numpy(), expected)


@pytest.mark.parametrize("degrees", [10, -35, 60])
def test_rotation_is_that_of_torchvision_and_of_scipy(degrees: float) -> None:
    theirs = tv.rotate(IMAGES.float(), degrees, InterpolationMode.BILINEAR)
    assert (rotate(IMAGES, degrees, "zeros").float() - theirs).abs().max() < 0.6
    expected = ndimage.rotate(
        IMAGES.double().numpy(), degrees, axes=(2, 3), reshape=False, order=1, mode="reflect"
    )
    assert np.abs(rotate(IMAGES, degrees).numpy() - expected).max() < 0.6


@pytest.mark.parametrize("padding", ["reflect", "zeros"])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotation_by_quarters_is_counterclockwise_and_exact(quarters: int, padding: str) -> None:
    assert torch.equal(rotate(SQUARE, 90 * quarters, padding), torch.rot90(SQUARE, quarters, (2, 3)))


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.7])
@pytest.mark.parametrize(("padding", "mode"), [("reflect", "reflect"), ("zeros", "grid-constant")])
def test_scale_is_the_affine_map_of_scipy(factor: float, padding: str, mode: str) -> None:
    middle = np.array([9.5, 11.5])
    for n, c in np.ndindex(2, 3):
        expected = ndimage.affine_transform(
            IMAGES[n, c].double().numpy(), [1 / factor] * 2, middle - middle / factor, order=1, mode=mode
        )
        assert np.abs(rescale(IMAGES, factor, padding)[n, c].numpy() - expected).max() < 0.6


def test_a_scale_that_would_alias_is_refused() -> None:
    with pytest.raises(ValueError, match="alias"):
        rescale(IMAGES, 0.4)


@pytest.mark.parametrize("degrees", [20, -50])
def test_a_turned_image_is_the_perspective_of_its_corners(degrees: float) -> None:
    size, distance, angle = 20, 40.0, np.deg2rad(degrees)
    corners = [[0, 0], [size, 0], [size, size], [0, size]]  # of the pixels' borders, as torchvision counts

    def seen(x: float, y: float) -> list[float]:
        x, y = x - size / 2, y - size / 2
        depth = distance + x * np.sin(angle)
        return [distance * x * np.cos(angle) / depth + size / 2, distance * y / depth + size / 2]

    ends = [seen(*corner) for corner in corners]
    theirs = tv.perspective(SQUARE.float(), corners, ends, InterpolationMode.BILINEAR)  # type: ignore[arg-type]
    ours = turn(SQUARE, degrees, "zeros").float()
    assert (ours - theirs).abs().max() < 0.6
    assert torch.equal(turn(SQUARE, 0), SQUARE)
    with pytest.raises(ValueError, match="less than 75"):
        turn(SQUARE, 80)


def test_a_flip_exchanges_left_and_right() -> None:
    assert torch.equal(flip(IMAGES), torch.from_numpy(IMAGES.numpy()[..., ::-1].copy()))


@pytest.mark.parametrize("name", SHIFTS)
@pytest.mark.parametrize("padding", ["reflect", "zeros"])
def test_the_neutral_amount_changes_nothing_and_others_do(name: str, padding: str) -> None:
    shift = SHIFTS[name]
    assert shift.name == name
    assert torch.equal(shift.apply(IMAGES, shift.neutral, padding), IMAGES)
    assert not torch.equal(shift.apply(IMAGES, shift.neutral + 1, padding), IMAGES)
