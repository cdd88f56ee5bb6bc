"""The page "sound" asks the server for nothing; tests/explorer/test_browser.py compares its numbers with Python's."""

from decanet.explorer.pages.sound import QUESTIONS
from decanet.explorer.server import STATIC


def test_the_browser_computes_all_of_it() -> None:
    assert not QUESTIONS
    assert "backend.js" not in (STATIC / "pages" / "sound.js").read_text(encoding="utf-8")
