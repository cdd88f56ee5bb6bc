"""The server's side of the pages, one module a page, found by discovery.

A module states ``ORDER``, its place in the navigation, and ``QUESTIONS``: name -> function of the session and of what
the page sent, which returns an object for JSON. A page that computes everything in the browser has no questions.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass

from decanet.explorer.session import Question


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        name: of its modules and in its address.
        order: place in the navigation.
        questions: what it may ask the server.
        snapshot: names of those whose answers go into a snapshot as they are; they need nothing from the page.
    """

    name: str
    order: int
    questions: Mapping[str, Question]
    snapshot: tuple[str, ...] = ()


def load_pages() -> list[Page]:
    """Return all pages in the order of the navigation."""
    pages = []
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        pages.append(Page(found.name, module.ORDER, module.QUESTIONS, getattr(module, "SNAPSHOT", ())))
    return sorted(pages, key=lambda page: page.order)
