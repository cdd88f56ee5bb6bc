"""The one look of all figures, and their files."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from decanet.core.errors import UsageError
from decanet.core.plotting import (
    STYLE,
    grid_shape,
    new_figure,
    save_figure,
    show_picture,
    styled,
    wrap_names,
)


@styled
def draw() -> Figure:
    figure = new_figure(3, 2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1])
    axes.set_title("a line")
    return figure


def test_a_png_has_the_size_in_inches_times_dots(tmp_path: Path) -> None:
    path = save_figure(draw(), tmp_path / "figures" / "line.png", dpi=100)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.size == (300, 200)
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_ending_decides_the_format(tmp_path: Path, ending: str, begins: bytes) -> None:
    content = save_figure(draw(), tmp_path / f"line.{ending}").read_bytes()
    assert content.startswith(begins)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_figure_gives_the_same_file(tmp_path: Path, ending: str) -> None:
    first, second = (save_figure(draw(), tmp_path / f"{name}.{ending}").read_bytes() for name in "ab")
    assert first == second


def test_an_unknown_ending_is_refused_in_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line\.xyz"):
        save_figure(draw(), tmp_path / "line.xyz")
    assert list(tmp_path.iterdir()) == []


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    before = dict(matplotlib.rcParams)
    figure = draw()
    assert dict(matplotlib.rcParams) == before
    assert not figure.axes[0].spines["top"].get_visible()
    assert figure.axes[0].spines["left"].get_edgecolor()[:3] == to_rgb(STYLE["axes.edgecolor"])


def test_a_decorated_function_keeps_its_name_and_arguments() -> None:
    @styled
    def double(x: int, *, more: int = 0) -> int:
        """Twice."""
        return 2 * x + more

    assert double(2, more=1) == 5
    assert (double.__name__, double.__doc__) == ("double", "Twice.")


def test_a_picture_has_neither_ticks_nor_frame() -> None:
    figure = new_figure(2, 2)
    axes = figure.subplots()
    show_picture(axes, np.zeros((4, 5, 3)), "black")
    assert list(axes.get_xticks()) == []
    assert list(axes.get_yticks()) == []
    assert not any(spine.get_visible() for spine in axes.spines.values())
    assert axes.get_title() == "black"
    assert axes.images[0].get_array().shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("count", "columns", "shape"), [(16, 8, (2, 8)), (17, 8, (3, 8)), (3, 8, (1, 3)), (1, 1, (1, 1))]
)
def test_a_contact_sheet_is_as_large_as_it_must_be(count: int, columns: int, shape: tuple[int, int]) -> None:
    assert grid_shape(count, columns) == shape


def test_long_names_are_shortened_and_short_ones_kept() -> None:
    assert wrap_names(["cat", "a" * 14, "a" * 15]) == ["cat", "a" * 14, "a" * 13 + "…"]
    assert all(len(name) <= 5 for name in wrap_names(["automobile"], longest=5))
