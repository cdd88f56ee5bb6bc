"""``decanet convolve image``: an image under a named kernel, your own, or the whole collection."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from decanet.cli._shared import JsonFlag, console, print_json
from decanet.core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from decanet.convolution.filtering import Convolved, Setting

Write = Callable[[Path], object]
FIGURE_ENDINGS = (".png", ".svg", ".pdf")
FOLDER = Path("convolve-image")
SLIP = (
    "sobel_y: the tutorial prints -2 as its last weight; the sum is then -1 and flat areas respond "
    "(--kernel sobel_y_slip); here it is -1"
)
MOVED = {"--padding", "--stride", "--dilation"}
# The options that each kind of output obeys; any other that is given with it is refused.
USED = {
    "the result": {"an image", "--kernel", "--convolve", "--color", *MOVED}
    | {"--all", "--out", "--save-array", "--figures"},
    "--slide": {"an image", "--kernel", "--convolve", "--at", *MOVED},
    "--flip": {"an image", "--kernel", *MOVED},
    "--gradient": {"an image", *MOVED},
    "--grid": MOVED,
    "--list": set[str](),
}


def command(
    image: Path | None = None,
    /,
    *,
    kernel: str | None = None,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    correlate: Annotated[bool, Parameter(negative="--convolve")] = True,
    color: Annotated[bool, Parameter(negative="--gray")] = False,
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
    """Convolve an image; without a kernel, draw the tutorial's nine figures.

    For example the tutorial's nine kernels on a cat; one kernel; your own; the raw numbers; the whole collection on
    one sheet; the window at work, and the flip:

    ```
    decanet convolve image
    decanet convolve image holiday.jpg --kernel gaussian:sigma=2.5 --out soft.png
    decanet convolve image --kernel "[[0,-1,0],[-1,5,-1],[0,-1,0]]" --color
    decanet convolve image holiday.jpg --kernel sobel_x --save-array edges.npy
    decanet convolve image --all --out sheet.png
    decanet convolve image --kernel emboss --slide slide.gif --flip flip.png
    ```

    As in the tutorial and in CNN libraries, whose "conv2d" it is, the kernel is not flipped: all results are
    cross-correlations, unless --convolve asks for the convolution of mathematics, which flips it first.

    Args:
        image: Any image that Pillow opens. A cat by default.
        kernel: A name of --list, with parameters as gaussian:sigma=2.5; a matrix in JSON; a .csv or .npy
            file. Three matrices (3, kh, kw) with --color are summed over the channels, as in a CNN.
        every: Every kernel of the collection, on one contact sheet.
        correlate: Leave the kernel as it is, or flip it in both directions first.
        color: Convolve red, green and blue each; gray by default.
        padding: What lies beyond the border: zeros, the image mirrored, its last pixels, the image again;
            or nothing.
        stride: Pixels from one position to the next.
        dilation: Pixels between the kernel's neighboring weights.
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
    drawn = {"--slide": slide, "--flip": flip, "--gradient": gradient, "--grid": grid}
    explained = [option for option, path in drawn.items() if path]
    asked = bool(every or out or figures or save_array or (kernel and json))
    modes = ["--list"] if kernels else [*explained, *(["the result"] if asked or not explained else [])]
    _check_used(
        modes,
        {
            "an image": image is not None, "--kernel": kernel is not None, "--convolve": not correlate,
            "--color": color, "--padding": padding != "zero", "--stride": stride != 1,
            "--dilation": dilation != 1, "--at": bool(at), "--all": every, "--out": out is not None,
            "--save-array": save_array is not None, "--figures": figures is not None,
            **{option: path is not None for option, path in drawn.items()},
        },
    )  # fmt: skip
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

    from decanet.convolution.filtering import Setting

    pixels, name = _read(image, color)
    setting = Setting(padding, stride, dilation, correlated=correlate)
    jobs = _explanations(pixels, kernel, setting, slide, at, flip, gradient, grid)
    chosen = _choose(kernel, every) if "the result" in modes else {}
    if save_array and len(chosen) > 1:
        raise UsageError(
            f"--save-array keeps one result and {kernel} is {len(chosen)} kernels; name one of them"
        )
    results = [setting.result(one, pixels, weights) for one, weights in chosen.items()]
    # Somebody who asks for no file wants to see something.
    if not (jobs or out or figures or save_array or json):
        if kernel is None and not every:
            figures = FOLDER
        else:
            out = Path(f"{Path(name).stem}-{_file_name(kernel or 'all')}.png")

    if out:
        jobs.append((out, _figure_job(pixels, results, setting, kernel)))
    if figures:
        jobs += [
            (figures / f"{_file_name(done.name)}.png", _figure_job(pixels, [done], setting, done.name))
            for done in results
        ]
    if save_array:
        jobs.append((save_array, lambda path: _save_array(path, results[0].values)))

    say = console(json).say
    summaries = [_summary(done, setting) for done in results]
    for done, summary in zip(results, summaries):
        shape = "x".join(map(str, done.weights.shape))
        reach = f"{summary['minimum']:.4g} to {summary['maximum']:.4g}, mean {summary['mean']:.4g}"
        say(f"{done.name:<28} {shape:>9} {summary['method']:>10}   {reach}")
    if results and kernel is None and not every:
        say(SLIP)
    for path, write in jobs:
        write(path)
        say(f"wrote {path}")
    if json:
        files = [str(path) for path, _ in jobs]
        print_json({"image": name, "shape": pixels.shape, "results": summaries, "files": files})


