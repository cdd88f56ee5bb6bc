"""The style of all figures, and their files."""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import matplotlib.text
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from decanet.core import _fonts, pages
from decanet.core.errors import UsageError
from decanet.core.plotting import (
    STYLE,
    class_labels,
    encode_figure,
    grid_shape,
    literal,
    new_figure,
    save_class_legend,
    save_figure,
    show_image,
    styled,
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
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (300, 200)
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_extension_selects_the_format(tmp_path: Path, ending: str, begins: bytes) -> None:
    content = save_figure(draw(), tmp_path / f"line.{ending}").read_bytes()
    assert content.startswith(begins)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_figure_gives_the_same_file(tmp_path: Path, ending: str) -> None:
    first, second = (save_figure(draw(), tmp_path / f"{name}.{ending}").read_bytes() for name in "ab")
    assert first == second


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_figure_is_encoded_as_in_its_file_and_shown_by_a_page(tmp_path: Path, kind: str) -> None:
    encoded = encode_figure(draw(), kind)
    assert encoded == save_figure(draw(), tmp_path / f"a.{kind}").read_bytes()
    assert "data:image/" in pages.page("Title", pages.figure(encoded, alt="a line"))


def test_an_unknown_extension_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line\.xyz"):
        save_figure(draw(), tmp_path / "line.xyz")
    assert list(tmp_path.iterdir()) == []


def test_drawing_does_not_change_matplotlibs_settings() -> None:
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


def test_an_image_has_no_ticks_and_no_frame() -> None:
    figure = new_figure(2, 2)
    axes = figure.subplots()
    show_image(axes, np.zeros((4, 5, 3)), "black")
    assert list(axes.get_xticks()) == []
    assert list(axes.get_yticks()) == []
    assert not any(spine.get_visible() for spine in axes.spines.values())
    assert axes.get_title() == "black"
    assert axes.images[0].get_array().shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("count", "columns", "shape"), [(16, 8, (2, 8)), (17, 8, (3, 8)), (3, 8, (1, 3)), (1, 1, (1, 1))]
)
def test_a_grid_has_as_many_rows_as_needed(count: int, columns: int, shape: tuple[int, int]) -> None:
    assert grid_shape(count, columns) == shape


def test_long_names_are_shortened_and_short_ones_kept() -> None:
    assert class_labels(["cat", "a" * 14, "a" * 15]) == ["cat", "a" * 14, "a" * 13 + "…"]
    assert all(len(name) <= 5 for name in class_labels(["automobile"], longest=5))


def parsed(text: str) -> tuple[str, bool]:
    """Return the characters that matplotlib draws for a text, and whether it parses them as mathematics."""
    drawn = matplotlib.text.Text(0, 0, text)
    return drawn._preprocess_math(text)


@pytest.mark.parametrize(
    "name",
    [
        "Ba$$in",
        "$10, is $5",
        "$",
        r"\$",
        r"a\$b$",
        "$x^2$",
        "a_b^c{d}",
        r"\frac",
        "$$$",
        "$\\alpha$",
        "",
        "caf\u00e9",
    ],
)
def test_names_are_drawn_literally(name: str) -> None:
    """matplotlib parses text between dollar signs as mathematics and raises where it cannot."""
    assert parsed(literal(name)) == (name, False)


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("caf\udce9", r"caf\xe9"), ("a\x1b[2Jb", r"a\x1b[2Jb"), ("a\u202eb", r"a\u202eb"), ("a\x00b", r"a\x00b"),
        ("cafe\u0301", "café"), ("two\nlines", "two\nlines"),
    ],
)  # fmt: skip
def test_a_character_that_cannot_be_drawn_is_escaped(name: str, drawn: str) -> None:
    assert literal(name) == drawn


@pytest.fixture
def fresh_fonts() -> Iterator[None]:
    """Clear the caches of fonts before and after."""
    for known in (_fonts.family_for, _fonts._has):
        known.cache_clear()
    yield
    for known in (_fonts.family_for, _fonts._has):
        known.cache_clear()


