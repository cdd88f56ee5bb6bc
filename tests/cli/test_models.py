"""``decanet models``: the list, the summary, the diagram, the verification, and wrong arguments."""

import json

import pytest

from decanet.anatomy import verify as _verify
from decanet.anatomy.summary import summarize
from decanet.anatomy.table import table
from decanet.anatomy.trace import trace
from decanet.cli import run
from decanet.models import list_models


def test_the_summary_of_alexnet_is_printed_with_its_explanation(capsys) -> None:
    assert run(["models", "alexnet", "--explain"]) == 0
    out = capsys.readouterr().out
    assert "(1, 3, 224, 224) -> (1, 1000)" in out
    assert "61,100,840 parameters, 714,188,480 multiply-adds" in out
    assert "256*6*6 = 9216" in out


def test_two_networks_are_compared(capsys) -> None:
    assert run(["models", "alexnet", "alexnet_cifar", "--diff"]) == 0
    assert "7 changed (~)" in capsys.readouterr().out
    assert run(["models", "alexnet", "alexnet_cifar"]) == 2
    assert "--diff" in capsys.readouterr().err
    assert run(["models", "alexnet", "--diff"]) == 2


def test_the_summary_as_json(capsys) -> None:
    assert run(["models", "alexnet_cifar", "--image-size", "32", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(summarize("alexnet_cifar").to_dict()))


def test_the_image_size_may_be_a_rectangle(capsys) -> None:
    assert run(["models", "decanet_s", "--image-size", "48x32"]) == 0
    assert "(1, 3, 48, 32) -> (1, 10)" in capsys.readouterr().out


def test_the_list_has_every_network(capsys) -> None:
    assert run(["models", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list_models()
    assert rows["alexnet"]["params"] == 61_100_840
    assert [rows[name]["paper"] for name in ("alexnet", "vit_b16")] == ["Krizhevsky 2014", "Dosovitskiy 2020"]
    assert run(["models"]) == 0
    assert "714,188,480" in capsys.readouterr().out


def test_the_list_counts_inference_and_names_auxiliary_classifiers(capsys) -> None:
    """GoogLeNet's two auxiliary classifiers hold as many parameters again."""
    traced = trace("googlenet")
    (row,) = (row for row in table() if row["name"] == "googlenet")
    assert row["params"] == traced.params - traced.params_training_only
    assert run(["models"]) == 0
    shown = capsys.readouterr().out
    assert f"{row['params']:,}" in shown
    assert f"googlenet {traced.params_training_only:,}" in shown.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["alexnett"], 2, "did you mean alexnet"),
        (["alexnet", "--image-size", "3x224x224"], 2, "224x192"),
        (["se_resnet50", "--image-size", "2"], 3, "at layer pool"),
        (["alexnet", "--image-size", "0x9"], 2, "224x192"),
        (["alexnet", "--image-size", "16"], 3, "for small images use alexnet_cifar"),
        (["lenet5", "--diagram", "lenet5.gif"], 2, "ends in .png, .svg, .pdf"),
        (["--diagram", "all.png"], 2, "name it"),
    ],
)
def test_wrong_arguments_are_one_line(arguments, code, message, capsys) -> None:
    assert run(["models", *arguments]) == code
    error = capsys.readouterr().err
    assert error.startswith("error[")
    assert error.count("\n") == 1
    assert message in error


def test_verify_exits_with_1_when_a_number_disagrees(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    good = _verify.verify(["alexnet"])
    monkeypatch.setattr(_verify, "verify", lambda: good)
    assert run(["models", "verify"]) == 0
    assert (
        f"{len(good)} agree ({len(good)} with independent sources, 0 with our own count)"
        in capsys.readouterr().out
    )
    own = [*good, _verify.Check("alexnet", "params_exact", 1, 1, "0", _verify.AGREE, source="a count")]
    monkeypatch.setattr(_verify, "verify", lambda: own)
    assert run(["models", "verify"]) == 0
    assert f"({len(good)} with independent sources, 1 with our own count)" in capsys.readouterr().out
    wrong = [*good, _verify.Check("alexnet", "params_exact", 1, 2, "+1", _verify.DISAGREE, source="a test")]
    monkeypatch.setattr(_verify, "verify", lambda: wrong)
    assert run(["models", "verify", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)[-1]["verdict"] == "disagree"
    assert captured.err.startswith("error[disagreement]: 1 number disagrees with the facts, in alexnet")


@pytest.mark.parametrize("arguments", [["models"], ["models", "verify"]])
def test_help_has_examples(arguments, capsys) -> None:
    assert run([*arguments, "--help"]) == 0
    usage, _, text = capsys.readouterr().out.partition("\n")
    assert usage.startswith("Usage")
    assert f"decanet {' '.join(arguments)}" in text


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_diagram_is_written_and_named(ending: str, tmp_path, capsys) -> None:
    path = tmp_path / f"lenet5.{ending}"
    assert run(["models", "lenet5", "--diagram", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    assert path.read_bytes().startswith(start)


def test_the_layout_of_a_diagram_as_json(tmp_path, capsys) -> None:
    path = tmp_path / "decanet_s.svg"
    assert run(["models", "decanet_s", "--image-size", "48x32", "--diagram", str(path), "--json"]) == 0
    layout = json.loads(capsys.readouterr().out)
    assert (layout["network"], layout["file"]) == ("decanet_s", str(path))
    assert layout["boxes"][0]["lines"] == ["image, 3 × 48 × 32"]
