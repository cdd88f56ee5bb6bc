"""Pretrained weights predict what their library predicts; the weights are made here, where nothing is fetched."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from decanet.cli import run as decanet
from decanet.core.errors import DataError, UsageError
from decanet.core.progress import Silent
from decanet.evaluation.accuracy import evaluate
from decanet.evaluation.imagenet import imagenet_data, imagenet_images
from decanet.evaluation.metrics import Predictions
from decanet.evaluation.prediction import predict_images
from decanet.evaluation.pretrained import load_pretrained, load_weight_file
from decanet.evaluation.trained import TrainedModel

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("golden_retriever", "tabby"):
        for number in range(3):
            path = tmp_path / "images" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 255, (260, 300, 3), dtype=np.uint8)).save(path)
    return tmp_path / "images"


def predicted(trained: TrainedModel, folder: Path) -> Predictions:
    return evaluate(trained, imagenet_data(folder, Silent())).predictions


def expected(theirs: torch.nn.Module, transform: Any, folder: Path) -> torch.Tensor:
    """The library's own probabilities with its own preprocessing."""
    images = [
        transform(Image.open(path).convert("RGB")) for path, _ in imagenet_images(folder, Silent()).samples
    ]
    with torch.inference_mode():
        return theirs(torch.stack(images)).softmax(1)


def test_a_file_gets_the_preprocessing_of_its_library(folder: Path, tmp_path: Path) -> None:
    """torchvision's GoogLeNet takes images in -1..1, unlike its other networks."""
    theirs = torchvision.models.googlenet(init_weights=False, aux_logits=True, transform_input=True).eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    trained = load_weight_file("googlenet_bn", tmp_path / "weights.pth", CPU)
    transform = torchvision.models.GoogLeNet_Weights.IMAGENET1K_V1.transforms()
    torch.testing.assert_close(
        predicted(trained, folder).probabilities, expected(theirs, transform, folder), rtol=1e-3, atol=1e-6
    )


@pytest.fixture
def resnet18(monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    """torchvision's network with random weights, which stand for what it would fetch."""
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18().eval()
    monkeypatch.setattr("decanet.models.pretrained._fetch", lambda *_: theirs.state_dict())
    return theirs


def test_predictions_are_those_of_the_library_with_its_own_preprocessing(
    resnet18: torch.nn.Module, folder: Path
) -> None:
    trained = load_pretrained("resnet18", "torchvision", CPU)
    transform = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()
    own = predicted(trained, folder)
    torch.testing.assert_close(own.probabilities, expected(resnet18, transform, folder), rtol=1e-3, atol=1e-6)
    assert own.labels.tolist() == [207] * 3 + [281] * 3  # ImageNet's labels of these classes


def test_single_images_are_predicted_as_in_the_evaluation(resnet18: torch.nn.Module, folder: Path) -> None:
    trained = load_pretrained("resnet18", "torchvision", CPU)
    probabilities = predicted(trained, folder).probabilities
    paths = [path for path, _ in imagenet_images(folder, Silent()).samples]
    for row, (_, classes) in zip(probabilities, predict_images(trained, paths, top=1), strict=True):
        assert not isinstance(classes, DataError)
        assert classes[0] == (trained.classes[int(row.argmax())], pytest.approx(row.max().item(), rel=1e-4))


def test_pretrained_weights_bring_their_classes_and_their_stated_accuracy(resnet18: torch.nn.Module) -> None:
    trained = load_pretrained("resnet18", "torchvision", CPU)
    assert (len(trained.classes), trained.classes[207]) == (1000, "golden retriever")
    assert trained.provenance.reference == "resnet18@torchvision"
    assert trained.provenance.stated is not None
    assert trained.provenance.stated.top1_pct == 69.758
    assert trained.recipe is None


def test_a_file_for_a_network_without_imagenets_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lenet5 has 10 classes, and a weight file does not name them"):
        load_weight_file("lenet5", tmp_path / "weights.pth", CPU)


def test_the_command_evaluates_pretrained_weights_beside_their_stated_accuracy(
    resnet18: torch.nn.Module, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(resnet18.state_dict(), tmp_path / "weights.pth")
    file = [str(tmp_path / "weights.pth"), "--arch", "resnet18"]
    assert decanet(["evaluate", *file, "--data", str(folder), "--json"]) == 0
    from_file = json.loads(capsys.readouterr().out)
    assert (from_file["model"], from_file["images"], from_file["stated_top1_pct"]) == ("resnet18", 6, None)
    assert 0 <= from_file["test_top1"] <= from_file["test_top5"] <= 1
    assert decanet(["evaluate", "resnet18@torchvision", "--data", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"accuracy {100 * from_file['test_top1']:.2f}% on 6 images" in printed
    assert "ResNet18_Weights.IMAGENET1K_V1 states 69.76% and 89.08%" in printed


def test_weights_without_data_or_of_another_network_are_refused_in_one_line(
    resnet18: torch.nn.Module, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet(["evaluate", "resnet18@torchvision"]) == 2
    assert "--data DIR" in capsys.readouterr().err
    torch.save(resnet18.state_dict(), tmp_path / "weights.pth")
    command = ["evaluate", str(tmp_path / "weights.pth"), "--arch", "vgg11", "--data", str(folder)]
    assert decanet(command) == 4
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("error[checkpoint]:")


SAMPLES = Path("/work/shared/data/imagenet-samples")


@pytest.mark.slow(reason="500 photographs; the packaged tests predict one")
@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the photographs are not part of decanet: {SAMPLES}")
def test_efficientnet_lite0_knows_photographs_of_imagenet(capsys: pytest.CaptureFixture[str]) -> None:
    """They are probably training images: a check of the port and its preprocessing, not an accuracy."""
    assert decanet(["evaluate", "efficientnet_lite0@pypi", "--data", str(SAMPLES), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["images"] == 500
    assert result["test_top1"] >= 0.85
    assert result["test_top5"] >= 0.96
