"""Image files as squares: resized and cropped as torchvision does it."""

import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import chelsea
from torchvision.transforms import v2
from torchvision.transforms.functional import _compute_resized_output_size

from decanet.data.decoding import DRAFT_GAP, fit_square, size_with_short_side
from decanet.data.image_io import open_rgb, read_rgb


def test_the_short_side_is_resized_and_the_center_cropped_as_in_torchvision() -> None:
    """For sizes of all sorts: rounding decides which of two neighboring columns is kept."""
    rng = np.random.default_rng(0)
    for width, height in [(1, 1), (5, 200), (16, 16), (98, 49), *rng.integers(1, 120, (150, 2)).tolist()]:
        noise = rng.integers(0, 256, (height, width, 3), np.uint8)
        image_size = int(rng.integers(1, 60))
        ours = fit_square(noise, image_size)
        assert ours.shape == (image_size, image_size, 3)
        assert ours.dtype == np.uint8
        assert ours.flags.writeable, "PyTorch warns of tensors on memory that must not be written to"
        resized = v2.functional.resize(Image.fromarray(noise), [image_size])
        assert np.array_equal(ours, np.asarray(v2.functional.center_crop(resized, [image_size]))), (
            width,
            height,
            image_size,
        )


@pytest.mark.parametrize(("resize", "crop"), [(342, 299), (256, 224), (235, 224), (40, 32), (33, 32)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_resized_and_cropped_images_are_torchvisions(resize: int, crop: int, interpolation: str) -> None:
    """Published accuracies hold for these pixels; one rounding, not two, decides where the window lies."""
    rng = np.random.default_rng(resize)
    sizes = [
        (500, 375),
        (800, 600),
        (1600, 1200),
        (375, 500),
        (299, 299),
        *rng.integers(250, 700, (4, 2)).tolist(),
    ]
    theirs = v2.Compose([v2.Resize(resize, v2.InterpolationMode(interpolation)), v2.CenterCrop(crop)])
    for width, height in sizes:
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
        ours = fit_square(image, resize, interpolation, crop)
        assert np.array_equal(ours, np.asarray(theirs(image))), (width, height)


def test_sizes_after_resizing_are_torchvisions() -> None:
    sizes = np.random.default_rng(0).integers(1, 2000, (3000, 2)).tolist()
    for width, height in [(800, 600), (1600, 1200), *sizes]:
        for image_size in (224, 256, 342):
            theirs = _compute_resized_output_size((height, width), [image_size])
            assert size_with_short_side(width, height, image_size) == tuple(theirs[::-1]), (
                width,
                height,
                image_size,
            )


@pytest.mark.parametrize("size", [(1_000_000, 1), (1, 3_000_000), (40_000, 20)])
def test_thin_images_take_little_memory(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2 - 8, size[1] // 2 - 8, size[0] // 2 + 8, size[1] // 2 + 8))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    square = fit_square(image, 224)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, "kilobytes"
    assert square.shape == (224, 224, 3)
    assert square[112, 112].tolist() == [0, 0, 255]


def test_a_thin_image_is_cropped_where_torchvision_crops_it() -> None:
    image = Image.fromarray(chelsea()).resize((10 * 65, 10), Image.Resampling.BICUBIC)
    theirs = v2.functional.center_crop(v2.functional.resize(image, [20]), [20])
    assert np.abs(fit_square(image, 20).astype(int) - np.asarray(theirs)).mean() < 2


@pytest.mark.parametrize("image_size", [32, 64, 128])
def test_a_photograph_decoded_at_a_fraction_of_its_size_looks_the_same(
    tmp_path: Path, image_size: int
) -> None:
    Image.fromarray(chelsea()).resize((1000, 750)).save(tmp_path / "cat.jpg", quality=90)
    small = open_rgb(tmp_path / "cat.jpg", DRAFT_GAP * image_size)
    assert DRAFT_GAP * image_size <= small.height < 750, "there is something to gain"
    differences = fit_square(small, image_size).astype(int) - fit_square(
        read_rgb(tmp_path / "cat.jpg"), image_size
    )
    assert np.abs(differences).mean() < 1
