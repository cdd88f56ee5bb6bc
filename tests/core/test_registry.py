"""Registries find their entries by importing a package once, on first use."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from decanet.core.errors import UsageError
from decanet.core.registry import Registry

MakePackage = Callable[..., str]


@pytest.fixture
def make_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePackage:
    """Write a package that holds a registry REGISTRY and the given modules; return its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, **modules: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        registry = f"from decanet.core.registry import Registry\nREGISTRY = Registry('thing', {name!r})\n"
        (folder / "__init__.py").write_text(registry)
        for module, code in modules.items():
            (folder / f"{module}.py").write_text(f"from {name} import REGISTRY\n{code}\n")
        made.append(name)
        return name

    made: list[str] = []
    yield make  # type: ignore[misc]
    for name in [m for m in sys.modules if m.partition(".")[0] in made]:
        del sys.modules[name]


def registry_of(package: str) -> Registry[int]:
    __import__(package)
    found = sys.modules[package].REGISTRY
    assert isinstance(found, Registry)
    return found


def test_entries_are_found_by_discovery(make_package: MakePackage) -> None:
    things = registry_of(make_package("found_things", b="REGISTRY.add('two', 2)", a="REGISTRY.add('one', 1)"))
    assert things.names() == ["one", "two"]
    assert list(things) == ["one", "two"]
    assert things.get("two") == 2
    assert "one" in things
    assert "three" not in things


def test_nothing_is_imported_before_the_first_use(make_package: MakePackage) -> None:
    package = make_package("lazy_things", a="REGISTRY.add('one', 1)")
    things = registry_of(package)
    assert f"{package}.a" not in sys.modules
    things.names()
    assert f"{package}.a" in sys.modules


def test_private_modules_are_not_imported(make_package: MakePackage) -> None:
    things = registry_of(make_package("plumbed_things", _shared="raise RuntimeError('imported')"))
    assert things.names() == []


def test_a_name_that_is_taken_is_refused(make_package: MakePackage) -> None:
    code = "REGISTRY.add('one', 1)"
    things = registry_of(make_package("twice_things", a=code, b=code))
    with pytest.raises(ValueError, match="thing 'one' is registered twice"):
        things.names()


def test_a_module_that_cannot_be_imported_fails_every_time(make_package: MakePackage) -> None:
    """Otherwise the second lookup would use an incomplete registry and raise "unknown thing"."""
    things = registry_of(make_package("broken_things", a="import no_such_module_anywhere"))
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
            things.get("one")


def test_a_misspelled_name_is_refused_with_the_nearest_names(make_package: MakePackage) -> None:
    things = registry_of(
        make_package("near_things", a="REGISTRY.add('alexnet', 1); REGISTRY.add('vgg16', 2)")
    )
    with pytest.raises(UsageError, match=r"^unknown thing 'alexnt' \(did you mean alexnet\?\)$"):
        things.get("alexnt")


def test_a_name_that_is_not_near_any_is_refused_with_the_list(make_package: MakePackage) -> None:
    things = registry_of(make_package("far_things", a="REGISTRY.add('alexnet', 1); REGISTRY.add('vgg16', 2)"))
    with pytest.raises(UsageError, match=r"^unknown thing 'qqqq' \(known: alexnet, vgg16\)$"):
        things.get("qqqq")
