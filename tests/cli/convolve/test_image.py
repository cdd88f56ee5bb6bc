"""``decanet convolve image`` from the command line: files, numbers and one-line refusals."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from skimage.data import chelsea

from decanet.cli import run
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


def test_without_arguments_it_draws_the_tutorials_nine_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert image() == 0
    drawn = sorted((tmp_path / "convolve-image").iterdir())
    assert [path.stem for path in drawn] == sorted(TUTORIAL)
    for path in drawn:
        with Image.open(path) as figure:
            assert min(figure.size) > 300
    assert capsys.readouterr().out.count("wrote") == 9


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


def test_sobel_answers_positively_where_the_image_grows_brighter_to_the_right(tmp_path):
    Image.fromarray(np.repeat([[0, 0, 0, 255, 255, 255]], 5, axis=0).astype(np.uint8)).save(
        tmp_path / "step.png"
    )
    options = ["--padding", "replicate", "--save-array", tmp_path / "a.npy"]
    for flags, sign in (([], 1), (["--correlate"], 1), (["--convolve"], -1)):
        assert image(tmp_path / "step.png", "--kernel", "sobel_x", *options, *flags) == 0
        np.testing.assert_allclose(np.load(tmp_path / "a.npy"), sign * np.array([[0, 0, 4, 4, 0, 0]] * 5))


def test_one_kernel_gives_the_same_alone_and_among_the_nine(capsys):
    assert image("--json") == 0
    among = {result["kernel"]: result for result in numbers(capsys)["results"]}
    assert image("--kernel", "sobel_x", "--json") == 0
    assert numbers(capsys)["results"] == [among["sobel_x"]]


def test_the_slip_of_the_tutorial_is_said_when_its_nine_are_drawn(small, capsys):
    assert image(small, "--json") == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "tutorial" in line]
    assert "-2" in line
    assert "sobel_y_slip" in line
    assert image(small, "--kernel", "sobel_y", "--json") == 0
    assert "tutorial" not in capsys.readouterr().err


def test_a_matrix_for_each_channel_is_summed(small, tmp_path):
    red = "[[[1]],[[0]],[[0]]]"
    assert image(small, "--color", "--kernel", red, "--save-array", tmp_path / "red.npy") == 0
    expected = chelsea()[100:140, 150:200, 0] / 255
    np.testing.assert_allclose(np.load(tmp_path / "red.npy"), expected, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        ["--kernel", "gaussian:sigma=2", "--out", "made.png"],
        ["--kernel", "sobel_y", "--color", "--out", "made.png"],
        ["--kernel", "sharpen_strong", "--color", "--out", "made.svg"],
        ["--kernel", "[[[1,2]],[[0,0]],[[3,4]]]", "--color", "--out", "made.png"],
        ["--kernel", "gabor_bank:orientations=3", "--out", "made.png"],
        ["--kernel", "sobel_x", "--slide", "made.png", "--at", "3,4", "--at", "10,11"],
        ["--kernel", "sharpen", "--slide", "made.gif", "--padding", "reflect"],
        ["--kernel", "box:size=9", "--slide", "made.png", "--stride", "2", "--convolve"],
        ["--flip", "made.png"],
        ["--gradient", "made.png", "--padding", "none"],
    ],
    ids=" ".join,
)
def test_figures(tmp_path, monkeypatch, small, options):
    monkeypatch.chdir(tmp_path)
    assert image(small, *options) == 0
    (made,) = tmp_path.glob("made.*")
    assert made.stat().st_size > 2000
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["small.png", made.name])
    if made.suffix in {".png", ".gif"}:
        with Image.open(made) as figure:
            assert figure.width > 700
            assert getattr(figure, "n_frames", 1) == (37 if made.suffix == ".gif" else 1)


def test_the_grid_needs_no_image(tmp_path):
    assert image("--grid", tmp_path / "made.pdf", "--stride", 2) == 0
    assert (tmp_path / "made.pdf").stat().st_size > 2000


def test_the_sheet_of_the_whole_collection(tmp_path, small, capsys):
    assert image(small, "--all", "--out", tmp_path / "sheet.png", "--json") == 0
    report = numbers(capsys)
    assert [result["kernel"] for result in report["results"]] == list(KERNELS)
    with Image.open(tmp_path / "sheet.png") as figure:
        assert 1000 < figure.width < 1600  # four panels across, readable on a screen


def test_one_kernel_without_out_goes_beside_the_user(tmp_path, monkeypatch, small):
    monkeypatch.chdir(tmp_path)
    assert image(small, "--kernel", "gaussian:sigma=2") == 0
    assert (tmp_path / "small-gaussian-sigma=2.png").exists()


MODES = {
    "nothing": [], "--kernel": ["--kernel", "emboss"], "--all": ["--all"],
    "a bank": ["--kernel", "gabor_bank:orientations=2,wavelength=3"], "--slide": ["--slide", "made.png"],
    "--flip": ["--flip", "made.png"], "--gradient": ["--gradient", "made.png"], "--grid": ["--grid", "made.png"],
    "--list": ["--list"],
}  # fmt: skip
OPTIONS = {
    "an image": ["other.png"], "--kernel": ["--kernel", "roberts_rising"], "--all": ["--all"],
    "--convolve": ["--convolve"], "--color": ["--color"], "--padding": ["--padding", "reflect"],
    "--stride": ["--stride", "2"], "--dilation": ["--dilation", "2"], "--at": ["--at", "3,5"],
    "--out": ["--out", "other-name.png"], "--save-array": ["--save-array", "raw.npy"],
    "--figures": ["--figures", "there"],
    "--slide": ["--slide", "more.png"], "--gradient": ["--gradient", "more.png"], "--json": ["--json"],
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_every_option_changes_the_output_or_is_refused(mode, tmp_path, monkeypatch, capsys):
    """Figures are compared by what they are drawn from; that they show it is tests/convolution/figures."""
    from decanet.convolution.figures import comparison, explanation, sliding_window
    from decanet.core import plotting

    def record(*arguments, **options):
        return [getattr(one, "values", one) for one in arguments], options

    for module in (comparison, explanation, sliding_window):
        for name in [name for name in dir(module) if name.startswith("draw_")]:
            monkeypatch.setattr(module, name, record)
    monkeypatch.setattr(plotting, "save_figure", lambda figure, path: seen.append(f"{path} {figure}"))
    monkeypatch.chdir(tmp_path)
    Image.fromarray(chelsea()[100:118, 150:172]).save("small.png")
    Image.fromarray(chelsea()[60:78, 180:202]).save("other.png")
    seen = []

    def outcome(options):
        seen.clear()
        code = image(*MODES[mode], *options)
        out, err = capsys.readouterr()
        return code, [*seen, out], err

    small = [] if mode in ("--grid", "--list") else ["small.png"]
    code, plain, _ = outcome(small)
    assert code == 0
    for name, options in OPTIONS.items():
        if options[0] in MODES[mode] or (mode, name) == (
            "a bank",
            "--convolve",
        ):  # Gabor's look the same flipped
            continue
        code, changed, error = outcome([*([] if name == "an image" else small), *options])
        if code == 0:
            assert changed != plain, f"{mode} ignores {name}"
        else:
            assert (code, error.count("\n")) == (2, 1), name


def test_list_names_every_kernel_with_its_source(capsys):
    assert image("--list") == 0
    shown = capsys.readouterr().out
    for name, entry in (KERNELS | BANKS).items():
        assert name in shown
        assert entry.does in shown
        assert entry.source in shown
    assert "sobel_x (the tutorial's surbo_1)" in shown
    assert image("--list", "--json") == 0
    assert [entry["name"] for entry in numbers(capsys)] == [*KERNELS, *BANKS]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--kernel", "sobelx"], 2, "did you mean sobel_x"),
        (["--kernel", "[[]]"], 2, "empty (1-by-0)"),
        (["--kernel", "[[1,2],[3]]"], 2, "ragged"),
        (["--kernel", "[[NaN]]"], 2, "NaN"),
        (["--kernel", "[[1e300]]"], 2, "scale it down"),
        (["--kernel", "gone.npy"], 3, "no kernel file gone.npy"),
        (["--kernel", "box:size=99", "--padding", "none"], 2, "without padding"),
        (["--kernel", "box:size=99", "--padding", "reflect"], 2, "too few pixels to mirror"),
        (["--kernel", "box", "--padding", "mirror"], 2, "padding"),
        (["--kernel", "box", "--stride", "0"], 2, "stride"),
        (["--kernel", "box", "--dilation", "1000000000"], 6, "smaller kernel or dilation"),
        (["--kernel", "[[[1]],[[1]],[[1]]]"], 2, "matrices"),
        (["--kernel", "box", "--out", "figure.txt"], 2, "--out figure.txt must end in"),
        (["--kernel", "box", "--save-array", "a.csv"], 2, "must end in .npy"),
        (["--kernel", "box", "--all"], 2, "not both"),
        (["--save-array", "a.npy"], 2, "--kernel"),
        (["--kernel", "gabor_bank", "--save-array", "a.npy"], 2, "name one"),
        (["--kernel", "box", "--figures", "there"], 2, "--out"),
        (["--kernel", "box", "--at", "1,1"], 2, "--slide"),
        (["--kernel", "box", "--slide", "a.png", "--at", "500,1"], 2, "outside"),
        (["--kernel", "box", "--slide", "a.png", "--at", "x"], 2, "ROW,COLUMN"),
        (["--kernel", "box", "--flip", "a.png"], 2, "asymmetric"),
        (["--grid", "a.png"], 2, "an image has no effect on --grid"),
        (["--gradient", "a.png", "--kernel", "box"], 2, "--kernel has no effect on --gradient"),
        (
            ["--slide", "a.png", "--flip", "b.png", "--color"],
            2,
            "--color has no effect on --slide and --flip",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_line_and_leaves_no_file(tmp_path, monkeypatch, small, capsys, options, code, says):
    monkeypatch.chdir(tmp_path)
    assert image(small, *options) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error[")
    assert says in error
    assert [path.name for path in tmp_path.iterdir()] == ["small.png"]


def test_a_bad_image_is_one_line(tmp_path, capsys):
    (tmp_path / "letter.jpg").write_text("dear reader")
    assert image(tmp_path / "letter.jpg", "--kernel", "box", "--out", tmp_path / "figure.png") == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "letter.jpg" in error
    assert not (tmp_path / "figure.png").exists()
