"""Which installed font has a character: a name is drawn in a font that can write it, and never as boxes."""

import contextlib
import functools
import logging
import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

BASE = "sans-serif"  # what everything is drawn in that needs nothing else
LATIN = "\u024f"  # up to here every sans-serif font has every letter

# Fonts that have a box, or nothing, for every character.
_EMPTY = re.compile(r"last ?resort|adobe blank|adobenotdef|emoji", re.IGNORECASE)
# Where Chinese and Japanese write a character differently, Chinese fonts come first.
_CHINESE = re.compile(r"\b(SC|CN|GB)\b|WenQuanYi|Hei|Song|Kai|YaHei|PingFang")


@functools.cache
def family_for(character: str) -> str | None:
    """The font family to draw ``character`` in, ``BASE`` where that one has it; None where no installed font has."""
    if character <= LATIN or character.isspace():
        return BASE
    if _needs_layout(character) and not _has_layout():
        return None
    with without_notes():
        return next((family for family in (BASE, *installed()) if _has(family, character)), None)


def cover(figure: "Figure") -> None:
    """Let each text of ``figure`` fall back on the fonts that its characters need."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        needed = {family_for(character) for character in text.get_text()} - {BASE, None}
        if needed:
            text.set_fontfamily([*text.get_fontfamily(), *sorted(filter(None, needed))])


@contextlib.contextmanager
def without_notes() -> Iterator[None]:
    """Keep matplotlib from telling on stderr that a font has no bold face and its regular one is taken."""
    logger = logging.getLogger("matplotlib.font_manager")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def installed() -> list[str]:
    """The font families of this machine that may be fallen back on, those with an upright regular face first."""
    from matplotlib import font_manager

    families = {font.name for font in font_manager.fontManager.ttflist if not _EMPTY.search(font.name)}
    return sorted(
        families, key=lambda family: (_faces(family)[0][0], _CHINESE.search(family) is None, family)
    )


@functools.cache
def _has(family: str, character: str) -> bool:
    from matplotlib import font_manager

    try:
        properties = font_manager.FontProperties(family=[BASE]) if family == BASE else _faces(family)[0][1]
        font = font_manager.get_font(font_manager.findfont(properties, fallback_to_default=False))
    except (OSError, RuntimeError, ValueError):  # listed, but gone or damaged
        return False
    return font.scalable and font.get_char_index(ord(character)) != 0


@functools.cache
def _faces(family: str) -> list[tuple[int, "FontProperties"]]:
    """A family's faces as (how far from regular, properties), the nearest first."""
    from matplotlib import font_manager

    faces = []
    for font in font_manager.fontManager.ttflist:
        if font.name == family:
            look: dict[str, Any] = {"style": font.style, "weight": font.weight, "stretch": font.stretch}
            properties = font_manager.FontProperties(family=[family], **look)
            weight = (
                look["weight"]
                if isinstance(look["weight"], int)
                else font_manager.weight_dict[look["weight"]]
            )
            far = abs(weight - 400) + 1000 * (font.style != "normal")
            faces.append((far, properties))
    return sorted(faces, key=lambda face: face[0])


def _needs_layout(character: str) -> bool:
    """Whether a letter's place or form depends on its neighbors: written from the right, or around a consonant."""
    return unicodedata.bidirectional(character) in ("R", "AL") or unicodedata.category(character) == "Mc"


def _has_layout() -> bool:
    """Whether this matplotlib lays complex scripts out (3.11 and later)."""
    from matplotlib import ft2font

    return hasattr(ft2font, "__libraqm_version__")
