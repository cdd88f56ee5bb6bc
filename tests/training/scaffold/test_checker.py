"""The checker passes right files and names the blank of every fault, by what the code does."""

from pathlib import Path

import pytest

from decanet.core.errors import UsageError
from decanet.training.scaffold.checker import check
from decanet.training.scaffold.template import render

FAULTS = [
    ("padding=1),", "padding=0),", 1, "makes 30x30 pixels of 32x32"),
    ("nn.Linear(256 * 4 * 4, 4096)", "nn.Linear(9216, 4096)", 2, "4096 numbers of each image arrive"),
    ("torch.flatten(x, 1)", "torch.flatten(x, 0)", 3, "arrive at the first linear layer as (8192,)"),
    ("return self.classifier(x)", "return self.classifier(x).softmax(dim=1)", 4, "a softmax again"),
    (
        "return self.classifier(x)",
        "return self.classifier(x).log_softmax(dim=1)",
        4,
        "the logarithm of a softmax",
    ),
    ("model.train()", "model.eval()", 5, "evaluation mode while it is trained"),
    ("optimizer.zero_grad()", "pass", 6, "gradients add up"),
    ("loss.backward()", "loss.backward(); optimizer.zero_grad()", 6, "no gradient is left"),
    ("loss_function(scores, labels)", "loss_function(labels, scores)", 7, "the labels come first"),
    ("optimizer.step()", "pass", 8, "the optimizer makes no step"),
    ("model.eval()", "pass", 9, "training mode while it is evaluated"),
    ("scores.argmax(dim=1)", "scores.argmax(dim=0)", 10, "accuracy"),
    ("@torch.no_grad()", "", 0, "accuracy records gradients"),
]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    path = tmp_path / "filled.py"
    path.write_text(render(path.name, solution=True))
    return path


def test_the_answers_pass(filled: Path) -> None:
    assert check(filled) == []


@pytest.mark.parametrize(
    ("right", "other"),
    [
        ("optimizer.zero_grad()", "model.zero_grad()"),
        ("scores.argmax(dim=1)", "scores.max(1).indices"),
        ("model.eval()", "model.train(False)"),
    ],
)
def test_other_right_answers_pass(filled: Path, right: str, other: str) -> None:
    filled.write_text(filled.read_text().replace(right, other))
    assert check(filled) == []


@pytest.mark.parametrize(("right", "wrong", "blank", "message"), FAULTS)
def test_a_fault_is_found_in_its_blank(
    filled: Path, right: str, wrong: str, blank: int, message: str
) -> None:
    text = filled.read_text()
    assert right in text
    filled.write_text(text.replace(right, wrong, 1))
    (finding,) = check(filled)
    assert finding.blank == blank
    assert message in finding.text
    assert bool(finding.hint) == bool(blank)


def test_open_blanks_are_listed_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "blank.py"
    path.write_text(render(path.name))
    findings = check(path)
    assert [finding.blank for finding in findings] == list(range(1, 11))
    lines = path.read_text().splitlines()
    for finding in findings:
        assert "..." in lines[int(finding.text.split()[1]) - 1]


def test_errors_of_the_file_are_told_with_their_line(filled: Path, tmp_path: Path) -> None:
    filled.write_text(filled.read_text().replace("loss.backward()", "los.backward()"))
    assert "train_one_epoch fails: line 5" in check(filled)[0].text
    assert "NameError" in check(filled)[0].text
    filled.write_text("def accuracy(:\n")
    with pytest.raises(UsageError, match="line 1: invalid syntax"):
        check(filled)
    with pytest.raises(UsageError, match="there is no Python file"):
        check(tmp_path / "none.py")
    filled.write_text("x = 1\n")
    assert "AlexNet is gone" in check(filled)[0].text
