"""A network of one's own from a file: found, created, trained, and needed again."""

import json
from pathlib import Path

import pytest

from decanet.cli import run as decanet
from decanet.core.errors import UsageError
from decanet.evaluation.model_file import build_model, load_model_file

NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
        self.head = nn.Linear(8 * 16, num_classes)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))

class Needy(nn.Module):
    def __init__(self, num_classes, width):
        super().__init__()

class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        raise ValueError("no luck")

class Plain:
    pass
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mynet.py"
    path.write_text(NETWORK)
    return path


def test_the_class_is_created_for_the_classes_of_the_data(file: Path) -> None:
    found = load_model_file(f"{file}:Net")
    assert (found.text, len(found.sha256)) == ("mynet.py:Net", 64)
    assert build_model(found, 7).head.out_features == 7  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Nett", "no class 'Nett' (did you mean Net?)"),
        ("Plain", "Plain in .* is no nn.Module"),
        ("Needy", "needs width; give them default values"),
        ("Broken", "cannot be created: line 21: ValueError: no luck"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(file: Path, name: str, message: str) -> None:
    import re

    pattern = re.escape(message).replace(r"\.\*", ".*")
    with pytest.raises(UsageError, match=pattern):
        build_model(load_model_file(f"{file}:{name}"), 3)


@pytest.mark.parametrize("text", ["mynet.py", "mynet.py:", "none.py:Net", "mynet.txt:Net"])
def test_a_wrong_spelling_is_refused(text: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    with pytest.raises(UsageError, match="for instance --model-file my_alexnet"):
        load_model_file(text)


def test_an_error_in_the_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("import torch\n\nvalue = 1 / 0\n")
    with pytest.raises(UsageError, match="line 3: ZeroDivisionError"):
        load_model_file(f"{path}:Net")


def test_a_run_keeps_the_hash_and_needs_the_file_again(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, settings = tmp_path / "run", ["--set", "optimizer.name=adam", "--set", "optimizer.lr=0.01"]
    settings += ["--set", "data.image_size=8", "--set", "progressive_sizes=[]", "--set", "selection.keep=1"]
    chosen = ["quick", "--data", "digits", "--epochs", "2", *settings, "--model-file", f"{file}:Net"]
    assert decanet(["train", *chosen, "--out", str(out)]) == 0
    recipe = (out / "recipe.toml").read_text()
    assert 'file = "mynet.py:Net"' in recipe
    assert not list(out.rglob("*.py"))
    capsys.readouterr()
    assert decanet(["evaluate", str(out)]) == 2
    assert "give --model-file mynet.py:Net again" in capsys.readouterr().err
    assert decanet(["evaluate", str(out), "--model-file", f"{file}:Net", "--json"]) == 0
    result = json.loads((out / "result.json").read_text())
    assert json.loads(capsys.readouterr().out)["test_top1"] == pytest.approx(result["test_top1"])
    file.write_text(NETWORK + "# changed\n")
    assert decanet(["evaluate", str(out), "--model-file", f"{file}:Net"]) == 4
    assert "trained another version of mynet.py:Net" in capsys.readouterr().err
