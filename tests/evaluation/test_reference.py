"""A trained network has one name, wherever it comes from; a name of nothing is answered with what could be meant."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from decanet.core.errors import CheckpointError, UsageError
from decanet.evaluation.reference import Reference, find_architecture, load_model, parse_reference
from tests.evaluation._runs import CLASSES, CPU, recipe, write_run


def test_a_folder_with_a_recipe_is_a_run(tmp_path: Path) -> None:
    write_run(tmp_path / "run", recipe())
    assert parse_reference(tmp_path / "run") == Reference("run", path=tmp_path / "run")
    trained = load_model(str(tmp_path / "run"), CPU)
    assert trained.classes == tuple(CLASSES)
    assert trained.provenance.reference == str(tmp_path / "run")
    assert trained.provenance.architecture == "decanet_s"
    assert trained.provenance.run is not None


def test_a_leading_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "run", recipe())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_reference("~/run").path == tmp_path / "run"


def test_a_name_may_stand_for_packaged_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "decanet_s").mkdir()  # no run, so the name keeps its meaning
    for reference in ("decanet_s", "decanet_s@decanet"):
        assert parse_reference(reference) == Reference("packaged", name="decanet_s")
    trained = load_model("decanet_s", CPU)
    assert "cat" in trained.classes
    assert trained.provenance.run is None
    assert "trained on cifar10" in trained.provenance.weights


def test_the_folder_of_a_run_goes_before_a_packaged_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "decanet_s", recipe())
    assert parse_reference("decanet_s").kind == "run"


@pytest.mark.parametrize("source", ["torchvision", "torchvision:IMAGENET1K_V2", "timm"])
def test_a_name_with_a_source_stands_for_pretrained_weights(source: str) -> None:
    found = parse_reference(f"resnet50_v1_5@{source}")
    assert found == Reference("pretrained", name="resnet50_v1_5", source=source)
    assert found.is_imagenet


def test_a_file_needs_the_name_of_its_network(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.touch()
    assert parse_reference(file, "resnet18") == Reference("file", name="resnet18", path=file)
    with pytest.raises(UsageError, match="does not state its network; add --arch NAME"):
        parse_reference(file)
    with pytest.raises(UsageError, match="did you mean resnet18"):
        parse_reference(file, "resnet188")


def test_a_file_of_a_run_is_answered_with_the_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", recipe())
    with pytest.raises(UsageError, match=f"give the run's folder: {run.path}"):
        parse_reference(run.weights)


def test_arch_without_a_file_is_refused(tmp_path: Path) -> None:
    for reference in (tmp_path, "decanet_m"):
        with pytest.raises(UsageError, match="--arch lenet5 belongs to a weight file"):
            parse_reference(reference, "lenet5")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("resnet51@torchvision", "unknown model 'resnet51'.*did you mean resnet50"),
        ("resnet18@torchvison", "unknown source 'torchvison'.*did you mean torchvision"),
        ("resnet18@here", r"unknown source 'here'.*known: decanet, torchvision, timm"),
        ("resnet18@weights.pth", "give the weight file by its path, with --arch resnet18"),
        (
            "resnet18",
            "resnet18 is an architecture, not a trained network; pretrained weights are resnet18@torch",
        ),
        ("resnet50", "pretrained weights are resnet50_v1_5@torchvision"),
        ("lenet5", "lenet5 is an architecture, not a trained network; train it, and give the run"),
    ],
)
def test_names_without_weights_are_answered_with_those_that_have_some(reference: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_reference(reference)


@pytest.mark.parametrize(
    ("reference", "nearest"),
    [("decanet_n", "decanet_m"), ("resnet18torchvision", "resnet18@torchvision"), ("runs/mime", "runs/mine")],
)
def test_an_unknown_reference_is_answered_with_the_nearest(
    reference: str, nearest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    write_run(tmp_path / "runs" / "mine", recipe())
    with pytest.raises(CheckpointError) as caught:
        parse_reference(reference)
    assert (
        "is not a run's folder, a network with packaged weights (decanet_m, decanet_s) or NAME@SOURCE"
        in str(caught.value)
    )
    assert nearest in str(caught.value).partition("did you mean")[2]
    assert "\n" not in caught.value.line


def test_an_image_is_no_model(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "cat.png")
    with pytest.raises(UsageError, match="is a file, and a weight file does not state"):
        load_model(tmp_path / "cat.png", CPU)


def test_what_needs_no_weights_takes_names_references_and_runs(tmp_path: Path) -> None:
    assert find_architecture("lenet5") == ("lenet5", (1, 32, 32))
    assert find_architecture("resnet18@torchvision") == ("resnet18", (3, 224, 224)), "nothing is fetched"
    run = write_run(tmp_path / "run", recipe("data.image_size=24"))
    network, size = find_architecture(str(run.path))
    assert isinstance(network, torch.nn.Module)
    assert size == (3, 24, 24)
    with pytest.raises(UsageError, match="did you mean resnet18"):
        find_architecture("resnet81")
