"""The networks whose trained weights come with the package: small, of stated origin, and as accurate as stated."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from decanet.cli import run as decanet
from decanet.core.errors import DataError, UsageError
from decanet.core.progress import Silent
from decanet.core.runtime import cache_folder
from decanet.data import load_data
from decanet.evaluation.evaluate import evaluate_split
from decanet.evaluation.runs import load_packaged
from decanet.models import create_model
from decanet.models.weight_files import list_packaged, packaged_file, read_about
from tests.conftest import MakeFolder

CPU = torch.device("cpu")


def test_packaged_weights_are_small_and_state_their_origin() -> None:
    assert list_packaged() == ["decanet_m", "decanet_s"]
    assert sum(packaged_file(name).stat().st_size for name in list_packaged()) < 6e6
    for name in list_packaged():
        about = read_about(packaged_file(name))
        assert about["model"] == name
        assert about["data"] == "cifar10"
        assert about["recipe"]
        assert about["seed"].isdecimal()
        assert about["commit"] not in {"", "None"}
        assert float(about["test_top1"]) > 0.85
        assert len(json.loads(about["classes"])) == 10


def accuracy_again(name: str, every: int = 1) -> float:
    """The accuracy on every ``every``-th image of the test split, with the recipe's test-time augmentation."""
    try:
        data = load_data("cifar10", cache=cache_folder(), report=Silent())
    except DataError as error:
        pytest.skip(f"CIFAR-10 cannot be had here: {error}")
    trained = load_packaged(name, CPU)
    return evaluate_split(
        trained.model, trained.recipe, replace(data, test=data.test[::every]), "test", CPU
    ).accuracy()


def claimed(name: str) -> float:
    return float(read_about(packaged_file(name))["test_top1"])


def test_decanet_s_reaches_its_stated_accuracy() -> None:
    # Of 2,000 images: 0.02 is three standard errors. The next test looks at all.
    assert accuracy_again("decanet_s", every=5) == pytest.approx(claimed("decanet_s"), abs=0.02)


@pytest.mark.slow(reason="six views of 10,000 images; the test above looks at a fifth of them with decanet_s")
@pytest.mark.parametrize("name", list_packaged())
def test_packaged_networks_reach_exactly_their_stated_accuracy(name: str) -> None:
    assert accuracy_again(name) == pytest.approx(claimed(name), abs=0.003)


def test_the_packaged_network_predicts_a_cat(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from skimage.data import chelsea

    Image.fromarray(chelsea()).save(tmp_path / "cat.png")
    assert decanet(["predict", str(tmp_path / "cat.png"), "--model", "decanet_m", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["classes"][0]["class"] == "cat"


def test_create_model_loads_the_packaged_weights() -> None:
    model = create_model("decanet_s", weights="decanet")
    trained = load_packaged("decanet_s", CPU)
    for name, tensor in trained.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_networks_without_packaged_weights_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UsageError, match="only of decanet_m and decanet_s"):
        packaged_file("resnet50")
    assert decanet(["predict", "cat.jpg", "--model", "resnet50"]) == 2
    assert decanet(["predict", "--model", "decanet_s"]) == 2
    assert "decanet predict cat.jpg --model decanet_s" in capsys.readouterr().err


def test_packaged_networks_are_evaluated_on_a_folder_with_some_of_their_classes(
    make_folder: MakeFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_folder({"cat": 2, "ship": 1})
    assert decanet(["evaluate", "decanet_s", "--data", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["reference"], result["images"]) == ("decanet_s", 3)
    (folder / "cat").rename(folder / "lion")
    assert decanet(["evaluate", "decanet_s", "--data", str(folder)]) == 3
    assert "other classes than the run was trained on: lion" in capsys.readouterr().err
