"""Fixtures of the tests of ``decanet convolve``."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The figures that a command saves, by path; they are kept instead of rendered."""
    from decanet.convolution.figures import sliding_kernel, sliding_window
    from decanet.core import plotting

    figures: dict[str, Any] = {}

    def keep(figure: Any, path: Path) -> Path:
        figures[str(path)] = figure
        return path

    for module in (plotting, sliding_kernel, sliding_window):
        monkeypatch.setattr(module, "save_figure", keep)
    return figures
