"""docs/insight.md shows every view once, with a command that works and an image that exists."""

import importlib.util
import re
import shlex
from pathlib import Path

from decanet.cli import _app
from decanet.insight.views import list_views

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "insight.md").read_text(encoding="utf-8")


def test_every_view_is_shown_with_its_command() -> None:
    shown = set(re.findall(r"^    decanet inspect ([\w-]+)", PAGE, re.M))
    assert set(list_views()) | {"report"} == shown


def test_every_command_is_accepted() -> None:
    commands = re.findall(r"^    (decanet .+)$", PAGE, re.M)
    assert len(commands) > 12
    for command in commands:
        _app().parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)


def test_every_image_is_drawn_by_the_command_before_it() -> None:
    spec = importlib.util.spec_from_file_location("insight_images", ROOT / "docs" / "insight_images.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    named = set(re.findall(r"\(images/insight/([\w.-]+)\)", PAGE))
    assert set(module.commands()) == named
    assert named == {path.name for path in (ROOT / "docs" / "images" / "insight").iterdir()}
