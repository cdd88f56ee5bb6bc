"""Registries: a new network, recipe, data set or kernel is a new file that names itself.

A registry knows the package in which its entries live and imports that package's modules the first time
somebody asks, so that nothing is imported or probed before it is needed, and nothing else is edited to add
one.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Generic, TypeVar

from decanet.core.errors import UsageError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries of one sort, found by importing every module of ``package``.

    Args:
        noun: what an entry is called in error messages, for instance ``"model"``.
        package: dotted name of the package whose modules register entries when imported.
    """

    def __init__(self, noun: str, package: str) -> None:
        self.noun = noun
        self.package = package
        self._entries: dict[str, T] = {}
        self._discovered = False

    def add(self, name: str, entry: T) -> T:
        """Register ``entry`` under ``name``. Raises ValueError on a duplicate: entries must not shadow."""
        if name in self._entries:
            raise ValueError(f"{self.noun} {name!r} is registered twice")
        self._entries[name] = entry
        return entry

    def _discover(self) -> None:
        if self._discovered:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):  # plumbing registers nothing
                importlib.import_module(f"{self.package}.{module.name}")
        self._discovered = True  # only now: a module that cannot be imported must fail the next time too

    def names(self) -> list[str]:
        """All names, sorted."""
        self._discover()
        return sorted(self._entries)

    def get(self, name: str) -> T:
        """The entry called ``name``. Raises UsageError that suggests the nearest names."""
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
