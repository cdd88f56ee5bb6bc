"""``decanet convolve statistics``: how the correlation of pixels falls with their distance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from decanet.cli._shared import ARRAY, FIGURE, JsonFlag, console, print_json
from decanet.cli.convolve._options import ImageFile, read_image, save_array

if TYPE_CHECKING:
    from decanet.convolution.statistics import Statistics


def command(
    image: ImageFile = None,
    /,
    *,
    out: Annotated[Path | None, Parameter(validator=FIGURE)] = None,
    array: Annotated[Path | None, Parameter(name="--save-array", validator=ARRAY)] = None,
    json: JsonFlag = False,
) -> None:
    """Measure the correlation of pixels by their distance, in an image and in a random matrix of its size.

    Two laws are fitted to its decrease with the distance x in pixels: a exp(-k x) and a / x^k.

    For example, on the built-in photograph and on an image of your own:

    ```
    decanet convolve statistics --out cat.png
    decanet convolve statistics holiday.jpg --out holiday-statistics.png
    ```

    Args:
        out: Figure of the image, the random matrix and both laws (.png, .svg, .pdf).
        array: The autocorrelation by shift as a .npy file, (2R + 1, 2R + 1), with shift 0 in the center.
    """
    from decanet.convolution.statistics import measure, noise_like

    pixels, name = read_image(image, color=False)
    natural = measure(pixels)
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


def _print(name: str, natural: "Statistics", noise: "Statistics", json: bool) -> None:
    from decanet.convolution.statistics import verdict

    print_line = console(json).print_line
    height, width = natural.image.shape
    print_line(f"{name}, {height}x{width} pixels, and a random matrix of that size")
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
