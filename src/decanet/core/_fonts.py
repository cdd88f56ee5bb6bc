"""Fallback fonts: each character is drawn in an installed font that has it, instead of as a box."""

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

BASE = "sans-serif"  # the default
LATIN = "\u024f"  # every sans-serif font has all letters up to here

# Fonts that have a box, or nothing, for every character.
_EMPTY = re.compile(r"last ?resort|adobe blank|adobenotdef|emoji", re.IGNORECASE)
# Chinese fonts come first: Chinese and Japanese write some characters differently.
_CHINESE = re.compile(r"\b(SC|CN|GB)\b|WenQuanYi|Hei|Song|Kai|YaHei|PingFang")


@functools.cache
def family_for(character: str) -> str | None:
    """Return the font family for ``character``, ``BASE`` if possible; None when no installed font has it."""
    if character <= LATIN or character.isspace():
        return BASE
    if _needs_layout(character) and not _has_layout():
        return None
    with without_notes():
        return next((family for family in (BASE, *installed()) if _has(family, character)), None)


def cover(figure: "Figure") -> None:
    """Set the fallback fonts of each text in ``figure`` that its characters need."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        needed = {family_for(character) for character in text.get_text()} - {BASE, None}
        if needed:
            text.set_fontfamily([*text.get_fontfamily(), *sorted(filter(None, needed))])


@contextlib.contextmanager
def without_notes() -> Iterator[None]:
    """Suppress matplotlib's warning that a font has no bold face and that its regular face is used."""
    logger = logging.getLogger("matplotlib.font_manager")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def installed() -> list[str]:
    """Return the font families of this machine for fallback, those with an upright regular face first."""
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
    except (OSError, RuntimeError, ValueError):  # listed, but missing or damaged
        return False
    return font.scalable and font.get_char_index(ord(character)) != 0


@functools.cache
def _faces(family: str) -> list[tuple[int, "FontProperties"]]:
    """Return a family's faces as (distance from regular, properties), the nearest first."""
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
    """Return whether a character needs complex layout: right-to-left, or placed around a consonant."""
    return unicodedata.bidirectional(character) in ("R", "AL") or unicodedata.category(character) == "Mc"


def _has_layout() -> bool:
    """Return whether this matplotlib has complex layout (3.11 and later)."""
    from matplotlib import ft2font

    return hasattr(ft2font, "__libraqm_version__")
