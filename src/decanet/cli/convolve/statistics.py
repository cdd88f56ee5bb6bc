"""``decanet convolve statistics``: how the correlation of pixels falls with their distance."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from decanet.cli._shared import ARRAY, FIGURE, JsonFlag, console, print_json
from decanet.cli.convolve._options import ImageFile, read_image, save_array

if TYPE_CHECKING:
    import numpy as np

    from decanet.convolution.statistics import Statistics


def command(
    image: ImageFile = None,
    /,
    *,
    data: str | None = None,
    images: int = 500,
    out: Annotated[Path | None, Parameter(validator=FIGURE)] = None,
    array: Annotated[Path | None, Parameter(name="--save-array", validator=ARRAY)] = None,
    json: JsonFlag = False,
) -> None:
    """Measure the correlation of pixels by their distance, in an image and in a random matrix of its size.

    Two laws are fitted to its decrease with the distance x in pixels: a exp(-k x) and a / x^k; and a / f^k to the power
    spectrum, with k near 2 for photographs.

    For example, on the built-in photograph, on an image of your own, on a folder, and on CIFAR-10:

    ```
    decanet convolve statistics --out cat.png
    decanet convolve statistics holiday.jpg --out holiday-statistics.png
    decanet convolve statistics ~/images --out mine.png
    decanet convolve statistics --data cifar10 --out cifar10.png
    ```

    Args:
        data: A data set, instead of an image; decanet data list shows the names.
        images: Number of images of a folder or a data set, chosen at random.
        out: Figure of the image, the random matrix and both laws (.png, .svg, .pdf).
        array: The autocorrelation by shift as a .npy file, (2R + 1, 2R + 1), with shift 0 in the center.
    """
    from decanet.convolution.statistics import measure, measure_many, noise_like

    if data is not None or (image is not None and image.is_dir()):
        pixels, name = _many(image, data, images)
        natural = measure_many(pixels)
        noise = measure_many([noise_like(one, seed) for seed, one in enumerate(pixels)])
    else:
        one, name = read_image(image, color=False)
        natural = measure(one)
        noise = measure(noise_like(natural.image))
    _print(name, natural, noise, json)
    files = []
    if out:
        from decanet.convolution.figures.statistics import draw_statistics
        from decanet.core.plotting import save_figure

        files.append(save_figure(draw_statistics(natural, noise), out))
    if array:
        files.append(save_array(array, natural.correlation))
    for path in files:
        console(json).print_line(f"wrote {path}")
    if json:
        from decanet.convolution.statistics import summarize

        print_json({"image": name, **summarize(natural, noise), "files": [str(path) for path in files]})


def _many(folder: Path | None, data: str | None, count: int) -> "tuple[list[np.ndarray], str]":
    """Gray images of a folder or of the training split of a data set, chosen at random."""
    import numpy as np

    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import DataError, UsageError
    from decanet.core.runtime import cache_folder
    from decanet.data import load_data
    from decanet.data.image_files import images_below
    from decanet.data.image_io import gray_of, read_gray

    if folder is not None and data is not None:
        raise UsageError("give an image or a folder, or --data, not both")
    if count < 1:
        raise UsageError(f"--images must be at least 1, got {count}")
    random = np.random.default_rng(0)
    with ConsoleReport() as report:
        if folder is not None:
            files = images_below(folder).paths
            if not files:
                raise DataError(f"there are no images in {folder}; give a folder of images")
            chosen = [files[i] for i in random.permutation(len(files))[:count]]
            return [read_gray(path) for path in chosen], str(folder)
        assert data is not None
        split = load_data(data, cache=cache_folder(None), report=report).train
        chosen_images = split.pixels(random.permutation(len(split))[:count].tolist(), 256)
    return [gray_of(image.permute(1, 2, 0).numpy()) for image in chosen_images], data


def _print(name: str, natural: "Statistics", noise: "Statistics", json: bool) -> None:
    from decanet.convolution.statistics import verdict

    print_line = console(json).print_line
    height, width = natural.image.shape
    averaged = f"{natural.count:,} images of {name}" if natural.count > 1 else name
    print_line(f"{averaged}, {height}x{width} pixels, and random matrices of that size")
    print_line(
        "correlation of pixels by distance: the mean over all shifts that round to 1, 2, 4, ... pixels"
    )
    print_line(f"{'mean distance (pixels)':<24}{'image':>10}{'random':>10}")
    for distance in (1, 2, 4, 8, 16, 32, 64):
        if distance < len(natural.radial):
            shown = f"{natural.distances[distance]:.1f}"
            print_line(f"{shown:<24}{natural.radial[distance]:>10.3f}{noise.radial[distance]:>10.4f}")
    for law, fit in natural.fits.items():
        if fit is None:
            print_line(f"{law}: not fitted, fewer than three distances are correlated")
        else:
            formula = (
                f"{fit.amplitude:.3g} exp(-k x)" if law == "exponential" else f"{fit.amplitude:.3g} / x^k"
            )
            print_line(
                f"{law:<12} {formula:<18} k = {fit.k:.4f} +- {fit.k_error:.4f}, R^2 = {fit.r_squared:.4f}"
            )
    print_line(f"{verdict(natural)}.")
    found = natural.spectrum
    if found is not None and noise.spectrum is not None and math.isfinite(found.exponent):
        print_line(
            f"power spectrum: 1 / f^{found.exponent:.2f}, R^2 = {found.r_squared:.4f}; of the random matrix "
            f"1 / f^{noise.spectrum.exponent:.2f}; natural scenes are near 1 / f^2 (Field 1987)"
        )
