"""What the commands of the chapters print and draw, recorded by running them."""

import functools
import io
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from PIL import Image

from decanet.core.errors import ResourceError
from decanet.core.files import write_json
from decanet.core.progress import Report
from decanet.course.source import Block, Chapter

FOLDER = Path(str(resources.files("decanet.course"))) / "recorded"
FIGURE, OUTPUTS = "{figure}", "outputs.json"
WIDTH = 1400  # pixels of a recorded figure, at most
_PASSING = re.compile(r"wrote |[\w ,]+: \d+ of \d+ \w+")  # what is no result: names of files, progress
COLORS = 128  # of a recorded figure, which keeps a chapter small


def command_lines(block: Block) -> list[str]:
    """Return the commands of a block as a reader types them, with the figure's own name."""
    return [line.replace(FIGURE, f"{block.name}.png") for line in block.lines if line]


@functools.cache
def outputs() -> dict[str, str]:
    """Return what every command of the chapters has printed, by the name of its block."""
    found: dict[str, str] = json.loads((FOLDER / OUTPUTS).read_text(encoding="utf-8"))
    return found


def output(block: Block) -> str:
    """Return the recorded output of a block, the lines that it shows. Raises LookupError where nothing was recorded."""
    if block.name not in outputs():
        raise LookupError(f"no output of {block.name} is recorded: decanet course --run")
    wanted = block.fields.get("lines", "")
    if wanted == "none":
        return ""
    lines = outputs()[block.name].splitlines()
    first, _, last = (wanted or f"1-{len(lines)}").partition("-")
    return "\n".join(lines[int(first) - 1 : int(last or first)]).strip("\n")


def figure(block: Block) -> bytes | None:
    """Return the recorded figure of a block, PNG; None for a block without one."""
    if not any(FIGURE in line for line in block.lines):
        return None
    file = FOLDER / f"{block.name}.png"
    if not file.exists():
        raise LookupError(f"no figure of {block.name} is recorded: decanet course --run")
    return file.read_bytes()


def record(chapters: Iterable[Chapter], report: Report) -> None:
    """Run every command of the chapters and keep what it prints and draws.

    Raises:
        ResourceError: a command failed.
    """
    blocks = {block.name: block for chapter in chapters for block in chapter.blocks() if block.kind == "run"}
    texts = dict(outputs()) if (FOLDER / OUTPUTS).exists() else {}
    for done, block in enumerate(blocks.values()):
        report.progress("commands", done, len(blocks), "commands")
        texts[block.name], drawn = run(block)
        if drawn is not None:
            (FOLDER / f"{block.name}.png").write_bytes(drawn)
    write_json(FOLDER / OUTPUTS, dict(sorted(texts.items())))
    outputs.cache_clear()
    report.progress("commands", len(blocks), len(blocks), "commands")


def run(block: Block) -> tuple[str, bytes | None]:
    """Run the commands of a block in an empty folder; returns what they print, and the figure as PNG.

    Raises:
        ResourceError: a command failed.
    """
    printed, drawn = "", None
    with tempfile.TemporaryDirectory() as name:
        for line in command_lines(block):
            command = [sys.executable, "-m", *shlex.split(line)]
            done = subprocess.run(command, cwd=name, capture_output=True, text=True, check=False)
            if done.returncode:
                raise ResourceError(f"{line} failed: {done.stderr.strip()}")
            printed += done.stdout
        if (figure := Path(name) / f"{block.name}.png").exists():
            drawn = _small(figure)
    lines = [line.rstrip() for line in printed.splitlines() if not _PASSING.match(line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n", drawn


def _small(figure: Path) -> bytes:
    """Return a figure as PNG with few colors, which flat drawings do not lose by."""
    stream = io.BytesIO()
    with Image.open(figure) as image:
        small = image.convert("RGB")
        small.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
        small.quantize(COLORS, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()
