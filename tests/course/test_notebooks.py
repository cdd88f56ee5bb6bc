"""Notebooks: valid, and with the chapter's text, commands and exercises in its order."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from decanet.course.notebooks import notebook, write_notebooks
from decanet.course.recorded_runs import command_lines
from decanet.course.source import Chapter, load_chapters

CHAPTERS = [chapter for language in ("en", "zh") for chapter in load_chapters(language)]


def code(chapter: Chapter) -> list[str]:
    return [cell["source"] for cell in notebook(chapter)["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: f"{c.name}-{c.language}")
def test_a_notebook_runs_every_command_of_its_chapter_and_shows_its_figures(chapter: Chapter) -> None:
    runs = [block for block in chapter.blocks() if block.kind == "run"]
    commands = [line for block in runs for line in command_lines(block)]
    cells = code(chapter)
    assert [line[1:] for cell in cells for line in cell.splitlines() if line.startswith("!")] == commands
    shown = re.findall(r'Image\("([\w-]+)\.png"\)', "\n".join(cells))
    assert shown == [block.name for block in runs if any("{figure}" in line for line in block.lines)]
    for cell in cells:
        compile(re.sub(r"^!", "#", cell, flags=re.MULTILINE), "cell", "exec")


@pytest.mark.parametrize("chapter", CHAPTERS[:12], ids=lambda c: c.name)
def test_no_block_and_no_number_is_left_unfilled(chapter: Chapter) -> None:
    text = "\n".join(cell["source"] for cell in notebook(chapter)["cells"])
    assert "{{" not in re.sub(r"\$.*?\$", "", text)
    assert not re.search(r"^```(run|quote|predict|exercise)", text, re.MULTILINE)
    for heading in chapter.headings():
        assert f"## {heading}" in text


def test_the_files_are_notebooks_of_format_4_5(tmp_path: Path) -> None:
    written = write_notebooks(tmp_path, "zh")
    assert [path.name for path in written][:2] == ["01-echo.ipynb", "02-images.ipynb"]
    for path in written:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
        ids = [cell["id"] for cell in found["cells"]]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in ids)
