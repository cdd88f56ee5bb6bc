"""The style of all figures, colors for color-blind readers, and atomic saving.

Figures use matplotlib's object interface instead of pyplot: drawing needs no display, keeps no global state and works
in any thread.

Names of files, classes and kernels are drawn literally (:func:`literal`, :func:`class_labels`): matplotlib would
parse dollar signs as mathematics, and draw a box for every character that its font does not have.
"""

import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decanet.core._fonts import cover, family_for, without_notes
from decanet.core.errors import UsageError
from decanet.core.files import atomic_path, write_text
from decanet.core.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colors, safe for color-blind readers; LINES distinguishes lines in black and white.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
LINES = ("-", "--", "-.", ":")
NO_CHINESE_FONT = (
    "no installed font has Chinese characters, so the labels in figures are English; install one, for instance "
    "Noto Sans CJK SC (Debian and Ubuntu: sudo apt-get install fonts-noto-cjk)"
)

STYLE: dict[Any, Any] = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#666666",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "axes.labelcolor": "#333333",
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "font.size": 10,
    "image.interpolation": "nearest",
    "svg.hashsalt": "decanet",  # the same figure gives the same file
}


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of ``width`` by ``height`` inches with a constrained layout.

    Draw inside ``matplotlib.rc_context(STYLE)``, which :func:`styled` enters for a whole drawing function.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def styled(draw):  # untyped: a decorator that keeps the signature
    """Decorate a function that builds a figure, so that it draws in ``STYLE``."""
    import functools

    @functools.wraps(draw)
    def inside_style(*args, **kwargs):
        import matplotlib

        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return inside_style


def save_figure(figure: "Figure", path: Path | str, *, dpi: int = 150) -> Path:
    """Write ``figure`` as PNG, SVG or PDF by the file's extension, whole or not at all.

    Raises UsageError for another extension, and as :func:`atomic_path`.
    """
    path = Path(path)
    kind = path.suffix.lstrip(".").lower() or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise UsageError(f"cannot draw {path}: the name of a figure ends in .png, .svg or .pdf")
    with atomic_path(path) as temporary:
        temporary.write_bytes(encode_figure(figure, kind, dpi=dpi))
    return path


def encode_figure(figure: "Figure", kind: str = "png", *, dpi: int = 150) -> bytes:
    """Return ``figure`` as the contents of a PNG, SVG or PDF file, for instance for a page (:mod:`decanet.core.pages`).

    The same figure gives the same bytes.
    """
    import matplotlib

    stream = io.BytesIO()
    with matplotlib.rc_context(STYLE), without_notes():
        cover(figure)
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(stream, format=kind, dpi=dpi, metadata=metadata)
    return stream.getvalue()


def figure_language(language: str) -> str:
    """Return the language of a figure's labels: ``language``, or English where no installed font has its characters."""
    return "en" if language == "zh" and family_for("中") is None else language


def show_image(axes, image, title: str = "", **options) -> None:  # type: ignore[no-untyped-def]
    """Draw an image, (H, W) or (H, W, 3), without ticks and frame; the title is drawn literally."""
    axes.imshow(image, **options)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(literal(title), fontsize=9, fontweight="normal")


def signed_scale(limit: float) -> dict[str, Any]:
    """Return the options of ``imshow`` for signed values: blue below zero, white at zero, orange above zero.

    All figures use this color map. The negative end is darker than the positive one, so that the sign is visible in a
    black-and-white print; color-blind readers distinguish blue and orange.
    """
    from matplotlib.colors import LinearSegmentedColormap

    ends = ["#04204f", "#2f7fbf", "#ffffff", "#f2a04a", "#c75a00"]
    limit = limit or 1.0
    return {"cmap": LinearSegmentedColormap.from_list("signed", ends), "vmin": -limit, "vmax": limit}


def grid_shape(count: int, columns: int) -> tuple[int, int]:
    """Return (rows, columns) of a grid for ``count`` images."""
    return -(-count // columns), min(count, columns)


def literal(text: str) -> str:
    """Return ``text`` for matplotlib to draw literally, with escapes for characters that no installed font has."""
    composed = printable(unicodedata.normalize("NFC", text), keep_lines=True)
    return "".join(c if family_for(c) else c.encode("unicode_escape").decode() for c in composed).replace(
        "$", r"\$"
    )


def class_labels(classes: Sequence[str], longest: int = 14) -> list[str]:
    """Return class names short enough for a figure, to be drawn with :func:`literal`.

    A name that no installed font can write becomes ``class 3``; :func:`save_class_legend` writes the whole names.
    """
    numbered = _numbered(classes)
    names = [numbered.get(k, printable(name)) for k, name in enumerate(classes)]
    return [name if len(name) <= longest else name[: longest - 1] + "…" for name in names]


def needs_legend(classes: Sequence[str]) -> bool:
    """Return whether :func:`class_labels` numbers some of the classes."""
    return bool(_numbered(classes))


def save_class_legend(classes: Sequence[str], folder: Path) -> Path | None:
    """Write ``classes.txt`` beside the figures if these number some classes, or else return None."""
    if not needs_legend(classes):
        return None
    lines = (f"{number}: {printable(classes[k])}\n" for k, number in _numbered(classes).items())
    return write_text(folder / "classes.txt", "".join(lines))


def _numbered(classes: Sequence[str]) -> dict[int, str]:
    """Return labels for names that no installed font can write, by the index of the class."""
    composed = (unicodedata.normalize("NFC", printable(name)) for name in classes)
    return {k: f"class {k}" for k, name in enumerate(composed) if not all(map(family_for, name))}