@styled
def titled(title: str) -> Figure:
    figure = new_figure(3, 2)
    axes = figure.subplots()
    axes.set_title(literal(title))
    axes.set_xticks([0, 1], [literal(name) for name in class_labels([title, "dog"])])
    return figure


@pytest.mark.usefixtures("fresh_fonts")
def test_without_fonts_names_become_numbers_with_a_legend_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_fonts, "installed", list)
    classes = ["cat", "猫", "ネコ", "🦊\u200d🦊", "dog"]
    assert class_labels(classes) == ["cat", "class 1", "class 2", "class 3", "dog"]
    legend = save_class_legend(classes, tmp_path / "figures")
    assert legend == tmp_path / "figures" / "classes.txt"
    assert legend.read_text(encoding="utf-8") == "class 1: 猫\nclass 2: ネコ\nclass 3: 🦊\u200d🦊\n"
    assert save_class_legend(["cat", "Ba$$in", "café"], tmp_path / "none") is None
    assert not (tmp_path / "none").exists()
    assert literal("猫.png") == r"\u732b.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of every character that becomes a box
        save_figure(titled("猫"), tmp_path / "figure.png", dpi=50)


@pytest.mark.usefixtures("fresh_fonts")
@pytest.mark.parametrize("letter", "−αЖ∑")
def test_a_letter_of_the_default_font_needs_no_fallback(letter: str) -> None:
    assert _fonts.family_for(letter) == _fonts.BASE


@pytest.mark.usefixtures("fresh_fonts")
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_fallback_font_that_has_the_letter_is_used(tmp_path: Path, ending: str) -> None:
    letter = "ᴕ"  # of the fonts that come with matplotlib, DejaVu Serif has it and DejaVu Sans has not
    assert _fonts.family_for(letter) not in (None, _fonts.BASE)
    assert literal(letter) == letter
    assert class_labels([letter]) == [letter]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = titled(letter)
        save_figure(figure, tmp_path / f"figure.{ending}", dpi=50)
    assert figure.axes[0].title.get_fontfamily() == [_fonts.BASE, _fonts.family_for(letter)]
    assert figure.axes[0].get_xticklabels()[1].get_fontfamily() == [_fonts.BASE], (
        "the others stay as they are"
    )


def test_no_warning_is_logged_for_a_missing_bold_face(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    figure = new_figure(2, 2)
    figure.text(
        0.5, 0.5, "a", fontfamily=["STIXSizeFiveSym", "DejaVu Sans"], fontweight="bold"
    )  # it has no bold
    save_figure(figure, tmp_path / "figure.png", dpi=50)
    assert caplog.text == ""


@pytest.mark.usefixtures("fresh_fonts")
def test_no_warning_is_logged_while_fonts_are_searched(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def warns(*_: object, **__: object) -> str:
        logging.getLogger("matplotlib.font_manager").warning("findfont: Failed to find font weight")
        raise ValueError

    monkeypatch.setattr("matplotlib.font_manager.findfont", warns)
    assert _fonts.family_for("\u0e01") is None
    assert not caplog.records


@pytest.mark.usefixtures("fresh_fonts")
@pytest.mark.parametrize("letter", ["猫", "\ue123", "\U0010fffd"])
def test_a_font_of_boxes_is_no_fallback(letter: str) -> None:
    family = _fonts.family_for(letter)
    assert family is None or not {"Last Resort High-Efficiency", "LastResort"} & {family}


@pytest.mark.usefixtures("fresh_fonts")
@pytest.mark.parametrize("letter", ["ا", "ש"])
def test_right_to_left_script_needs_a_matplotlib_with_complex_layout(
    letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_fonts, "_has_layout", lambda: False)
    assert class_labels([letter]) == ["class 0"]
    _fonts.family_for.cache_clear()
    monkeypatch.setattr(_fonts, "_has_layout", lambda: True)
    assert class_labels([letter]) == [letter]
