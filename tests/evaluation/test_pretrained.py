"""Pretrained weights measured on a folder; the weights are made here, as a library's user would have saved them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from decanet.cli import run as decanet
from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.evaluation.accuracy import evaluate
from decanet.evaluation.imagenet import imagenet_data, imagenet_images
from decanet.evaluation.metrics import Predictions
from decanet.evaluation.pretrained import load_pretrained, load_weight_file
from decanet.models import pretrained


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("golden_retriever", "tabby"):
        for number in range(3):
            path = tmp_path / "images" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 255, (260, 300, 3), dtype=np.uint8)).save(path)
    return tmp_path / "images"


def test_a_file_is_prepared_for_as_its_library_would(folder: Path, tmp_path: Path) -> None:
    """torchvision's GoogLeNet takes images in -1..1, unlike its other networks."""
    theirs = torchvision.models.googlenet(init_weights=False, aux_logits=True, transform_input=True).eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    measured = evaluate_pretrained("googlenet_bn", str(tmp_path / "weights.pth"), folder, torch.device("cpu"))
    transform = torchvision.models.GoogLeNet_Weights.IMAGENET1K_V1.transforms()
    images = [transform(Image.open(path).convert("RGB")) for path, _ in imagenet_images(folder, Silent())]
    with torch.inference_mode():
        expected = theirs(torch.stack(images)).softmax(1)
    torch.testing.assert_close(measured.said.probabilities, expected, rtol=1e-3, atol=1e-6)


def test_outputs_are_those_of_the_library_with_its_own_preprocessing(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18().eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    measured = evaluate_pretrained("resnet18", str(tmp_path / "weights.pth"), folder, torch.device("cpu"))
    transform = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()
    paths = [path for path, _ in imagenet_images(folder, Silent())]
    images = torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])
    with torch.inference_mode():
        expected = theirs(images).softmax(1)
    torch.testing.assert_close(measured.said.probabilities, expected, rtol=1e-3, atol=1e-6)
    assert measured.said.labels.tolist() == [207] * 3 + [281] * 3  # ImageNet's labels of these classes
    assert measured.stated is None


def test_the_command_says_what_it_measured(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "weights.pth")
    command = [
        "evaluate",
        "resnet18",
        "--weights",
        str(tmp_path / "weights.pth"),
        "--data",
        str(folder),
        "--json",
    ]
    assert decanet(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["images"] == 6
    assert 0 <= said["top1"] <= said["top5"] <= 1


def test_weights_without_data_or_of_another_network_are_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet(["evaluate", "resnet18", "--weights", "torchvision"]) == 2
    assert "--data DIR" in capsys.readouterr().err
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "weights.pth")
    command = ["evaluate", "vgg11", "--weights", str(tmp_path / "weights.pth"), "--data", str(folder)]
    assert decanet(command) == 4
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("error[checkpoint]:")
