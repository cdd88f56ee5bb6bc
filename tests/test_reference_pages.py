"""docs/reference holds what the commands' help and the docstrings say today."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import decanet

ROOT = Path(__file__).parents[1]
REGENERATE = "run: python docs/generate.py reference"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "docs" / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(reference: ModuleType) -> dict[str, str]:
    return reference.pages()


def test_the_committed_pages_are_the_generated_ones(reference: ModuleType, pages: dict[str, str]) -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in reference.FOLDER.glob("*.md")}
    assert set(committed) == set(pages), REGENERATE
    for name, page in pages.items():
        assert page.splitlines() == committed[name].splitlines(), REGENERATE


def test_every_command_and_public_name_has_its_place(pages: dict[str, str]) -> None:
    assert {"decanet.md", "train.md", "convolve-image.md", "convolve-image-slide.md"} <= set(pages)
    assert "--resume" in pages["train.md"]
    assert all(f"## decanet.{name}\n" in pages["python.md"] for name in decanet.__all__ if name[0] != "_")
    assert all(f"({name})" in pages["README.md"] for name in pages if name != "README.md")


def test_help_does_not_depend_on_the_terminal(reference: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    before = reference.help_of(("doctor",))
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert reference.help_of(("doctor",)) == before
    assert max(map(len, before.splitlines())) <= reference.WIDTH


def test_long_signatures_have_a_line_for_each_parameter(reference: ModuleType) -> None:
    def short(a: int, *, b: dict[str, int] | None = None) -> bool: ...

    def long(
        first_parameter: dict[str, tuple[int, str]],
        second_parameter: tuple[int, ...] = (1, 2),
        *,
        third: str = "a, b",
        **options: int,
    ) -> None: ...

    assert reference.signature(short) == "short(a: int, *, b: dict[str, int] | None = None) -> bool"
    assert reference.signature(long).splitlines() == [
        "long(",
        "    first_parameter: dict[str, tuple[int, str]],",
        "    second_parameter: tuple[int, ...] = (1, 2),",
        "    *,",
        "    third: str = 'a, b',",
        "    **options: int,",
        ") -> None",
    ]
