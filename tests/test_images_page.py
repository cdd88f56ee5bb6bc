"""docs/IMAGES.md states the origin and license of every image, sound, weight file and list of class names."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "IMAGES.md"
FOLDERS = ("src/decanet", "docs")
# Files of these kinds are text, and written by hand or generated from text.
TEXT = {".py", ".md", ".toml", ".json", ".css", ".js", ".html", ".typed", ""}


def rows() -> dict[str, tuple[str, str]]:
    """Origin and license by file."""
    table = re.findall(r"^\| `([^`]+)` \| (.+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    return {file: (origin, license) for file, origin, license in table}


def is_media(file: Path) -> bool:
    """Whether a file is an image, a sound, a font, an array or weights: all that is no text."""
    return file.suffix not in TEXT and not {"__pycache__", ".ipynb_checkpoints"} & set(file.parts)


def has_class_names(file: Path) -> bool:
    """Whether a module assigns a literal list of names to ``CLASSES``."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(
            getattr(name, "id", "") == "CLASSES" for name in node.targets
        ):
            return isinstance(node.value, ast.Tuple | ast.List)
    return False


def found() -> set[str]:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file()]
    media = {file for file in files if is_media(file)}
    names = {file for file in files if file.suffix == ".py" and has_class_names(file)}
    return {file.relative_to(ROOT).as_posix() for file in media | names}


def test_the_page_lists_what_there_is() -> None:
    assert len(found()) > 10
    missing, stale = found() - set(rows()), set(rows()) - found()
    assert not missing, "state their origin and license in docs/IMAGES.md"
    assert not stale, "remove them from docs/IMAGES.md"


def test_every_row_states_an_origin_and_a_license() -> None:
    assert all(len(origin) > 10 and license.strip("- ") for origin, license in rows().values())


@pytest.mark.parametrize(
    "name", ["cat.png", "voice.wav", "net.safetensors", "font.ttf", "x.npy", "figure.svg"]
)
def test_media_are_recognized(name: str) -> None:
    assert is_media(Path("docs") / name)


def test_a_list_of_class_names_is_recognized(tmp_path: Path) -> None:
    file = tmp_path / "data.py"
    file.write_text("CLASSES = ('cat', 'dog')\n")
    assert has_class_names(file)
    file.write_text("CLASSES = names()\n")
    assert not has_class_names(file)
