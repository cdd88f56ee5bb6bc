"""Pages are valid, self-contained, escaped, accessible and readable in the light and in the dark."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest

from decanet.core.errors import UsageError
from decanet.core.pages import (
    Content,
    code,
    code_block,
    details,
    emphasis,
    figure,
    items,
    link,
    note,
    page,
    paragraph,
    section,
    strong,
    table,
)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAADklEQVR4nGNgAAMGKAYAAEQAAvMU+ZcAAAAASUVORK5CYII="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EVIL = "<script>alert(\"x\")</script> & 'quotes' \u202e \x1b[2J"
VOID = {"meta", "img"}
CSS = resources.files("decanet.core").joinpath("page.css").read_text(encoding="utf-8")


class Tree(HTMLParser):
    """Reads a page strictly: every element is closed by its own end tag."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), "an attribute is given once"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, *tags: str) -> list[dict[str, Any]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def text(self, *tags: str) -> list[str]:
        return [text for tag, text in self.texts if tag in tags]


def everything(text: str = "text") -> tuple[Content, ...]:
    return (
        paragraph(text, code(text), emphasis(text), strong(text), link(text, "https://example.org/?a=1&b=2")),
        section(
            text,
            figure(PNG, alt=text, caption=text),
            section(
                "Inner", table([text, "n"], [[text, code("1")]], caption=["A ", code(text)], numeric=[1])
            ),
        ),
        section(
            "Last", code_block(f"{text}\n  more"), items(text, paragraph(text)), items("one", ordered=True)
        ),
        details(text, paragraph(text), section("Hidden", figure(SVG, alt="a square"))),
        note(paragraph(text)),
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_is_well_formed_in_both_languages(language: str) -> None:
    text = page("Title", *everything(), language=language, lead="A lead.", contents=True)
    assert text.startswith("<!doctype html>\n")
    tree = Tree(text)
    assert tree.all("html") == [{"lang": {"en": "en", "zh": "zh-CN"}[language]}]
    assert tree.text("title") == tree.text("h1") == ["Title"]
    assert [tree.elements[0][0], tree.elements[1][0]] == ["html", "head"]
    for tag in ("head", "body", "header", "main", "footer", "nav", "style", "title"):
        assert len(tree.all(tag)) == 1, tag
    assert ("由" in tree.text("footer")[0]) == (language == "zh")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown language 'fr' \(known: en, zh\)"):
        page("Title", language="fr")


def test_headings_get_their_level_from_the_nesting_and_leave_none_out() -> None:
    tree = Tree(page("Title", section("A", section("B", section("C"))), section("D")))
    headings = [(tag, text) for tag, text in tree.texts if re.fullmatch(r"h\d", tag)]
    assert headings == [("h1", "Title"), ("h2", "A"), ("h3", "B"), ("h4", "C"), ("h2", "D")]


def test_sections_nested_deeper_than_html_has_headings_are_refused() -> None:
    nested = section("6", id="s")
    for number in range(5, 0, -1):
        nested = section(str(number), nested)
    with pytest.raises(ValueError, match="nested deeper than 5 levels"):
        page("Title", nested)


def test_texts_and_attributes_are_escaped_everywhere() -> None:
    text = page(EVIL, *everything(EVIL), lead=EVIL)
    tree = Tree(text)
    assert not tree.all("script")
    shown = EVIL.replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")
    texts = tree.text("title", "h1", "summary", "em", "strong", "a", "figcaption")
    assert sorted(texts) == sorted(["Skip to the content", *[shown] * 7])
    assert tree.all("img")[0]["alt"] == shown
    assert "<script>" not in text


def test_code_keeps_its_lines_and_spaces() -> None:
    assert '<pre tabindex="0"><code>a\n  b</code></pre>' in page("Title", code_block("a\n  b"))


def test_nothing_is_loaded_from_outside() -> None:
    text = page("Title", *everything(), contents=True)
    tree = Tree(text)
    for tag, attributes in tree.elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("src", "srcset", "data", "poster", "background"):
            assert attributes.get(name, "data:").startswith("data:")
    assert "@import" not in CSS
    assert "url(" not in CSS


def test_the_policy_allows_the_page_s_own_style_and_embedded_images_only() -> None:
    text = page("Title")
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(
        m["content"] for m in Tree(text).all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith(f"default-src 'none'; img-src data:; style-src 'sha256-{digest}';")


def test_an_image_is_embedded_with_its_size() -> None:
    image = Tree(page("Title", figure(PNG, alt="a bar"))).all("img")[0]
    assert image["alt"] == "a bar"
    assert (image["width"], image["height"]) == ("3", "2")
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == PNG


def test_an_svg_is_embedded_as_an_image_in_which_no_script_runs() -> None:
    tree = Tree(page("Title", figure(SVG, alt="a square")))
    assert tree.all("img")[0]["src"].startswith("data:image/svg+xml;base64,")
    assert not tree.all("svg", "script")


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_figure_without_an_alternative_text_is_refused(alt: str) -> None:
    with pytest.raises(ValueError, match="needs an alternative text"):
        figure(PNG, alt=alt)


def test_a_file_that_is_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match="PNG, JPEG or SVG"):
        figure(b"<html>", alt="a page")


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "JavaScript:x", "data:text/html,x", "file:///etc/passwd"]
)
def test_a_link_that_could_run_code_or_open_files_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="leads to a web page"):
        link("x", target)


