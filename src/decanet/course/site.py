"""The site: one self-contained page for each chapter, and a first page with search. It opens from the disk."""

import html
import json
import re
import tempfile
from importlib import resources
from pathlib import Path

import torch

from decanet.core import pages
from decanet.core.files import write_text
from decanet.core.pages import Element
from decanet.core.texts import Texts
from decanet.course.render import EXPLORER, PACKAGE, render, slug
from decanet.course.source import Chapter, load_chapters
from decanet.explorer.session import Session
from decanet.explorer.snapshot import export

NETWORK = "decanet_s"  # that the widgets show: the smallest whose weights are in the package
LONGEST = 300  # characters of a section that search results show


def build(folder: Path, language: str = "en") -> Path:
    """Write the course into ``folder`` and return the path of its first page.

    Raises:
        UsageError: the language is unknown.
        LookupError: a chapter shows a command that was never run, or a number that no result has.
    """
    texts = Texts(PACKAGE, language)
    chapters = load_chapters(language)
    bodies = [render(chapter) for chapter in chapters]
    for position, (chapter, body) in enumerate(zip(chapters, bodies, strict=True)):
        page = pages.page(
            f"{chapter.number}. {chapter.title}",
            pages.markup(body),
            _neighbors(chapters, position, texts),
            language=language, lead=chapter.question, style=_read("course.css"),
            frames=any(block.kind == "widget" for block in chapter.blocks()),
        )  # fmt: skip
        write_text(folder / chapter.file, page)
    with tempfile.TemporaryDirectory() as empty:  # no data sets: the same images wherever it is built
        export(Session(NETWORK, torch.device("cpu"), Path(empty), Path(empty)), folder / EXPLORER, language)
    return write_text(folder / "index.html", _first_page(chapters, bodies, texts))


def _read(name: str) -> str:
    return (resources.files(PACKAGE) / name).read_text(encoding="utf-8")


def _neighbors(chapters: list[Chapter], position: int, texts: Texts) -> Element:
    """Links to the chapter before, the contents, and the chapter after."""
    links = [pages.link(texts("site.contents"), "index.html")]
    if position > 0:
        before = chapters[position - 1]
        links.insert(0, pages.link(f"← {before.title}", before.file))
    if position + 1 < len(chapters):
        after = chapters[position + 1]
        links.append(pages.link(f"{after.title} →", after.file))
    return Element("nav", (pages.items(*links),), {"aria-label": texts("site.chapters")})


def _first_page(chapters: list[Chapter], bodies: list[str], texts: Texts) -> str:
    found = json.dumps(sections(chapters, bodies), ensure_ascii=False).replace("</", "<\\/")
    label = html.escape(texts("site.search"))
    search = (
        f'<div class="search" role="search"><label>{label} <input type="search" id="search"></label>'
        f'<ul id="found" aria-live="polite"></ul></div><script type="application/json" id="sections">{found}</script>'
    )
    listed = [
        Element("li", (pages.link(chapter.title, chapter.file), Element("p", (chapter.question,))))
        for chapter in chapters
    ]
    return pages.page(
        texts("site.title"), pages.markup(search), Element("ol", tuple(listed), {"class": "chapters"}),
        language=texts.language, lead=texts("site.lead"), style=_read("course.css"), script=_read("search.js"),
    )  # fmt: skip


def sections(chapters: list[Chapter], bodies: list[str]) -> list[dict[str, str]]:
    """Return what search looks through: address, title and text of every section."""
    found = []
    for chapter, body in zip(chapters, bodies, strict=True):
        plain = re.sub(r"<(figure|pre|math).*?</\1>", " ", body, flags=re.DOTALL)
        parts = re.split(r'<h2 id="[^"]*">(.*?)</h2>', plain)
        titles = [chapter.title, *(html.unescape(re.sub(r"<[^>]+>", "", title)) for title in parts[1::2])]
        for title, text in zip(titles, parts[::2], strict=True):
            words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
            anchor = "" if title == chapter.title else f"#{slug(title)}"
            found.append(
                {
                    "page": chapter.file + anchor,
                    "title": f"{chapter.number}. {chapter.title}" + (f": {title}" if anchor else ""),
                    "text": words,
                    "shown": words[:LONGEST],
                }
            )
    return found
