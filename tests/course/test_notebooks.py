"""Notebooks: valid, and with the chapter's text, commands and exercises in its order."""

import json
import re
import sys
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


@pytest.mark.slow  # a quarter of an hour: every command of every chapter
@pytest.mark.parametrize("chapter", CHAPTERS[:12], ids=lambda c: c.name)
def test_the_commands_and_figures_of_a_notebook_run(chapter: Chapter, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs: pip install nbclient ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="needs: pip install nbclient ipykernel")
    written = nbformat.from_dict(notebook(chapter))
    bin_folder = str(Path(sys.executable).parent)
    start = nbformat.v4.new_code_cell(
        f"import os; os.environ['PATH'] = {bin_folder!r} + ':' + os.environ['PATH']"
    )
    written["cells"].insert(0, start)
    resources = {"metadata": {"path": str(tmp_path)}}
    done = nbclient.NotebookClient(written, timeout=900, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in done["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]
    printed = "".join(output.get("text", "") for output in outputs)
    assert "Traceback" not in printed
    assert "decanet: " not in printed  # how a command begins that failed
    shown = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(shown) == sum(cell.count("Image(") for cell in code(chapter))


def test_the_files_are_notebooks_of_format_4_5(tmp_path: Path) -> None:
    written = write_notebooks(tmp_path, "zh")
    assert [path.name for path in written][:2] == ["01-echo.ipynb", "02-images.ipynb"]
    for path in written:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
        ids = [cell["id"] for cell in found["cells"]]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in ids)
