"""The chapters as Jupyter notebooks, from the same source: the commands run where the reader runs them."""

import json
import re
from pathlib import Path
from typing import Any

from decanet.core.files import write_text
from decanet.core.texts import Texts
from decanet.course.numbers import number
from decanet.course.recorded_runs import FIGURE, command_lines
from decanet.course.render import PACKAGE, quoted
from decanet.course.source import KINDS, Block, Chapter, load_chapters, parse_block

_BLOCK = re.compile(rf"^```({'|'.join(KINDS)}) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write_notebooks(folder: Path, language: str = "en") -> list[Path]:
    """Write a notebook for each chapter and return their paths. Raises UsageError for an unknown language."""
    written = []
    for chapter in load_chapters(language):
        text = json.dumps(notebook(chapter), indent=1, ensure_ascii=False) + "\n"
        written.append(write_text(folder / chapter.file.replace(".html", ".ipynb"), text))
    return written


def notebook(chapter: Chapter) -> dict[str, Any]:
    """Return a chapter as a notebook (nbformat 4.5)."""
    texts = Texts(PACKAGE, chapter.language)
    cells = [_markdown(f"# {chapter.number}. {chapter.title}\n\n> {chapter.question}")]
    body = re.sub(r"\{\{([\w.#-]+)\}\}", lambda match: number(match[1]), chapter.body)
    position = 0
    for match in _BLOCK.finditer(body):
        cells += _prose(body[position : match.start()])
        cells += _block(parse_block(*match.groups()), texts)
        position = match.end()
    cells += _prose(body[position:])
    for index, cell in enumerate(cells):
        cell["id"] = f"{chapter.name}-{index}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _prose(text: str) -> list[dict[str, Any]]:
    return [_markdown(text.strip())] if text.strip() else []


def _block(block: Block, texts: Texts) -> list[dict[str, Any]]:
    match block.kind:
        case "run":
            commands = "\n".join(f"!{line}" for line in command_lines(block))
            if not any(FIGURE in line for line in block.lines):
                return [_code(commands)]
            show = f'from IPython.display import Image\n\nImage("{block.name}.png")'
            return [_code(commands), _code(show), _markdown(f"*{block.fields['caption']}*")]
        case "quote":
            title = texts("quote.title", name=block.name.replace(":", "."))
            return [_markdown(f"{title}\n\n```python\n{quoted(block.name)}\n```")]
        case "widget":
            caption = " ".join(block.lines)
            return [_markdown(f"{caption} {texts('widget.notebook', page=block.name)}")]
        case "predict":
            above, _, answer = "\n".join(block.lines).partition("\n---\n")
            title = texts("predict.title")
            return [
                _markdown(
                    f"**{title}**\n\n{above}\n\n<details><summary>...</summary>\n\n{answer}\n\n</details>"
                )
            ]
        case _:
            task = "\n".join(block.lines)
            check = f'!decanet course check {block.name} "?"'
            return [_markdown(f"**{texts('exercise.title')}**\n\n{task}"), _code(f"# {check}")]


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
