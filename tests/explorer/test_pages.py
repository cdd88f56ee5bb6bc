"""Pages are found by discovery."""

from decanet.core.texts import LANGUAGES, catalog
from decanet.explorer.pages import load_pages


def test_pages_are_found_in_the_order_of_the_navigation() -> None:
    pages = load_pages()
    orders = [page.order for page in pages]
    assert orders == sorted(set(orders))
    assert {"convolve", "network", "edit"} <= {page.name for page in pages}
    assert all(set(page.snapshot) <= set(page.questions) for page in pages)


def test_every_page_has_a_name_a_title_and_a_lead() -> None:
    for language in LANGUAGES:
        texts = catalog("decanet.explorer", language)
        assert all(
            f"{page.name}.{key}" in texts for page in load_pages() for key in ("name", "title", "lead")
        )