def test_a_row_of_another_length_than_the_header_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cells, and the header 2"):
        table(["a", "b"], [["1"]])


def test_a_table_has_headings_for_columns_and_rows_and_aligns_numbers() -> None:
    tree = Tree(page("Title", table(["recipe", "seconds"], [["quick", "59"], ["flash", "5"]], numeric=[1])))
    assert [heading.get("scope") for heading in tree.all("th")] == ["col", "col", "row", "row"]
    assert [cell.get("class") for cell in tree.all("td")] == ["number", "number"]
    region = tree.all("div")[0]
    assert region["aria-label"] == "recipe, seconds", "a region that scrolls has a name and can be focused"
    assert region["tabindex"] == "0"


def test_the_contents_link_to_the_sections() -> None:
    tree = Tree(page("Title", section("First layer", section("Inner")), section("第二层"), contents=True))
    targets = [each["href"] for each in tree.all("a")][1:]
    assert targets == ["#first-layer", "#第二层"]
    assert {"#" + each["id"] for each in tree.all("section")} >= set(targets)


def test_two_sections_with_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="two sections have the id 'a'"):
        page("Title", section("A"), section("B", section("a")))
    page("Title", section("A"), section("a", id="other"))


# The style.


def colors(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", css))


LIGHT = colors(CSS[: CSS.index("@media (prefers-color-scheme: dark)")])
DARK = LIGHT | colors(CSS[CSS.index("@media (prefers-color-scheme: dark)") : CSS.index(":root:lang(zh)")])
PRINT = LIGHT | colors(CSS[CSS.index("@media print") :])


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])
@pytest.mark.parametrize("name", ["ink", "quiet", "accent"])
@pytest.mark.parametrize("ground", ["paper", "tint"])
def test_text_has_the_contrast_of_wcag_aa(theme: dict[str, str], name: str, ground: str) -> None:
    light, dark = sorted([luminance(theme[name]), luminance(theme[ground])], reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_dark_and_light_differ() -> None:
    assert luminance(LIGHT["paper"]) > 0.9
    assert luminance(DARK["paper"]) < 0.02


@pytest.mark.parametrize(
    "rule", ["@media print", "prefers-color-scheme: dark", ":focus-visible", ":lang(zh)", "overflow-x: auto"]
)
def test_the_style_covers_print_dark_focus_chinese_and_narrow_screens(rule: str) -> None:
    assert rule in CSS


def test_every_class_of_the_style_is_used_by_a_page() -> None:
    without_numbers = re.sub(r"\d+\.\d+|\.\d+", "", re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL))
    styled = set(re.findall(r"\.([a-z-]+)", without_numbers))
    used = {
        name for _, attributes in Tree(page("Title", *everything(), lead="x")).elements
        for name in attributes.get("class", "").split()
    }  # fmt: skip
    assert styled == used
