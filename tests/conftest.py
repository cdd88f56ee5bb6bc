"""Fixtures for the tests of several packages."""

import gc
import importlib.util
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

gc.disable()  # what is imported and collected stays; see below


def pytest_collection_finish() -> None:
    """Leave what was imported out of all later garbage collections, which would take a tenth of the time."""
    gc.enable()
    gc.freeze()


class Heard:
    """A report that records messages and progress."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[str, float, float | None, str]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, task: str, done: float, total: float | None, unit: str) -> None:
        self.steps.append((task, done, total, unit))


@pytest.fixture(scope="module")  # closed before other modules: they may run event loops of their own
def browser() -> Iterator[Any]:
    """A real Chromium; modules that use it skip themselves where ``make browser`` was not run."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="session")
def generator() -> ModuleType:
    """The program docs/generate.py, which writes the generated parts of the documentation."""
    file = Path(__file__).parents[1] / "docs" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MakeFolder = Callable[..., Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """``make_folder({"cats": 5, "dogs": 7}, where="", size=(20, 16))`` writes that many images of noise."""

    def make(counts: Mapping[str, int], where: str = "images", size: tuple[int, int] = (20, 16)) -> Path:
        folder = tmp_path / where
        for label, (name, count) in enumerate(counts.items()):
            (folder / name).mkdir(parents=True)
            for index in range(count):
                noise = np.random.default_rng([label, index]).integers(
                    0, 256, (size[1], size[0], 3), np.uint8
                )
                Image.fromarray(noise).save(folder / name / f"{index:03d}.png")
        return folder

    return make
