"""docs/experiments.md and its Chinese version are what the committed results give."""

from types import ModuleType


def test_the_pages_are_those_of_the_committed_results(generator: ModuleType) -> None:
    for path, text in generator.experiments_pages().items():
        assert path.read_text(encoding="utf-8") == text, "run: python docs/generate.py experiments"


def test_every_figure_on_the_pages_exists(generator: ModuleType) -> None:
    for path, text in generator.experiments_pages().items():
        for line in text.splitlines():
            if line.startswith("!["):
                figure = line.rpartition("(")[2].rstrip(")")
                assert (path.parent / figure).exists(), figure
