"""Self-contained HTML pages: one file without scripts or outside references, for reports, insight pages and the course.

A page is a tree of elements, built by plain functions. Texts are escaped when the page is rendered, headings get their
level from the nesting of the sections, and a figure cannot be made without an alternative text:

>>> page("Filters", section("First layer", paragraph("The filters of ", code("conv1"), ".")))  # doctest: +SKIP

The style (``page.css``) is light or dark as the reader's system, readable on a phone and printable. Everything but the
page's own style and embedded images is forbidden by its Content-Security-Policy.
"""

import base64
import hashlib
import html
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from urllib.parse import urlsplit

from decanet.core.printable import printable
from decanet.core.texts import Texts

SCHEMES = {"", "http", "https", "mailto"}  # of links; others could run code
LARGEST_LEVEL = 6
_HEADING, _MARKUP, _VOID = "heading", "markup", {"img", "meta"}
_INLINE = {"a", "code", "em", "strong", "td", "th", "summary", "figcaption", "caption", "img"}
_SIGNATURES = {
    b"\x89PNG\r\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"<svg": "image/svg+xml",
    b"<?xml": "image/svg+xml",
}


@dataclass(frozen=True)
class Element:
    """An HTML element: its tag, its children in order, and its attributes."""

    tag: str
    children: tuple["Content", ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


Content = str | Element  # a string is text, and is escaped


def section(title: str, *content: Content, id: str | None = None) -> Element:
    """A section with a heading. Sections may be nested; ``id`` is the target of links, by default from the title."""
    attributes = {"id": id or _slug(title)}
    return Element("section", (Element(_HEADING, (title,)), *content), attributes)


def paragraph(*content: Content) -> Element:
    """A paragraph of text, code, links and emphasis."""
    return Element("p", content)


def emphasis(text: str) -> Element:
    """Emphasized text within a paragraph."""
    return Element("em", (text,))


def strong(text: str) -> Element:
    """Important text within a paragraph."""
    return Element("strong", (text,))


def code(text: str) -> Element:
    """Code within a paragraph."""
    return Element("code", (text,))


def code_block(text: str) -> Element:
    """Lines of code or of a command, which scroll where they are too long."""
    return Element("pre", (Element("code", (text,)),), {"tabindex": "0"})


def link(text: str, target: str) -> Element:
    """A link to a web page, or to a section of this page (``#id``). Raises ValueError for other schemes."""
    if urlsplit(target).scheme.lower() not in SCHEMES:
        raise ValueError(f"a link leads to a web page or to a section, not to {target!r}")
    return Element("a", (text,), {"href": target})


def items(*contents: Content, ordered: bool = False) -> Element:
    """A list with one item for each of ``contents``."""
    return Element("ol" if ordered else "ul", tuple(Element("li", (content,)) for content in contents))


def details(summary: str, *content: Content) -> Element:
    """Content that is shown when the reader opens ``summary``."""
    return Element("details", (Element("summary", (summary,)), *content))


def note(*content: Content) -> Element:
    """A remark set apart from the text, such as a caveat."""
    return Element("aside", content)


def figure(image: bytes, *, alt: str, caption: str | Sequence[Content] = "") -> Element:
    """An embedded image.

    Args:
        image: contents of a PNG, JPEG or SVG file.
        alt: alternative text: what a reader who cannot see the image must know.
        caption: shown below the image.

    Raises:
        ValueError: the alternative text is empty, or the image is of another kind.
    """
    if not alt.strip():
        raise ValueError("a figure needs an alternative text")
    kind = next((kind for start, kind in _SIGNATURES.items() if image.lstrip().startswith(start)), None)
    if kind is None:
        raise ValueError("a figure is a PNG, JPEG or SVG image")
    source = {"src": f"data:{kind};base64,{base64.b64encode(image).decode()}", "alt": alt}
    if kind == "image/png":  # the browser keeps the place free before the image is decoded
        width, height = struct.unpack(">II", image[16:24])
        source |= {"width": str(width), "height": str(height)}
    below = (Element("figcaption", _as_content(caption)),) if caption else ()
    return Element("figure", (Element("img", (), source), *below))


def markup(html: str) -> Element:
    """HTML that decanet made itself, as the course does from its Markdown; it is not escaped."""
    return Element(_MARKUP, (html,))


def table(
    header: Sequence[Content],
    rows: Iterable[Sequence[Content]],
    *,
    caption: str | Sequence[Content] = "",
    numeric: Iterable[int] = (),
) -> Element:
    """A table, which scrolls where it is too wide.

    Args:
        header: one heading for each column.
        rows: the cells; the first cell of each row is the row's heading.
        caption: shown above the table.
        numeric: indices of the columns that hold numbers, which are aligned to the right.

    Raises:
        ValueError: a row has another number of cells than the header.
    """
    numeric = set(numeric)

    def cell(column: int, content: Content, scope: str = "") -> Element:
        attributes = ({"scope": scope} if scope else {}) | ({"class": "number"} if column in numeric else {})
        return Element("th" if scope else "td", (content,), attributes)

    body = []
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row has {len(row)} cells, and the header {len(header)}: {row!r}")
        body.append(Element("tr", tuple(cell(k, c, "" if k else "row") for k, c in enumerate(row))))
    head = Element("tr", tuple(cell(k, c, "col") for k, c in enumerate(header)))
    above = (Element("caption", _as_content(caption)),) if caption else ()
    whole = Element("table", (*above, Element("thead", (head,)), Element("tbody", tuple(body))))
    label = _plain(above) or ", ".join(map(_plain, header))
    return Element(
        "div", (whole,), {"class": "table", "role": "region", "aria-label": label, "tabindex": "0"}
    )


def page(
    title: str,
    *content: Content,
    language: str = "en",
    lead: str | Sequence[Content] = "",
    contents: bool = False,
    style: str = "",
    script: str = "",
    frames: bool = False,
) -> str:
    """Return a whole page as HTML.

    Args:
        title: the page's title and first heading.
        content: sections, paragraphs, figures and tables.
        language: ``"en"`` or ``"zh"``: that of the content, and of the page's own texts.
        lead: a sentence or two below the title.
        contents: whether to list the sections below it.
        style, script: CSS and JavaScript of our own for this page, besides the style of all pages.
        frames: whether the page shows other pages, which lie beside it.

    Raises:
        ValueError: two sections have one id, or the sections are nested too deeply.
        UsageError: the language is unknown.
    """
    from decanet import __version__

    texts = Texts("decanet.core", language)
    ids = [element.attributes["id"] for element in _walk(content) if element.tag == "section"]
    if twice := sorted({id for id in ids if ids.count(id) > 1}):
        raise ValueError(f"two sections have the id {twice[0]!r}: give one of them another")
    top = [Element("h1", (title,))]
    if lead:
        top.append(Element("p", _as_content(lead), {"class": "lead"}))
    if contents:
        links = [
            _section_link(each) for each in content if isinstance(each, Element) and each.tag == "section"
        ]
        top.append(Element("nav", (items(*links),), {"aria-label": texts("page.contents")}))
    body = Element(
        "body",
        (
            Element("a", (texts("page.skip"),), {"class": "skip", "href": "#content"}),
            Element("header", tuple(top)),
            Element("main", content, {"id": "content"}),
            Element("footer", (texts("page.made_with", version=__version__),)),
        ),
    )
    style = resources.files("decanet.core").joinpath("page.css").read_text(encoding="utf-8") + style
    policy = f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'"
    if frames:
        policy += "; frame-src 'self' file:"
    if script:
        policy += f"; script-src '{_digest(script)}'"
    metas = (
        {"charset": "utf-8"},
        {"http-equiv": "Content-Security-Policy", "content": policy},
        {"name": "viewport", "content": "width=device-width, initial-scale=1"},
        {"name": "color-scheme", "content": "light dark"},
    )
    head = "".join(_render(Element("meta", (), attributes)) for attributes in metas)
    return (
        f'<!doctype html>\n<html lang="{texts("page.html_lang")}">\n<head>\n{head}'
        f"<title>{_escape(title)}</title>\n<style>{style}</style>\n</head>\n{_render(body)}"
        f"{f'<script>{script}</script>' if script else ''}</html>\n"
    )


def _digest(text: str) -> str:
    """The hash by which a Content-Security-Policy allows an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _render(content: Content, level: int = 1) -> str:
    """The HTML of an element; a heading within it is of ``level``."""
    if isinstance(content, str):
        return _escape(content)
    tag = content.tag
    if tag == _MARKUP:
        return "".join(map(str, content.children))
    if tag == "section":
        level += 1
    if tag == _HEADING:
        if level > LARGEST_LEVEL:
            raise ValueError(f"sections are nested deeper than {LARGEST_LEVEL - 1} levels")
        tag = f"h{level}"
    attributes = "".join(f' {name}="{_escape(value)}"' for name, value in content.attributes.items())
    end = "" if tag in _INLINE else "\n"
    if tag in _VOID:
        return f"<{tag}{attributes}>{end}"
    return f"<{tag}{attributes}>{''.join(_render(child, level) for child in content.children)}</{tag}>{end}"


def _escape(text: str) -> str:
    return html.escape(printable(text, keep_lines=True))


def _as_content(content: str | Sequence[Content]) -> tuple[Content, ...]:
    return (content,) if isinstance(content, str) else tuple(content)


def _walk(contents: Iterable[Content]) -> Iterator[Element]:
    for content in contents:
        if isinstance(content, Element):
            yield content
            yield from _walk(content.children)


def _plain(content: Content | Iterable[Content]) -> str:
    """The text of some content, without its elements."""
    if isinstance(content, str):
        return content
    return "".join(map(_plain, content.children if isinstance(content, Element) else content))


def _section_link(section: Element) -> Element:
    heading = section.children[0]
    assert isinstance(heading, Element)
    return Element("a", heading.children, {"href": f"#{section.attributes['id']}"})


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "section"
