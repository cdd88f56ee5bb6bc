"""All languages have the same texts with the same values in them, and every text is used."""

import ast
import re
import string
import sys
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from decanet.core.errors import UsageError
from decanet.core.texts import LANGUAGES, Texts, catalog

SOURCE = Path(str(resources.files("decanet")))
PACKAGES = sorted({
    ".".join(["decanet", *file.parents[1].relative_to(SOURCE).parts]) for file in SOURCE.rglob("texts/*.toml")
})  # fmt: skip


def used_keys(folder: Path) -> tuple[set[str], tuple[str, ...]]:
    """The strings of a package's source, and the literal beginnings of its f-strings, in Python and in JavaScript."""
    strings, beginnings = set(), set()
    for file in folder.rglob("*.js"):
        script = file.read_text(encoding="utf-8")
        strings |= set(re.findall(r'"([^"\n]*)"', script))
        beginnings |= set(re.findall(r"`([\w.]+)\$\{", script))
        if re.search(r"`\$\{page\.name\}\.", script):  # texts that every page has
            strings |= {
                f"{page.stem}.{key}"
                for page in folder.rglob("pages/*.js")
                for key in ("name", "title", "lead")
            }
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.add(node.value)
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                beginnings.add(str(node.values[0].value))
    return strings, tuple(beginning for beginning in beginnings if beginning.replace(".", "_").isidentifier())


def values_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_catalogs_are_found() -> None:
    assert "decanet.core" in PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_all_languages_have_the_same_keys_with_the_same_values(package: str) -> None:
    english = catalog(package, "en")
    for language in LANGUAGES:
        texts = catalog(package, language)
        assert texts.keys() == english.keys(), language
        for key, text in texts.items():
            assert text.strip(), key
            assert values_in(text) == values_in(english[key]), f"{language}: {key}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_is_used(package: str) -> None:
    strings, beginnings = used_keys(SOURCE.joinpath(*package.split(".")[1:]))
    unused = [key for key in catalog(package, "en") if key not in strings and not key.startswith(beginnings)]
    assert not unused


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with catalogs of its own."""
    folder = tmp_path / "own_texts"
    (folder / "texts").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "texts" / "en.toml").write_text(
        '[a.b]\ntop1 = "{value:.1%} of {count:,}"\nplain = "50% {{x}}"\n'
    )
    (folder / "texts" / "zh.toml").write_text(
        '[a.b]\ntop1 = "{count:,} 中的 {value:.1%}"\nplain = "x"\n', "utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_texts"
    sys.modules.pop("own_texts", None)
    catalog.cache_clear()


def test_a_text_is_filled_with_formatted_values(package: str) -> None:
    assert Texts(package)("a.b.top1", value=0.9331, count=10_000) == "93.3% of 10,000"
    assert Texts(package, "zh")("a.b.top1", value=0.9331, count=10_000) == "10,000 中的 93.3%"
    assert Texts(package)("a.b.plain") == "50% {x}"


def test_a_value_is_never_read_as_a_text_with_values(package: str) -> None:
    (Path(str(resources.files(package))) / "texts" / "en.toml").write_text('name = "class {name}"\n')
    assert Texts(package)("name", name="{count}") == "class {count}"


def test_an_unknown_key_is_refused_with_the_nearest(package: str) -> None:
    with pytest.raises(LookupError, match=r"own_texts has no text 'a\.b\.top' \(did you mean a\.b\.top1"):
        Texts(package)("a.b.top")


def test_a_missing_value_is_named(package: str) -> None:
    with pytest.raises(LookupError, match=r"text 'a\.b\.top1' of own_texts needs a value for 'value'"):
        Texts(package)("a.b.top1", count=3)


def test_an_unknown_language_is_refused_when_the_texts_are_opened() -> None:
    with pytest.raises(UsageError, match=r"unknown language 'fr' \(known: en, zh\)"):
        Texts("decanet.core", "fr")


def test_a_package_without_a_catalog_is_named() -> None:
    with pytest.raises(LookupError, match=r"decanet\.facts has no catalog texts/en\.toml"):
        Texts("decanet.facts")("x")


@pytest.mark.parametrize("content", ["a = 3", "a = ['x']", "a = 2026-01-01"])
def test_a_text_that_is_no_string_is_refused(package: str, content: str) -> None:
    (Path(str(resources.files(package))) / "texts" / "en.toml").write_text(content)
    with pytest.raises(TypeError, match="text a is of type"):
        Texts(package)("a")


def test_an_unused_text_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text('t("a.b")\nt(f"quiz.{name}")\nt(f"{x}.c")\n')
    strings, beginnings = used_keys(tmp_path)
    assert "a.b" in strings
    assert beginnings == ("quiz.",)


def test_catalogs_are_toml_without_repeated_keys() -> None:
    for file in SOURCE.rglob("texts/*.toml"):
        assert tomllib.loads(file.read_text(encoding="utf-8"))
