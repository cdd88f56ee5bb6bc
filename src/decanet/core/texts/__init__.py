"""Texts that people read in pages and reports, in every language of :data:`LANGUAGES`.

A package brings its own catalogs: ``texts/en.toml`` and ``texts/zh.toml`` beside its modules. Tables of the TOML file
become dotted keys, and a value in braces is filled in with :meth:`str.format`:

    [accuracy]
    top1 = "{value:.1%} of {count:,} images are classified correctly."

>>> texts = Texts("decanet.evaluation", "en")  # doctest: +SKIP
>>> texts("accuracy.top1", value=0.9331, count=10_000)  # doctest: +SKIP
'93.3% of 10,000 images are classified correctly.'

A test finds every catalog and checks that all languages have the same keys with the same values in braces, and that
the package uses every key: as a string, or below an f-string's literal beginning (``f"quiz.{name}"`` uses ``quiz.*``).
"""

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from decanet.core.errors import UsageError, did_you_mean

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Texts:
    """The texts of one package in one language.

    Attributes:
        package: dotted name of the package that has the catalogs, for instance ``"decanet.insight"``.
        language: one of :data:`LANGUAGES`.

    Raises:
        UsageError: the language is unknown.
    """

    package: str
    language: str = "en"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise UsageError(f"unknown language {self.language!r} (known: {', '.join(LANGUAGES)})")

    def __call__(self, key: str, /, **values: Any) -> str:
        """Return the text of ``key`` with ``values`` filled in.

        Raises:
            LookupError: the catalog has no such key, or its text needs a value that is not given.
        """
        texts = catalog(self.package, self.language)
        if key not in texts:
            raise LookupError(f"{self.package} has no text {key!r}{did_you_mean(key, texts)}")
        try:
            return texts[key].format(**values)
        except KeyError as error:
            raise LookupError(f"text {key!r} of {self.package} needs a value for {error}") from None


@functools.cache
def catalog(package: str, language: str) -> Mapping[str, str]:
    """Return all texts of a package in one language by dotted key. Raises LookupError when there is no catalog."""
    file = resources.files(package) / "texts" / f"{language}.toml"
    if not file.is_file():
        raise LookupError(f"{package} has no catalog texts/{language}.toml")
    return dict(_flat(tomllib.loads(file.read_text(encoding="utf-8"))))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, str):
            yield f"{prefix}{name}", value
        else:
            raise TypeError(f"text {prefix}{name} is of type {type(value).__name__}: write it as a string")
