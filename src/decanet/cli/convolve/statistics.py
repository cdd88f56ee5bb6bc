"""``decanet convolve statistics``: how far neighboring pixels of an image are alike."""

from pathlib import Path

from decanet.cli._shared import JsonFlag, console, print_json
from decanet.core.errors import UsageError

FIGURE_ENDINGS = (".png", ".svg", ".pdf")


def command(
    image: Path | None = None,
    /,
    *,
    out: Path | None = None,
    save_array: Path | None = None,
    json: JsonFlag = False,
) -> None:
    """Measure how alike near and far pixels are, in an image and in a random matrix of its size.

    Two laws are fitted to the fall of the correlation with the distance x in pixels: a exp(-k x) and a / x^k.

    For example, on the cat that comes with the program and on an image of your own:

    ```
    decanet convolve statistics --out cat.png
    decanet convolve statistics holiday.jpg --out holiday-statistics.png
    ```

    Args:
        image: Any image that Pillow opens; it is made gray. A cat by default.
        out: Draw image, random matrix and both laws into this file (.png, .svg, .pdf).
        save_array: The autocorrelation by shift as a .npy file, (2R + 1, 2R + 1), no shift in the middle.
    """
    for option, path, endings in (("--out", out, FIGURE_ENDINGS), ("--save-array", save_array, (".npy",))):
        if path is not None and path.suffix.lower() not in endings:
            raise UsageError(f"{option} {path} must end in {', '.join(endings)}")

    import numpy as np

    from decanet.convolution.statistics import measure, noise_like, verdict
    from decanet.core.files import atomic_path
    from decanet.data.image_io import gray_of, read_gray

    if image is None:
        from skimage.data import chelsea

        natural = measure(gray_of(chelsea()))
    else:
        natural = measure(read_gray(image))
    noise = measure(noise_like(natural.image))
    name = str(image) if image else "the cat"
    say = console(json).say
    height, width = natural.image.shape
    say(f"{name}, {height}x{width} pixels, and a random matrix of that size")
    say("correlation of pixels by their distance: the mean over all shifts that round to 1, 2, 4, ... pixels")
    say(f"{'mean distance (pixels)':<24}{'image':>10}{'random':>10}")
    for distance in (1, 2, 4, 8, 16, 32, 64):
        if distance < len(natural.radial):
            shown = f"{natural.distances[distance]:.1f}"
            say(f"{shown:<24}{natural.radial[distance]:>10.3f}{noise.radial[distance]:>10.4f}")
    for law, fit in natural.fits.items():
        if fit is None:
            say(f"{law}: nothing to fit; not even three pixels away are pixels alike")
            continue
        formula = f"{fit.amplitude:.3g} exp(-k x)" if law == "exponential" else f"{fit.amplitude:.3g} / x^k"
        say(f"{law:<12} {formula:<18} k = {fit.k:.4f} +- {fit.k_error:.4f}, R^2 = {fit.r_squared:.4f}")
    say(f"{verdict(natural)}.")
    if out:
        from decanet.convolution.figures.statistics import draw_statistics
        from decanet.core.plotting import save_figure

        save_figure(draw_statistics(natural, noise), out)
        say(f"figure: {out}")
    if save_array:
        with atomic_path(save_array) as temporary, temporary.open("wb") as file:
            np.save(file, natural.correlation)
        say(f"array {natural.correlation.shape}: {save_array}")
    if json:
        from dataclasses import asdict

        print_json(
            {
                "image": name,
                "height": height,
                "width": width,
                "neighbors_across": natural.neighbors[0],
                "neighbors_down": natural.neighbors[1],
                "distances": natural.distances.tolist(),
                "correlations": natural.radial.tolist(),
                "random_correlations": noise.radial.tolist(),
                "verdict": verdict(natural),
                "fits": {law: asdict(fit) if fit else None for law, fit in natural.fits.items()},
                "files": [str(file) for file in (out, save_array) if file],
            }
        )
