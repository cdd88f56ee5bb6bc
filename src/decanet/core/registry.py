"""Registries: a new network, recipe, data set or kernel is a new file that registers itself.

A registry imports the modules of its package on first use, so that nothing is imported before it is needed and no list
is edited to add an entry.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Generic, TypeVar

from decanet.core.errors import UsageError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries of one kind, found by importing every module of ``package``.

    Args:
        noun: name of the kind in error messages, for instance ``"model"``.
        package: dotted name of the package whose modules register entries when imported.
    """

    def __init__(self, noun: str, package: str) -> None:
        self.noun = noun
        self.package = package
        self._entries: dict[str, T] = {}
        self._discovered = False

    def add(self, name: str, entry: T) -> T:
        """Register ``entry`` under ``name`` and return it. Raises ValueError when the name is taken."""
        if name in self._entries:
            raise ValueError(f"{self.noun} {name!r} is registered twice")
        self._entries[name] = entry
        return entry

    def _discover(self) -> None:
        if self._discovered:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):  # private modules register nothing
                importlib.import_module(f"{self.package}.{module.name}")
        self._discovered = True  # last, so that a module that cannot be imported fails the next time too

    def names(self) -> list[str]:
        """Return all names, sorted."""
        self._discover()
        return sorted(self._entries)

    def get(self, name: str) -> T:
        """Return the entry ``name``. Raises UsageError with the nearest names."""
        self._discover()
        try:
            return self._entries[name]
        except KeyError:
            hint = did_you_mean(name, self._entries) or f" (known: {', '.join(self.names())})"
            raise UsageError(f"unknown {self.noun} {name!r}{hint}") from None

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())
