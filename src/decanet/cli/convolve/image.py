"""``decanet convolve image``: apply a kernel to an image, and draw how that works."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter

from decanet.cli._shared import ARRAY, FIGURE, FIGURE_OR_GIF, JsonFlag, console, print_json
from decanet.cli.convolve._options import (
    Color,
    Convolve,
    Dilation,
    ImageFile,
    Kernel,
    PaddingMode,
    Stride,
    read_image,
    save_array,
)
from decanet.core.errors import UsageError

if TYPE_CHECKING:
    from decanet.convolution.filtering import Convolved, Setting

FOLDER = Path("convolve-image")
SUBCOMMANDS = ("matrix", "sheet", "slide", "flip", "gradient", "grid", "cells", "list")

command = cyclopts.App(name="image")


@command.default
def apply(
    image: ImageFile = None,
    /,
    *,
    kernel: Kernel | None = None,
    convolve: Convolve = False,
    color: Color = False,
    padding: PaddingMode = "zero",
    stride: Stride = 1,
    dilation: Dilation = 1,
    out: Annotated[Path | None, Parameter(validator=FIGURE)] = None,
    array: Annotated[Path | None, Parameter(name="--save-array", validator=ARRAY)] = None,
    json: JsonFlag = False,
) -> None:
    """Apply a kernel to an image; without a kernel, the nine kernels of the tutorial.

    Results are cross-correlations, like those of "conv2d" in CNN libraries: the kernel is not flipped.

    For example the tutorial's nine kernels on a cat; a kernel of the collection; a kernel of one's own; the raw
    values of the result:

    ```
    decanet convolve image
    decanet convolve image holiday.jpg --kernel gaussian:sigma=2.5 --out soft.png
    decanet convolve image --kernel "[[0,-1,0],[-1,5,-1],[0,-1,0]]" --color
    decanet convolve image holiday.jpg --kernel sobel_x --save-array edges.npy
    decanet convolve image --kernel box --stride 2,1
    ```

    Args:
        out: Figure of the original beside the result, or a contact sheet of several results (.png, .svg, .pdf).
            By default IMAGE-KERNEL.png, and a figure for each of the nine kernels in the folder convolve-image.
        array: The values of the result as a .npy file, float32, (H, W) or (H, W, 3); of K kernels (K, H, W).
    """
    from decanet.convolution.figures.comparison import draw_comparison, draw_results
    from decanet.convolution.filtering import filter_image, stacked_values
    from decanet.convolution.kernels import TUTORIAL, TUTORIAL_SLIP
    from decanet.core.plotting import save_figure

    pixels, name = read_image(image, color=color, subcommands=SUBCOMMANDS)
    setting = _setting(padding, stride, dilation, convolve)
    spellings = [kernel] if kernel else TUTORIAL
    results = filter_image(pixels, spellings, setting)
    summaries = _print_results(results, setting, json)
    if kernel is None:
        console(json).print_line(TUTORIAL_SLIP)
    files = []
    if array:
        files.append(save_array(array, stacked_values(results)))
    if out is None and kernel and not files and not json:
        out = Path(f"{Path(name).stem}-{_file_name(kernel)}.png")
    if out:
        files.append(save_figure(draw_results(pixels, results, setting, spellings), out))
    elif not files and not json:
        for done in results:
            figure = draw_comparison(pixels, done, setting)
            files.append(save_figure(figure, FOLDER / f"{_file_name(done.name)}.png"))
    _finish(files, json, image=name, shape=pixels.shape, results=summaries)


@command.command
def matrix(
    image: ImageFile = None,
    /,
    *,
    at: str | None = None,
    seed: int = 0,
    out: Annotated[Path, Parameter(validator=FIGURE)] = Path("matrix.png"),
    json: JsonFlag = False,
) -> None:
    """Draw an image as numbers: a crop in gray and by channel, its pixels shuffled, and a random matrix.

    ```
    decanet convolve image matrix
    decanet convolve image matrix holiday.jpg --at 100,200 --out numbers.png
    ```

    Args:
        at: ROW,COLUMN of the first pixel of the crop (default: where the brightness varies most).
        seed: Random seed of the order and of the random matrix.
        out: The figure (.png, .svg, .pdf).
    """
    from decanet.convolution.figures.matrices import draw_matrices
    from decanet.convolution.matrices import as_matrices
    from decanet.core.plotting import save_figure

    pixels, name = read_image(image, color=True)
    found = as_matrices(pixels, None if at is None else _position(at), seed)
    image_, shuffled, noise = found.neighbors
    console(json).print_line(
        f"{name}: correlation of neighboring pixels {image_:.3f}, of the same pixels shuffled {shuffled:.3f}, "
        f"of a random matrix {noise:.3f}"
    )
    save_figure(draw_matrices(found), out)
    _finish(
        [out], json, image=name, shape=pixels.shape, at=found.at, crop=found.crop.tolist(),
        crop_gray=found.crop_gray.tolist(), neighbors=found.neighbors,
    )  # fmt: skip


@command.command
def sheet(
    image: ImageFile = None,
    /,
    *,
    kernel: Annotated[list[Kernel] | None, Parameter(negative=())] = None,
    convolve: Convolve = False,
    color: Color = False,
    padding: PaddingMode = "zero",
    stride: Stride = 1,
    dilation: Dilation = 1,
    out: Annotated[Path, Parameter(validator=FIGURE)] = Path("sheet.png"),
    json: JsonFlag = False,
) -> None:
    """Draw a contact sheet of several kernels, by default of the whole collection.

    ```
    decanet convolve image sheet --out sheet.png
    decanet convolve image sheet holiday.jpg --kernel sobel_x --kernel scharr_x
    decanet convolve image sheet --kernel gabor_bank:orientations=4
    ```

    Args:
        kernel: A kernel as for `decanet convolve image`; repeat the option for more.
        out: The figure (.png, .svg, .pdf).
    """
    from decanet.convolution.figures.comparison import draw_results
    from decanet.convolution.filtering import filter_image
    from decanet.convolution.kernels import KERNELS
    from decanet.core.plotting import save_figure

    pixels, name = read_image(image, color=color)
    setting = _setting(padding, stride, dilation, convolve)
    spellings = kernel or [*KERNELS]
    results = filter_image(pixels, spellings, setting)
    summaries = _print_results(results, setting, json)
    save_figure(draw_results(pixels, results, setting, spellings), out)
    _finish([out], json, image=name, shape=pixels.shape, results=summaries)


@command.command
def slide(
    image: ImageFile = None,
    /,
    *,
    kernel: Kernel = "sobel_x",
    at: Annotated[list[str] | None, Parameter(negative=())] = None,
    convolve: Convolve = False,
    padding: PaddingMode = "zero",
    stride: Stride = 1,
    dilation: Dilation = 1,
    out: Annotated[Path, Parameter(validator=FIGURE_OR_GIF)] = Path("slide.png"),
    json: JsonFlag = False,
) -> None:
    """Draw the kernel at single positions of a gray image: patch, kernel, products and their sum.

    ```
    decanet convolve image slide --kernel emboss --out slide.gif
    decanet convolve image slide holiday.jpg --at 100,200 --at 40,60
    ```

    Args:
        at: ROW,COLUMN of the result; repeat the option for more. By default the greatest and the least response, a
            corner and the middle; in a .gif the strongest response of each band of rows.
        out: The figure (.png, .svg, .pdf), or an animation (.gif).
    """
    from decanet.convolution.figures.sliding_window import save_sliding
    from decanet.convolution.kernel_lookup import find_single_kernel

    pixels, name = read_image(image, color=False)
    setting = _setting(padding, stride, dilation, convolve)
    done = setting.result(kernel, pixels, find_single_kernel(kernel))
    save_sliding(pixels, done, [_position(text) for text in at or ()], setting, out)
    _finish([out], json, image=name, shape=pixels.shape)


@command.command
def flip(
    image: ImageFile = None,
    /,
    *,
    kernel: Kernel = "emboss",
    padding: PaddingMode = "zero",
    stride: Stride = 1,
    dilation: Dilation = 1,
    out: Annotated[Path, Parameter(validator=FIGURE)] = Path("flip.png"),
    json: JsonFlag = False,
) -> None:
    """Draw convolution beside cross-correlation for an asymmetric kernel.

    ```
    decanet convolve image flip --kernel emboss --out flip.png
    ```

    Args:
        out: The figure (.png, .svg, .pdf).
    """
    from decanet.convolution.figures.explanation import draw_flip
    from decanet.convolution.kernel_lookup import find_single_kernel
    from decanet.core.plotting import save_figure

    pixels, name = read_image(image, color=False)
    setting = _setting(padding, stride, dilation)
    save_figure(draw_flip(pixels, kernel, find_single_kernel(kernel), setting), out)
    _finish([out], json, image=name, shape=pixels.shape)


@command.command
def gradient(
    image: ImageFile = None,
    /,
    *,
    padding: PaddingMode = "zero",
    stride: Stride = 1,
    dilation: Dilation = 1,
    out: Annotated[Path, Parameter(validator=FIGURE)] = Path("gradient.png"),
    json: JsonFlag = False,
) -> None:
    """Draw the magnitude and the direction of the gradient, computed with the Sobel kernels.

    ```
    decanet convolve image gradient holiday.jpg --out gradient.png
    ```

    Args:
        out: The figure (.png, .svg, .pdf).
    """
    from decanet.convolution.figures.explanation import draw_gradient
    from decanet.core.plotting import save_figure

    pixels, name = read_image(image, color=False)
    save_figure(draw_gradient(pixels, _setting(padding, stride, dilation)), out)
    _finish([out], json, image=name, shape=pixels.shape)


@command.command
def grid(
    *,
    padding: PaddingMode = "zero",
    stride: Stride = 1,
    dilation: Dilation = 1,
    out: Annotated[Path, Parameter(validator=FIGURE)] = Path("grid.png"),
    json: JsonFlag = False,
) -> None:
    """Draw padding, stride and dilation on a grid of 5 by 5 pixels.

    ```
    decanet convolve image grid --padding reflect --stride 2 --out grid.png
    ```

    Args:
        out: The figure (.png, .svg, .pdf).
    """
    from decanet.convolution.figures.explanation import draw_padding_and_stride
    from decanet.core.plotting import save_figure

    save_figure(draw_padding_and_stride(_setting(padding, stride, dilation)), out)
    _finish([out], json)


@command.command
def cells(
    image: ImageFile = None,
    /,
    *,
    wavelength: float = 8.0,
    angle: float = 0.0,
    out: Annotated[Path, Parameter(validator=FIGURE)] = Path("cells.png"),
    json: JsonFlag = False,
) -> None:
    """Draw simple cells of the visual cortex as Gabor filters, and a complex cell as their energy.

    A pattern is shifted: the simple response changes, the complex one stays. Convolutions correspond to simple cells
    and pooling to complex ones (Hubel and Wiesel 1962, Fukushima 1980).

    ```
    decanet convolve image cells
    decanet convolve image cells holiday.jpg --wavelength 12 --angle 45
    ```

    Args:
        wavelength: Of the filters and of the grating, in pixels.
        angle: Direction across the stripes in degrees, counter-clockwise from the right.
        out: The figure (.png, .svg, .pdf).
    """
    from decanet.convolution.cells import compare_cells
    from decanet.convolution.figures.cells import draw_cells
    from decanet.core.plotting import save_figure

    pixels, name = read_image(image, color=False)
    found = compare_cells(pixels, wavelength, angle)
    simple, energy = found.modulation
    console(json).print_line(
        f"a grating of {wavelength:g} pixels, shifted over one period: the response of a simple cell varies by "
        f"{simple:.0%}, that of a complex cell by {energy:.1%}"
    )
    save_figure(draw_cells(found), out)
    _finish([out], json, image=name, shape=pixels.shape, simple_modulation=simple, complex_modulation=energy)


@command.command(name="list")
def list_(*, json: JsonFlag = False) -> None:
    """List the kernels of the collection: parameters, effect and source.

    ```
    decanet convolve image list
    ```
    """
    from decanet.convolution.kernels import ALIASES, BANKS, KERNELS

    entries = [*KERNELS.values(), *BANKS.values()]
    if json:
        print_json(
            [
                {"name": e.name, "does": e.does, "parameters": e.parameters, "source": e.source}
                for e in entries
            ]
        )
        return
    say = console().print
    tutorials = {name: f" (the tutorial's {alias})" for alias, name in ALIASES.items()}
    for entry in entries:
        parameters = ",".join(f"{key}={value:g}" for key, value in entry.parameters.items())
        known = tutorials.get(entry.name, "")
        say(f"{entry.name}{':' if parameters else ''}{parameters}{known}", style="bold")
        say(f"    {entry.does}\n    {entry.source}", markup=False)


def _setting(padding: PaddingMode, stride: Stride, dilation: Dilation, convolve: bool = False) -> "Setting":
    from decanet.convolution.filtering import Setting

    return Setting(padding, stride, dilation, correlated=not convolve)


def _print_results(results: "Sequence[Convolved]", setting: "Setting", json: bool) -> list[dict[str, Any]]:
    from decanet.convolution.filtering import summarize

    summaries = [summarize(done, setting) for done in results]
    for done, summary in zip(results, summaries):
        shape = "x".join(map(str, done.weights.shape))
        extent = f"{summary['minimum']:.4g} to {summary['maximum']:.4g}, mean {summary['mean']:.4g}"
        console(json).print_line(f"{done.name:<28} {shape:>9} {summary['method']:>10}   {extent}")
    return summaries


def _finish(files: Sequence[Path], json: bool, **report: Any) -> None:
    for path in files:
        console(json).print_line(f"wrote {path}")
    if json:
        print_json({**report, "files": [str(path) for path in files]})


def _position(text: str) -> tuple[int, int]:
    row, _, column = text.partition(",")
    try:
        return int(row), int(column)
    except ValueError:
        raise UsageError(f"--at takes ROW,COLUMN, for instance --at 100,200; got {text!r}") from None


def _file_name(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "._-=" else "-" for c in Path(name).name if c not in "[]")
    return kept[:60] or "kernel"
