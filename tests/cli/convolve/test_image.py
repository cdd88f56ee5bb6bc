"""``decanet convolve image`` from the command line: files, numbers and one-line refusals."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from skimage.data import chelsea

from decanet.cli import run
from decanet.convolution.images import correlate
from decanet.convolution.kernel_lookup import find_kernel
from decanet.convolution.kernels import BANKS, KERNELS, TUTORIAL
from decanet.data.image_io import gray_of


@pytest.fixture
def small(tmp_path):
    """The path of a small color image."""
    path = tmp_path / "small.png"
    Image.fromarray(chelsea()[100:140, 150:200]).save(path)
    return path


def image(*arguments):
    return run(["convolve", "image", *map(str, arguments)])


def numbers(capsys):
    return json.loads(capsys.readouterr().out)


def titles(figure):
    """The titles of all axes of a figure."""
    return [axes.get_title() for part in (figure, *figure.subfigs) for axes in part.axes]


def test_without_arguments_it_draws_the_nine_kernels_of_the_tutorial(tmp_path, monkeypatch, capsys, drawn):
    monkeypatch.chdir(tmp_path)
    assert image() == 0
    assert list(drawn) == [f"convolve-image/{name}.png" for name in TUTORIAL]
    for name, figure in zip(TUTORIAL, drawn.values()):
        original, kernel, result = figure.axes[:3]
        assert [axes.get_title() for axes in (original, kernel, result)] == [
            "original, 300 × 451", name, "result, 300 × 451",
        ]  # fmt: skip
        np.testing.assert_array_equal(original.images[0].get_array(), gray_of(chelsea()))
        np.testing.assert_array_equal(kernel.images[0].get_array(), find_kernel(name))
        expected = correlate(gray_of(chelsea()), find_kernel(name))
        np.testing.assert_array_equal(result.images[0].get_array(), expected)
    assert capsys.readouterr().out.count("wrote") == 9


def test_figures_are_written_as_files(tmp_path, small):
    assert image(small, "--kernel", "box", "--out", tmp_path / "made.png") == 0
    with Image.open(tmp_path / "made.png") as figure:
        assert figure.format == "PNG"
        assert len(np.unique(figure.convert("L"))) > 50


def test_the_tutorials_numbers_are_those_of_conv2d_on_the_cat(capsys):
    assert image("--json") == 0
    report = numbers(capsys)
    assert [result["kernel"] for result in report["results"]] == list(TUTORIAL)
    assert report["shape"] == [300, 451]
    cat = torch.from_numpy(gray_of(chelsea()))[None, None].double()
    for result in report["results"]:
        weights = torch.tensor(result["weights"], dtype=torch.float64)[None, None]
        expected = F.conv2d(cat, weights, padding=1)
        assert result["operation"] == "cross-correlation"
        for key, value in (
            ("minimum", expected.min()),
            ("maximum", expected.max()),
            ("mean", expected.mean()),
        ):
            assert result[key] == pytest.approx(float(value), abs=1e-4)


def test_the_raw_result_of_a_color_image(tmp_path, small, capsys):
    array = tmp_path / "result.npy"
    code = image(small, "--kernel", "sobel_x", "--color", "--padding", "reflect", "--stride", 2,
                 "--save-array", array, "--json")  # fmt: skip
    assert code == 0
    report, ours = numbers(capsys), np.load(array)
    assert report["files"] == [str(array)]
    assert (ours.shape, ours.dtype) == ((20, 25, 3), np.float32)
    assert report["results"][0]["shape"] == [20, 25, 3]
    pixels = torch.from_numpy(chelsea()[100:140, 150:200] / 255).permute(2, 0, 1)[:, None]
    weights = torch.from_numpy(find_kernel("sobel_x"))[None, None]
    expected = F.conv2d(F.pad(pixels, (1, 1, 1, 1), mode="reflect"), weights, stride=2)[:, 0]
    np.testing.assert_allclose(ours, expected.permute(1, 2, 0).numpy(), atol=1e-5)


def test_sobel_x_is_positive_where_the_image_grows_brighter_to_the_right_and_flipped_by_convolve(tmp_path):
    Image.fromarray(np.repeat([[0, 0, 0, 255, 255, 255]], 5, axis=0).astype(np.uint8)).save(
        tmp_path / "step.png"
    )
    options = ["--padding", "replicate", "--save-array", tmp_path / "a.npy"]
    for flags, sign in (([], 1), (["--convolve"], -1)):
        assert image(tmp_path / "step.png", "--kernel", "sobel_x", *options, *flags) == 0
        np.testing.assert_allclose(np.load(tmp_path / "a.npy"), sign * np.array([[0, 0, 4, 4, 0, 0]] * 5))


def test_one_kernel_gives_the_same_alone_and_among_the_nine(capsys):
    assert image("--json") == 0
    among = {result["kernel"]: result for result in numbers(capsys)["results"]}
    assert image("--kernel", "sobel_x", "--json") == 0
    assert numbers(capsys)["results"] == [among["sobel_x"]]


def test_the_misprint_of_the_tutorial_is_noted_with_its_nine_kernels(small, capsys):
    assert image(small, "--json") == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "tutorial" in line]
    assert "-2" in line
    assert "sobel_y_slip" in line
    assert image(small, "--kernel", "sobel_y", "--json") == 0
    assert "tutorial" not in capsys.readouterr().err


def test_the_results_of_a_filter_are_summed_over_the_channels(small, tmp_path):
    red = "[[[1]],[[0]],[[0]]]"
    assert image(small, "--color", "--kernel", red, "--save-array", tmp_path / "red.npy") == 0
    expected = chelsea()[100:140, 150:200, 0] / 255
    np.testing.assert_allclose(np.load(tmp_path / "red.npy"), expected, atol=1e-6)


def test_the_arrays_of_several_kernels_are_stacked(small, tmp_path):
    assert image(small, "--save-array", tmp_path / "nine.npy") == 0
    nine = np.load(tmp_path / "nine.npy")
    assert nine.shape == (9, 40, 50)
    pixels = gray_of(chelsea()[100:140, 150:200])
    np.testing.assert_allclose(nine[TUTORIAL.index("sobel_x")], correlate(pixels, find_kernel("sobel_x")))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--kernel", "gaussian:sigma=2"], ["original, 40 × 50", "gaussian:sigma=2", "result, 40 × 50"]),
        (["--kernel", "sobel_y", "--color"], ["result, mean of the channels", "result on the red channel"]),
        (["--kernel", "[[[1,2]],[[0,0]],[[3,4]]]", "--color"], ["kernel for red", "+ partial result, blue"]),
        (["--kernel", "gabor_bank:orientations=2"], ["gabor:angle=0,wavelength=8", "gabor:angle=90,wavelength=8"]),
        (["sheet", "--kernel", "box", "--kernel", "edge"], ["original, 40 × 50", "box\ncolors 0 to 1"]),
        (["slide", "--at", "3,4", "--at", "10,11"], ["row 3, column 4", "row 10, column 11", "× kernel"]),
        (["slide", "--kernel", "box:size=9", "--stride", "2", "--convolve"], ["× flipped kernel", "= products"]),
        (["flip"], ["kernel emboss", "the kernel flipped", "convolution", "cross-correlation"]),
        (["gradient", "--padding", "none"], ["magnitude", "original, 40 × 50"]),
    ],
    ids=lambda value: " ".join(value) if "--" in str(value) else None,
)  # fmt: skip
def test_each_command_draws_its_figure(small, drawn, arguments, expected):
    words = arguments if arguments[0].startswith("--") else arguments[1:]
    subcommand = [] if arguments[0].startswith("--") else arguments[:1]
    assert image(*subcommand, small, *words, "--out", "made.png") == 0
    (figure,) = drawn.values()
    assert list(drawn) == ["made.png"]
    assert set(expected) <= set(titles(figure))


def test_the_grid_draws_its_padding_and_stride(drawn):
    assert image("grid", "--stride", 2, "--out", "made.pdf") == 0
    assert "padding zero, stride 2,\ndilation 1" in titles(drawn["made.pdf"])


def test_slide_writes_an_animation(tmp_path):
    Image.fromarray(chelsea()[100:106, 150:158]).save(tmp_path / "tiny.png")
    assert image("slide", tmp_path / "tiny.png", "--padding", "reflect", "--out", tmp_path / "made.gif") == 0
    with Image.open(tmp_path / "made.gif") as frames:
        assert (frames.format, frames.n_frames) == ("GIF", 6 + 1)


def test_the_sheet_holds_the_whole_collection_by_default(small, drawn, capsys):
    assert image("sheet", small, "--json") == 0
    report = numbers(capsys)
    assert [result["kernel"] for result in report["results"]] == list(KERNELS)
    assert report["files"] == ["sheet.png"]
    shown = " ".join(titles(drawn["sheet.png"]))
    assert all(name in shown for name in KERNELS)


def test_a_figure_without_a_name_is_called_after_image_and_kernel(small, drawn):
    assert image(small, "--kernel", "gaussian:sigma=2") == 0
    assert list(drawn) == ["small-gaussian-sigma=2.png"]


COMMANDS = {
    "nine": [], "kernel": ["--kernel", "emboss"], "sheet": ["sheet", "--kernel", "emboss", "--kernel", "box"],
    "bank": ["--kernel", "gabor_bank:orientations=2,wavelength=3"], "slide": ["slide"], "flip": ["flip"],
    "gradient": ["gradient"], "grid": ["grid"], "list": ["list"],
}  # fmt: skip
OPTIONS = {
    "an image": ["other.png"], "--kernel": ["--kernel", "roberts_rising"],
    "--convolve": ["--convolve"], "--color": ["--color"], "--padding": ["--padding", "reflect"],
    "--stride": ["--stride", "2"], "--dilation": ["--dilation", "2"], "--at": ["--at", "3,5"],
    "--out": ["--out", "other-name.png"], "--save-array": ["--save-array", "raw.npy"], "--json": ["--json"],
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_changes_the_output_or_is_refused(command, tmp_path, monkeypatch, capsys):
    """Figures are compared by what they are drawn from; tests/convolution/figures checks what they show."""
    from decanet.convolution.figures import comparison, explanation, sliding_window
    from decanet.core import plotting

    def record(*arguments, **options):
        return [getattr(one, "values", one) for one in arguments], options

    def keep(figure, path):
        seen.append(f"{path} {figure}")
        return path

    for module in (comparison, explanation, sliding_window):
        for name in [name for name in dir(module) if name.startswith("draw_")]:
            monkeypatch.setattr(module, name, record)
    for module in (plotting, sliding_window):
        monkeypatch.setattr(module, "save_figure", keep)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(chelsea()[100:118, 150:172]).save("small.png")
    Image.fromarray(chelsea()[60:78, 180:202]).save("other.png")
    seen = []

    def outcome(options):
        seen.clear()
        code = image(*COMMANDS[command], *options)
        out, err = capsys.readouterr()
        return code, [*seen, out], err

    small = [] if command in ("grid", "list") else ["small.png"]
    code, plain, _ = outcome(small)
    assert code == 0
    for name, options in OPTIONS.items():
        if (name in COMMANDS[command] and command != "sheet") or (command, name) == ("bank", "--convolve"):
            continue  # given twice; and Gabor kernels are equal to themselves flipped
        code, changed, error = outcome([*([] if name == "an image" else small), *options])
        if code == 0:
            assert changed != plain, f"{command} ignores {name}"
        else:
            assert (code, error.count("\n")) == (2, 1), name


def test_list_names_every_kernel_with_its_source(capsys):
    assert image("list") == 0
    shown = capsys.readouterr().out
    for name, entry in (KERNELS | BANKS).items():
        assert name in shown
        assert entry.does in shown
        assert entry.source in shown
    assert "sobel_x (the tutorial's surbo_1)" in shown
    assert image("list", "--json") == 0
    assert [entry["name"] for entry in numbers(capsys)] == [*KERNELS, *BANKS]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("small.png --kernel sobelx", 2, "did you mean sobel_x"),
        ("small.png --kernel [[]]", 2, "empty (1-by-0)"),
        ("small.png --kernel [[1,2],[3]]", 2, "ragged"),
        ("small.png --kernel [[NaN]]", 2, "NaN"),
        ("small.png --kernel [[1e300]]", 2, "scale them down"),
        ("small.png --kernel gone.npy", 3, "no kernel file gone.npy"),
        ("small.png --kernel box:size=99 --padding none", 2, "without padding"),
        ("small.png --kernel box:size=99 --padding reflect", 2, "too few pixels to reflect"),
        ("small.png --kernel box --padding mirror", 2, "padding"),
        ("small.png --kernel box --stride 0", 2, "stride"),
        ("small.png --kernel box --dilation 1000000000", 6, "smaller kernel or dilation"),
        ("small.png --kernel [[[1]],[[1]],[[1]]]", 2, "a filter of 3 kernels"),
        ("small.png --kernel box --out figure.txt", 2, "Use a name that ends in .png, .svg, .pdf"),
        ("small.png --kernel box --save-array a.csv", 2, "Use a name that ends in .npy"),
        ("small.png --kernel box --at 1,1", 2, "has no option --at"),
        ("slide small.png --kernel box --at 500,1", 2, "outside"),
        ("slide small.png --at x", 2, "ROW,COLUMN"),
        ("slide small.png --color", 2, "has no option --color"),
        ("slide small.png --kernel [[[1]],[[1]],[[1]]]", 2, "a filter of 3 kernels"),
        ("slide small.png --kernel gabor_bank", 2, "bank of 8"),
        ("flip small.png --kernel box", 2, "asymmetric"),
        ("grid small.png", 2, "small.png"),
        ("gradient small.png --kernel box", 2, "has no option --kernel"),
        ("shet", 3, "neither an image file nor a subcommand (did you mean sheet"),
        ("everything", 3, "subcommands: matrix, sheet, slide"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(
    tmp_path, monkeypatch, small, capsys, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    assert image(*arguments.split()) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error[")
    assert message in error
    assert [path.name for path in tmp_path.iterdir()] == ["small.png"]


def test_a_bad_image_is_one_line(tmp_path, capsys):
    (tmp_path / "letter.jpg").write_text("dear reader")
    assert image(tmp_path / "letter.jpg", "--kernel", "box", "--out", tmp_path / "figure.png") == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "letter.jpg" in error
    assert not (tmp_path / "figure.png").exists()


def test_stride_takes_one_number_or_two(small, tmp_path):
    for given, shape in (("2", (20, 25)), ("2,1", (20, 50)), ("1,3", (40, 17))):
        assert image(small, "--kernel", "box", "--stride", given, "--save-array", tmp_path / "a.npy") == 0
        assert np.load(tmp_path / "a.npy").shape == shape


def test_three_numbers_are_no_stride(small, capsys):
    assert image(small, "--kernel", "box", "--stride", "1,2,3") == 2
    assert (
        "--stride takes one number, or two as DOWN,RIGHT such as 2,1; got '1,2,3'" in capsys.readouterr().err
    )