def _check_used(modes: Sequence[str], given: dict[str, bool]) -> None:
    """Refuse an option that none of the outputs asked for would obey: a figure must not ignore it silently."""
    used = set(modes).union(*(USED[mode] for mode in modes))
    for option, is_given in given.items():
        if is_given and option not in used:
            asked = " and ".join(modes)
            belongs = " (it belongs to --slide)" if option == "--at" else ""
            raise UsageError(f"{option} has no effect on {asked}{belongs}; leave it out")


def _list_kernels(json: bool) -> None:
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


def _check_endings(*wanted: tuple[str, Path | None, Sequence[str]]) -> None:
    for option, path, endings in wanted:
        if path is not None and path.suffix.lower() not in endings:
            raise UsageError(f"{option} {path} must end in {', '.join(endings)}")


def _read(image: Path | None, color: bool) -> "tuple[np.ndarray, str]":
    """The image as float32 in 0..1, (H, W) or (H, W, 3), and its name."""
    import numpy as np

    from decanet.data.image_io import gray_of, read_gray, read_rgb

    if image is None:
        from skimage.data import chelsea

        rgb = chelsea()
        return (rgb.astype(np.float32) / 255 if color else gray_of(rgb)), "chelsea"
    return (read_rgb(image).astype(np.float32) / 255 if color else read_gray(image)), str(image)


def _choose(kernel: str | None, every: bool) -> "dict[str, np.ndarray]":
    from decanet.convolution.kernel_lookup import find_kernel, find_kernels
    from decanet.convolution.kernels import KERNELS, TUTORIAL

    if kernel is not None:
        return find_kernels(kernel)
    return {name: find_kernel(name) for name in (KERNELS if every else TUTORIAL)}


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


def _figure_job(
    pixels: "np.ndarray", results: "Sequence[Convolved]", setting: "Setting", kernel: str | None
) -> Write:
    def write(path: Path) -> None:
        from decanet.convolution.figures.comparison import draw_comparison, draw_contact_sheet
        from decanet.convolution.kernel_lookup import describe
        from decanet.core.plotting import save_figure

        if len(results) == 1:
            save_figure(draw_comparison(pixels, results[0], setting), path)
            return
        title = describe(kernel) if kernel else f"One image under {len(results)} kernels"
        save_figure(draw_contact_sheet(pixels, results, setting, title, shared=kernel is not None), path)

    return write


def _save_array(path: Path, values: "np.ndarray") -> None:
    import numpy as np

    from decanet.core.files import atomic_path

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
    from decanet.convolution.figures import explanation as draw
    from decanet.convolution.figures import sliding_window as sliding
    from decanet.convolution.kernel_lookup import find_kernel
    from decanet.convolution.sliding_window import default_positions
    from decanet.core.plotting import save_figure
    from decanet.data.image_io import gray_of

    gray = pixels if pixels.ndim == 2 else gray_of(255 * pixels)
    jobs: list[tuple[Path, Write]] = []
    if slide:
        weights = _one_matrix(find_kernel(kernel or "sobel_x"), "--slide")
        done = setting.result(kernel or "sobel_x", gray, weights)
        asked = [_position(text, done.values.shape) for text in at or ()]
        if slide.suffix.lower() == ".gif":
            jobs.append(
                (slide, lambda path: sliding.save_sliding_animation(gray, done, asked, setting, path))
            )
        else:
            places = dict.fromkeys(asked, "") or default_positions(done)
            jobs.append(
                (slide, lambda path: save_figure(sliding.draw_sliding(gray, done, places, setting), path))
            )
    if flip:
        asymmetric = _one_matrix(find_kernel(kernel or "emboss"), "--flip")
        flipped = draw.draw_flip(gray, kernel or "emboss", asymmetric, setting)
        jobs.append((flip, lambda path: save_figure(flipped, path)))
    if gradient:
        sobel_pair = draw.draw_gradient(gray, setting)
        jobs.append((gradient, lambda path: save_figure(sobel_pair, path)))
    if grid:
        cells = draw.draw_padding_and_stride(setting)
        jobs.append((grid, lambda path: save_figure(cells, path)))
    return jobs


def _one_matrix(weights: "np.ndarray", option: str) -> "np.ndarray":
    if weights.ndim == 3:
        raise UsageError(f"{option} shows a kernel of one matrix, this one has {len(weights)}")
    return weights


def _position(text: str, shape: Sequence[int]) -> tuple[int, int]:
    """ROW,COLUMN within a result of this shape."""
    row, _, column = text.partition(",")
    try:
        position = int(row), int(column)
    except ValueError:
        raise UsageError(f"--at takes ROW,COLUMN, for instance --at 100,200; got {text!r}") from None
    if not (0 <= position[0] < shape[0] and 0 <= position[1] < shape[1]):
        raise UsageError(
            f"--at {text} lies outside the result, which has {shape[0]} rows and {shape[1]} columns"
        )
    return position


def _file_name(name: str) -> str:
    return (
        "".join(c if c.isalnum() or c in "._-=" else "-" for c in Path(name).name if c not in "[]")[:60]
        or "kernel"
    )
