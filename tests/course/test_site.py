"""The site: pages that stand alone, whose links lead somewhere, and whose search knows every section."""

import html
import json
import re
import time
from pathlib import Path
from urllib.parse import unquote

import pytest

from decanet.course.site import build
from decanet.course.source import load_chapters
from decanet.explorer.pages import load_pages


@pytest.fixture(scope="module", params=["en", "zh"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(f"course-{request.param}")
    build(folder, request.param)
    return folder


def test_the_site_has_a_page_for_every_chapter_and_is_small(site: Path) -> None:
    names = {file.name for file in site.iterdir()}
    assert names == {"index.html", "explorer", *(chapter.file for chapter in load_chapters("en"))}
    assert sum(file.stat().st_size for file in site.rglob("*.*")) < 25_000_000


def test_every_link_within_the_site_leads_to_a_page_and_a_section(site: Path) -> None:
    pages_of_the_explorer = {page.name for page in load_pages()}
    assert (site / "explorer" / "index.html").exists()
    for file in site.glob("*.html"):
        page = file.read_text(encoding="utf-8")
        for target in re.findall(r'href="([^"]+)"', page):
            if target.startswith(("http", "mailto")):
                continue
            if target.startswith("explorer/"):
                assert html.unescape(target).rpartition("&/")[2] in pages_of_the_explorer
                continue
            name, _, anchor = target.partition("#")
            other = (site / name).read_text(encoding="utf-8") if name else page
            assert not anchor or f'id="{unquote(anchor)}"' in other, f"{file.name}: {target}"


def test_pages_ask_nobody_for_anything(site: Path) -> None:
    for file in site.glob("*.html"):
        page = html.unescape(file.read_text(encoding="utf-8"))
        assert "default-src 'none'" in page
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
        assert 'style="' not in page
        assert ("script-src" in page) == (file.name == "index.html")


def test_search_knows_every_section_by_its_address(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    found = json.loads(re.findall(r'id="sections">(.*?)</script>', page, re.DOTALL)[0].replace("<\\/", "</"))
    language = re.findall(r'<html lang="(\w\w)', page)[0]
    expected = sum(1 + len(chapter.headings()) for chapter in load_chapters(language))
    assert len(found) == expected
    for section in found:
        name, _, anchor = section["page"].partition("#")
        assert not anchor or f'id="{anchor}"' in (site / name).read_text(encoding="utf-8")
        assert section["text"].startswith(section["shown"])


def test_it_is_built_within_seconds(tmp_path: Path) -> None:
    start = time.perf_counter()
    build(tmp_path, "en")
    assert time.perf_counter() - start < 20
