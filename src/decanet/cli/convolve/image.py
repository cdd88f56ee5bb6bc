"""``decanet convolve image``: a picture under a named kernel, your own, or the whole collection."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from decanet.cli._shared import JsonFlag, console, print_json
from decanet.core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from decanet.convolution._image_figures import Convolved, Setting

Write = Callable[[Path], object]
FIGURE_ENDINGS = (".png", ".svg", ".pdf")
FOLDER = Path("convolve-image")


def command(
    picture: Path | None = None,
    /,
    *,
    kernel: str | None = None,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    correlate: Annotated[bool, Parameter(negative=())] = False,
    colour: Annotated[bool, Parameter(negative="--grey")] = False,
    padding: Literal["zero", "reflect", "replicate", "circular", "none"] = "zero",
    stride: int = 1,
    dilation: int = 1,
    out: Path | None = None,
    save_array: Path | None = None,
    figures: Path | None = None,
    slide: Path | None = None,
    at: Annotated[list[str] | None, Parameter(negative=())] = None,
    flip: Path | None = None,
    gradient: Path | None = None,
    grid: Path | None = None,
    kernels: Annotated[bool, Parameter(name="--list", negative=())] = False,
    json: JsonFlag = False,
) -> None:
    """Convolve a picture; without a kernel, draw the tutorial's nine figures.

    For example the tutorial's nine kernels on a cat; one kernel; your own; the raw numbers; the whole collection on
    one sheet; the window at work, and the flip:

    ```
    decanet convolve image
    decanet convolve image holiday.jpg --kernel gaussian:sigma=2.5 --out soft.png
    decanet convolve image --kernel "[[0,-1,0],[-1,5,-1],[0,-1,0]]" --colour
    decanet convolve image holiday.jpg --kernel sobel_x --save-array edges.npy
    decanet convolve image --all --out sheet.png
    decanet convolve image --kernel sobel_x --slide slide.gif --flip flip.png
    ```

    Convolution flips the kernel first; --correlate does not, as CNN libraries. The tutorial's nine figures
    are made as the tutorial makes them, with a CNN library's conv2d, so they are cross-correlations.

    Args:
        picture: Any picture that Pillow opens. A cat by default.
        kernel: A name of --list, with parameters as gaussian:sigma=2.5; a matrix in JSON; a .csv or .npy
            file. Three matrices (3, kh, kw) with --colour are summed over the channels, as in a CNN.
        every: Every kernel of the collection, on one contact sheet.
        correlate: Do not flip the kernel: what CNN libraries call convolution.
        colour: Convolve red, green and blue each; grey by default.
        padding: What lies beyond the border: zeros, the picture mirrored, its last pixels, the picture again;
            or nothing.
        stride: Pixels from one position to the next.
        dilation: Pixels between the kernel's neighbouring weights.
        out: The figure (.png, .svg, .pdf): original beside result, or the contact sheet.
        save_array: The raw result as a .npy file, float32, (H, W) or (H, W, 3).
        figures: Folder for the tutorial's nine figures; convolve-image by default.
        slide: Draw the window at work: patch, kernel, products, sum. A .gif moves.
        at: ROW,COLUMN of the result for --slide; give it again for more.
        flip: Draw convolution beside cross-correlation, for an asymmetric kernel.
        gradient: Draw magnitude and direction of the gradient, from the Sobel pair.
        grid: Draw padding, stride and dilation on a small grid.
        kernels: List the kernels with what they do.
    """
    if kernels:
        _list_kernels(json)
        return
    _check_endings(
        ("--out", out, FIGURE_ENDINGS), ("--save-array", save_array, (".npy",)),
        ("--slide", slide, (*FIGURE_ENDINGS, ".gif")), ("--flip", flip, FIGURE_ENDINGS),
        ("--gradient", gradient, FIGURE_ENDINGS), ("--grid", grid, FIGURE_ENDINGS),
    )  # fmt: skip
    if kernel is not None and every:
        raise UsageError("give either --kernel or --all, not both")
    if kernel is None and save_array:
        raise UsageError("--save-array keeps one result: say which with --kernel")
    if figures and (kernel is not None or every):
        raise UsageError("--figures is the folder of the tutorial's nine; for other kernels use --out")
    if at and not slide:
        raise UsageError("--at belongs to --slide")

    from decanet.convolution._image_figures import Convolved, Setting

    pixels, name = _read(picture, colour)
    setting = Setting(padding, stride, dilation, correlated=correlate)
    jobs = _explanations(pixels, kernel, setting, slide, at, flip, gradient, grid)
    if kernel is not None or every:
        chosen = _choose(kernel)
        if save_array and len(chosen) > 1:
            raise UsageError(
                f"--save-array keeps one result and {kernel} is {len(chosen)} kernels; name one of them"
            )
    elif not jobs or out or figures:
        chosen = _choose(None, tutorial=True)
        setting = Setting(padding, stride, dilation, correlated=True)
    else:
        chosen = {}
    results = [Convolved(one, weights, setting.apply(pixels, weights)) for one, weights in chosen.items()]
    # Somebody who asks for no file wants to see something.
    if not (jobs or out or figures or save_array or json):
        if kernel is None and not every:
            figures = FOLDER
        else:
            out = Path(f"{Path(name).stem}-{_file_name(kernel or 'all')}.png")

    detail = f"{setting.word}, padding {padding}, stride {stride}, dilation {dilation}"
    if out:
        jobs.append((out, _figure_job(pixels, results, f"{Path(name).name}: {detail}")))
    if figures:
        jobs += [
            (figures / f"{_file_name(done.name)}.png", _figure_job(pixels, [done], detail))
            for done in results
        ]
    if save_array:
        jobs.append((save_array, lambda path: _save_array(path, results[0].values)))

    say = console(json).print
    summaries = [_summary(done, setting) for done in results]
    for done, summary in zip(results, summaries):
        shape = "×".join(map(str, done.weights.shape))
        reach = f"{summary['minimum']:.4g} to {summary['maximum']:.4g}, mean {summary['mean']:.4g}"
        say(f"{done.name:<28} {shape:>9} {summary['method']:>10}   {reach}", markup=False)
    for path, write in jobs:
        write(path)
        say(f"wrote {path}", markup=False)
    if json:
        files = [str(path) for path, _ in jobs]
        print_json({"picture": name, "shape": pixels.shape, "results": summaries, "files": files})


def _list_kernels(json: bool) -> None:
    from decanet.convolution.kernels import BANKS, KERNELS

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
    for entry in entries:
        parameters = ",".join(f"{key}={value:g}" for key, value in entry.parameters.items())
        say(f"{entry.name}{':' if parameters else ''}{parameters}", style="bold")
        say(f"    {entry.does}\n    {entry.source}", markup=False)


def _check_endings(*wanted: tuple[str, Path | None, Sequence[str]]) -> None:
    for option, path, endings in wanted:
        if path is not None and path.suffix.lower() not in endings:
            raise UsageError(f"{option} {path} must end in {', '.join(endings)}")


def _read(picture: Path | None, colour: bool) -> "tuple[np.ndarray, str]":
    """The picture as float32 in 0..1, (H, W) or (H, W, 3), and its name."""
    import numpy as np

    from decanet.convolution.pictures import grey_of, read_grey, read_rgb

    if picture is None:
        from skimage.data import chelsea

        rgb = chelsea()
        return (rgb.astype(np.float32) / 255 if colour else grey_of(rgb)), "chelsea"
    return (read_rgb(picture).astype(np.float32) / 255 if colour else read_grey(picture)), str(picture)


def _choose(kernel: str | None, tutorial: bool = False) -> "dict[str, np.ndarray]":
    from decanet.convolution.kernels import KERNELS, TUTORIAL, find_kernel, find_kernels

    if kernel is not None:
        return find_kernels(kernel)
    return {name: find_kernel(name) for name in (TUTORIAL if tutorial else KERNELS)}


def _summary(done: "Convolved", setting: "Setting") -> dict[str, Any]:
    from decanet.convolution.images import cheapest_method

    weights = done.weights if done.weights.ndim == 2 else done.weights[0]
    return {
        "kernel": done.name,
        "weights": done.weights.tolist(),
        "operation": setting.word,
        "padding": setting.padding,
        "stride": setting.stride,
        "dilation": setting.dilation,
        "method": cheapest_method(weights, stride=setting.stride, dilation=setting.dilation),
        "shape": [*done.values.shape],
        "minimum": float(done.values.min()),
        "maximum": float(done.values.max()),
        "mean": float(done.values.mean(dtype="float64")),
        "std": float(done.values.std(dtype="float64")),
    }


def _figure_job(pixels: "np.ndarray", results: "Sequence[Convolved]", title: str) -> Write:
    def write(path: Path) -> None:
        from decanet.convolution._image_figures import draw_comparison, draw_contact_sheet
        from decanet.core.plotting import save_figure

        if len(results) > 1:
            save_figure(draw_contact_sheet(pixels, results, title), path)
        else:
            save_figure(draw_comparison(pixels, results[0], title), path)

    return write


def _save_array(path: Path, values: "np.ndarray") -> None:
    import numpy as np

    from decanet.core.results import atomic_path

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, values)


def _explanations(
    pixels: "np.ndarray",
    kernel: str | None,
    setting: "Setting",
    slide: Path | None,
    at: Sequence[str] | None,
    flip: Path | None,
    gradient: Path | None,
    grid: Path | None,
) -> list[tuple[Path, Write]]:
    """Where each figure that explains goes, and what writes it; what cannot be drawn is refused here."""
    from decanet.convolution import _image_figures as draw
    from decanet.convolution.kernels import find_kernel
    from decanet.convolution.pictures import grey_of
    from decanet.core.plotting import save_figure

    grey = pixels if pixels.ndim == 2 else grey_of(255 * pixels)
    jobs: list[tuple[Path, Write]] = []
    if slide:
        weights = _one_matrix(find_kernel(kernel or "sobel_x"), "--slide")
        done = draw.Convolved(kernel or "sobel_x", weights, setting.apply(grey, weights))
        positions = _positions(done.values, at)
        if slide.suffix.lower() == ".gif":
            jobs.append(
                (slide, lambda path: draw.save_sliding_animation(grey, done, positions[0], setting, path))
            )
        else:
            jobs.append(
                (slide, lambda path: save_figure(draw.draw_sliding(grey, done, positions, setting), path))
            )
    if flip:
        asymmetric = _one_matrix(find_kernel(kernel or "emboss"), "--flip")
        flipped = draw.draw_flip(grey, kernel or "emboss", asymmetric, setting)
        jobs.append((flip, lambda path: save_figure(flipped, path)))
    if gradient:
        jobs.append((gradient, lambda path: save_figure(draw.draw_gradient(grey), path)))
    if grid:
        jobs.append((grid, lambda path: save_figure(draw.draw_padding_and_stride(), path)))
    return jobs


def _one_matrix(weights: "np.ndarray", option: str) -> "np.ndarray":
    if weights.ndim == 3:
        raise UsageError(f"{option} shows a kernel of one matrix, this one has {len(weights)}")
    return weights


def _positions(values: "np.ndarray", at: Sequence[str] | None) -> list[tuple[int, int]]:
    """Positions in the result: those asked for, or where it is greatest and least, corner and middle."""
    import numpy as np

    height, width = values.shape
    if not at:
        # The padding makes the strongest edges of all; what the picture itself holds is more telling.
        inner = values[height // 8 : height - height // 8, width // 8 : width - width // 8]
        peaks = (np.unravel_index(i, inner.shape) for i in (inner.argmax(), inner.argmin()))
        chosen = [(int(row) + height // 8, int(column) + width // 8) for row, column in peaks]
        return [*dict.fromkeys([*chosen, (0, 0), (height // 2, width // 2)])]
    chosen = []
    for text in at:
        row, _, column = text.partition(",")
        try:
            chosen.append((int(row), int(column)))
        except ValueError:
            raise UsageError(f"--at takes ROW,COLUMN, for instance --at 100,200; got {text!r}") from None
        if not (0 <= chosen[-1][0] < height and 0 <= chosen[-1][1] < width):
            raise UsageError(
                f"--at {text} lies outside the result, which has {height} rows and {width} columns"
            )
    return chosen


def _file_name(name: str) -> str:
    return (
        "".join(c if c.isalnum() or c in "._-=" else "-" for c in Path(name).name if c not in "[]")[:60]
        or "kernel"
    )
