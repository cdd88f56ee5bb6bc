"""The texts in the figures and tables of the report in another language.

Views draw in English. For the Chinese report each text of a finished figure is looked up in ``texts/figures.toml``, a
list of phrases with places for numbers and names; names of networks, stages and classes stay as they are. A text that
the list does not have stays English, and a test draws a report's figures and finds none.
"""

import functools
import re
import tomllib
from importlib import resources
from typing import TYPE_CHECKING

from decanet.core.plotting import figure_language

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PLACE = re.compile(r"\\\{(\d)\\\}")  # as re.escape leaves it


@functools.cache
def phrases() -> list[tuple[re.Pattern[str], str]]:
    """Return every English phrase as a pattern, with its Chinese text; those with fewer places come first."""
    text = (resources.files("decanet.insight") / "texts" / "figures.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)["phrase"]
    listed.sort(key=lambda one: (one["en"].count("{"), -len(one["en"])))
    return [
        (re.compile(_PLACE.sub(r"(?P<p\1>.+?)", re.escape(one["en"])), re.DOTALL), one["zh"])
        for one in listed
    ]


def translated(text: str) -> str:
    """Return the Chinese of a text, or the text itself where no phrase fits."""
    plain = text.strip()
    for pattern, chinese in phrases():
        if match := pattern.fullmatch(plain):
            places = [value for _, value in sorted(match.groupdict().items())]
            return chinese.format(*places)
    return text


def translate(figure: "Figure", language: str) -> None:
    """Replace the texts of a figure, if it is to be Chinese and a font for that is installed."""
    if figure_language(language) != "zh":
        return
    from matplotlib.text import Text
    from matplotlib.ticker import FixedLocator

    for axes in figure.findobj(lambda artist: hasattr(artist, "xaxis")):
        for axis in (axes.xaxis, axes.yaxis):  # type: ignore[attr-defined]
            if isinstance(axis.get_major_locator(), FixedLocator):  # drawing sets the texts of its ticks anew
                labels = [label.get_text() for label in axis.get_ticklabels()]
                if labels != (changed := list(map(translated, labels))):
                    axis.set_ticks(axis.get_ticklocs(), changed)
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        found = translated(text.get_text())
        if found != text.get_text():
            text.set_text(found)
