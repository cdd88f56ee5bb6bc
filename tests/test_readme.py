"""The README agrees with the commands and the results, and the Chinese README with the English one."""

import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh.md")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READMES)
def test_generated_tables_agree_with_commands_and_results(generator: ModuleType, name: str) -> None:
    assert generator.generated(name, text(name)) == text(name), "run: python docs/generate.py"


def test_both_languages_have_the_same_structure() -> None:
    english, chinese = map(text, READMES)
    patterns = {
        "commands and programs": (r"```.*?```", re.S),
        "images": (r'<img src="([^"]+?)(?:-zh)?\.\w+"', 0),  # a figure may have Chinese labels
        "links": (r"\]\(((?!README)[^)]+)\)", 0),
        "generated parts": (r"<!-- .*? -->", 0),
        "measured speeds": (r"^\| `\w+` \|.*$", re.M),
    }
    for what, (pattern, flags) in patterns.items():
        assert re.findall(pattern, english, flags) == re.findall(pattern, chinese, flags), what
    assert len(re.findall(r"^## ", english, re.M)) == len(re.findall(r"^## ", chinese, re.M))
    assert len(re.findall(r"^- ", english, re.M)) == len(re.findall(r"^- ", chinese, re.M))
    assert set(re.findall(r"\d+\.\d+%", english)) == set(re.findall(r"\d+\.\d+%", chinese))


@pytest.mark.parametrize("name", READMES)
def test_every_image_and_file_that_is_named_exists(name: str) -> None:
    named = re.findall(r'<img src="([^"]+)"', text(name)) + re.findall(r"\]\((?!http)([^)#]+)\)", text(name))
    named += re.findall(r"`((?:benchmarks|src|docs)/[\w./-]+)`", text(name))
    assert len(named) > 8
    for path in named:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("name", READMES)
def test_every_command_of_the_readme_parses_as_it_is_printed(name: str) -> None:
    """Nothing runs, but the program accepts each command, option and value."""
    from decanet.cli import _app

    lines = [
        line for block in re.findall(r"```sh\n(.*?)```", text(name), re.S) for line in block.splitlines()
    ]
    words = [shlex.split(line, comments=True) for line in lines]
    assert sum(command[0] == "decanet" for command in words) > 12
    activated = False
    for command in words:
        if command[0] == "decanet":
            assert activated, "the shell does not know decanet yet"
            _app().parse_args(command[1:], exit_on_error=False, print_error=False)
        elif command[0] == ".":
            assert command[1:] == [".venv/bin/activate"]
            activated = True
        else:
            assert command[0] == "make"
            assert f"\n{command[1]}:" in text("Makefile")


def test_the_python_of_the_readme_runs_as_far_as_it_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import decanet

    monkeypatch.chdir(tmp_path)
    digits = decanet.load_data("digits")
    Image.fromarray(digits.test.pixels([0], 28)[0].permute(1, 2, 0).numpy()).save("digit.png")
    (code,) = re.findall(r"```python\n(.*?)```", text("README.md"), re.S)
    offline = "\n".join(line for line in code.splitlines() if "@torchvision" not in line)
    names: dict[str, Any] = {}
    exec(offline, names)
    assert names["run"].accuracy > 0.95
    assert names["evaluation"].top1 == names["run"].accuracy
    assert "fast" in names


def test_the_tutorials_accuracy_is_the_committed_results() -> None:
    import json

    result = json.loads(text("benchmarks/results/tutorial_bf16-seed0.json"))
    assert f"**{100 * result['test_top1']:.2f}%**" in text("README.md")
    assert 0.715 <= result["test_top1"] <= 0.76


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "images").rglob("*.*")), ids=lambda path: path.name)
def test_images_are_in_full_color_and_small(path: Path) -> None:
    with Image.open(path) as image:
        assert image.mode in {"RGB", "RGBA"}, "a palette turns navy into black"
    assert path.stat().st_size < 720_000


def test_the_documented_command_draws_the_images(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["generate.py", "images"])
    generator.main()
    for path in (tmp_path / "docs" / "images").iterdir():
        with Image.open(path) as new, Image.open(ROOT / "docs" / "images" / path.name) as kept:
            assert new.size == kept.size, "run: python docs/generate.py images"
            coarse = [np.asarray(one.resize((24, 24), Image.Resampling.BOX), float) for one in (new, kept)]
            assert abs(coarse[0] - coarse[1]).max() < 16, "run: python docs/generate.py images"
