"""The course in a real browser: no accessibility violation, no message, no request, and its two interactions."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from decanet.course.site import build

pytest.importorskip("playwright.sync_api", reason="the browser tests need: make browser")
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="the browser tests need: make browser"
)
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the browser tests need Chromium: make browser")


@pytest.fixture(scope="module", params=["en", "zh"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(f"course-{request.param}")
    build(folder, request.param)
    return folder


def test_no_page_has_an_accessibility_violation(browser: Any, site: Path) -> None:
    context = browser.new_context(bypass_csp=True)  # axe is a script of its own
    for file in sorted(site.glob("*.html")):
        page = context.new_page()
        page.goto(file.as_uri())
        violations = axe.Axe().run(page).response["violations"]
        assert not violations, (
            f"{file.name}: {[(each['id'], each['nodes'][0]['html']) for each in violations]}"
        )
        page.close()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_silent_and_fit_a_telephone(browser: Any, site: Path, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page, heard = context.new_page(), []
    page.on("console", lambda message: heard.append(message.text))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:", "blob:")) else heard.append(request.url)
        ),
    )
    for file in sorted(site.glob("*.html")):
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, file.name
    assert not [text for text in heard if not text.startswith(("file:", "data:", "blob:"))]
    context.close()


def test_an_answer_appears_after_a_choice(browser: Any, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "01-echo.html").as_uri())
    answer = page.locator(".answer").first
    assert not answer.is_visible()
    page.locator("input[type=radio]").first.focus()
    page.keyboard.press("Space")
    assert answer.is_visible()
    page.close()


def test_search_leads_to_a_section(browser: Any, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.fill("#search", "softmax")
    link = page.locator("#found a").first
    link.click()
    assert page.url.split("/")[-1].startswith(("05", "06", "08", "12"))
    page.goto((site / "index.html").as_uri())
    page.fill("#search", "no section has these words")
    assert page.locator("#found li").count() == 0
    page.close()


def test_a_page_of_the_explorer_is_alive_in_its_chapter(browser: Any, site: Path) -> None:
    page, heard = browser.new_page(), []
    page.on("console", lambda message: heard.append(message.text))
    page.goto((site / "03-edges.html").as_uri())
    page.locator(".widget").scroll_into_view_if_needed()
    frame = page.frame_locator(".widget iframe")
    result = frame.locator(".equation .result")
    result.wait_for(timeout=60_000)
    before = result.text_content()
    frame.locator(".kernel input").nth(4).fill("5")
    page.wait_for_timeout(300)
    assert result.text_content() != before
    assert frame.locator("nav").count() == 0
    assert not heard
    page.close()
