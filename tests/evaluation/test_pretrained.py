"""Pretrained weights measured on a folder; the weights are made here, as a library's user would have saved them."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from decanet.cli import run as decanet
from decanet.core.errors import DataError
from decanet.core.progress import Silent
from decanet.evaluation.pretrained import evaluate_pretrained, imagenet_images, imagenet_labels


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


def test_a_class_that_imagenet_has_not_is_named(folder: Path) -> None:
    (folder / "tabby").rename(folder / "unicorn")
    with pytest.raises(DataError, match="unicorn: ImageNet has no class of that name"):
        imagenet_images(folder, Silent())


def labels(folder: Path, names: list[str]) -> list[int]:
    """Labels of one image for each of ``names``."""
    for name in names:
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / name / "0.png")
    return [label for _, label in imagenet_images(folder, Silent())]


def test_one_image_of_one_class_is_enough(tmp_path: Path) -> None:
    assert labels(tmp_path / "few", ["goldfish"]) == [1]


def test_wordnet_numbers_of_some_classes_are_known_with_timm(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    assert labels(tmp_path / "few", ["n01440764", "n02123045", "n15075141"]) == [0, 281, 999]
    with pytest.raises(DataError, match="n01440765: ImageNet has no class of that name"):
        labels(tmp_path / "wrong", ["n01440765"])


def test_without_timm_they_are_refused_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm.data", None)
    with pytest.raises(DataError, match=r"pip install 'decanet\[timm\]'"):
        labels(tmp_path / "few", ["n01440764"])


def test_all_thousand_wordnet_numbers_need_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm.data", None)
    names = [f"n{1440764 + 7 * number:08d}" for number in range(1000)]
    assert imagenet_labels(names, Path("val")) == {name: number for number, name in enumerate(names)}


def test_a_thousand_other_names_are_not_taken_for_imagenets_order() -> None:
    with pytest.raises(DataError, match="ImageNet has no class of that name"):
        imagenet_labels([f"class{number:03d}" for number in range(1000)], Path("val"))


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
