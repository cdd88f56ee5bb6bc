"""docs/experiments.md and its Chinese version are what the committed results give."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The program docs/generate.py."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_those_of_the_committed_results(generator: ModuleType) -> None:
    for path, text in generator.experiments_pages().items():
        assert path.read_text(encoding="utf-8") == text, "run: python docs/generate.py experiments"


def test_every_figure_on_the_pages_exists(generator: ModuleType) -> None:
    for path, text in generator.experiments_pages().items():
        for line in text.splitlines():
            if line.startswith("!["):
                figure = line.rpartition("(")[2].rstrip(")")
                assert (path.parent / figure).exists(), figure
