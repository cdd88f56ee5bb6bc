"""Pretrained weights and weights from files: what loads, and what is refused in one line."""

import re
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from decanet.core import facts
from decanet.core.errors import CheckpointError, UsageError
from decanet.models import create_model, list_models, model_entry
from decanet.models.pretrained import load_pretrained, pretrained_accuracy, weights_preprocessing


def load(name: str, source: str | Path, **options) -> nn.Module:
    model = create_model(name, **options).eval()
    load_pretrained(model, model_entry(name), source)
    return model


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def no_network(*_: object, **__: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    return tmp_path / "hub" / "checkpoints"


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_torchvision_file_loads_by_its_names(tmp_path: Path, suffix: str) -> None:
    theirs = torchvision.models.resnet18().eval()
    file = tmp_path / f"resnet18{suffix}"
    if suffix == ".pth":
        torch.save(theirs.state_dict(), file)
    else:
        save_file(theirs.state_dict(), file)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(load("resnet18", file)(images), theirs(images), rtol=1e-4, atol=1e-4)


def test_a_file_with_our_names_loads_also_when_a_script_wrapped_it(tmp_path: Path) -> None:
    ours = create_model("resnet20_cifar")
    torch.save({"state_dict": ours.state_dict(), "epoch": 3}, tmp_path / "ours.pth")
    loaded = load("resnet20_cifar", tmp_path / "ours.pth")
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in ours.state_dict().items())


def test_without_a_connection_the_error_names_the_file_and_its_folder(torch_home: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        load("alexnet", "torchvision")
    line = caught.value.line
    assert "\n" not in line
    assert "put alexnet-owt-7be5be79.pth into" in line
    assert str(torch_home) in line


def test_a_damaged_file_in_the_cache_is_refused(torch_home: Path) -> None:
    torch_home.mkdir(parents=True)
    (torch_home / "alexnet-owt-7be5be79.pth").write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match=r"alexnet-owt-7be5be79.pth is damaged .*delete it"):
        load("alexnet", "torchvision")


def test_without_a_connection_timms_error_names_an_alternative(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")

    def no_network(*_: object, **__: object) -> None:
        raise OSError("cannot connect\nand a table of advice")

    monkeypatch.setattr(timm, "create_model", no_network)
    with pytest.raises(CheckpointError, match=r"legacy_seresnet50.in1k \(cannot connect\).*with --arch"):
        load("se_resnet50", "timm")


def test_weights_for_another_number_of_classes_are_refused(tmp_path: Path) -> None:
    torch.save(create_model("resnet20_cifar", num_classes=100).state_dict(), tmp_path / "hundred.pth")
    advice = (
        "for 100 classes, and this resnet20_cifar has 10; give a data set of 100 classes, or build it with"
    )
    with pytest.raises(CheckpointError, match=advice):
        load("resnet20_cifar", tmp_path / "hundred.pth")
    load("resnet20_cifar", tmp_path / "hundred.pth", num_classes=100)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(create_model("decanet_s").state_dict(), tmp_path / "decanet.pth")
    with pytest.raises(CheckpointError, match="another network than resnet20_cifar"):
        load("resnet20_cifar", tmp_path / "decanet.pth")


def test_files_without_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no weights file"):
        load("decanet_s", tmp_path / "nowhere.pth")
    (tmp_path / "text.safetensors").write_text("not tensors")
    with pytest.raises(CheckpointError, match="cannot read"):
        load("decanet_s", tmp_path / "text.safetensors")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds no weights"):
        load("decanet_s", tmp_path / "list.pth")


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("/tmp/decanet-was-here"),)  # type: ignore[return-value]


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": Malicious()}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match=r"could execute code and is never loaded") as refused:
        load("decanet_s", tmp_path / "evil.pth")
    assert not Path("/tmp/decanet-was-here").exists()
    assert "weights_only" not in str(refused.value)  # PyTorch's advice to load it all the same


def test_networks_and_sets_without_pretrained_weights_are_refused() -> None:
    with pytest.raises(UsageError, match="give a file"):
        load("resnet20_cifar", "torchvision")
    with pytest.raises(UsageError, match="use resnet50_v1_5"):  # torchvision's resnet50 is version 1.5
        load("resnet50", "torchvision")
    with pytest.raises(UsageError, match="did you mean IMAGENET1K_V1"):
        load("resnet18", "torchvision:IMAGENET1K_V3")


def test_preprocessing_is_that_of_the_weights() -> None:
    resnet = weights_preprocessing("resnet18", "torchvision")
    assert (resnet.resize, resnet.crop, resnet.interpolation) == (256, 224, "bilinear")
    assert resnet.mean == (0.485, 0.456, 0.406)
    assert resnet.std == (0.229, 0.224, 0.225)
    assert weights_preprocessing("resnet50_v1_5", "torchvision:IMAGENET1K_V2").resize == 232
    assert weights_preprocessing("inception_v3", "torchvision").crop == 299


def test_timms_default_sets_were_trained_on_imagenet_alone() -> None:
    timm = pytest.importorskip("timm")
    for name in list_models():
        for pretrained in model_entry(name).pretrained:
            if pretrained.library == "timm":
                tag = timm.get_pretrained_cfg(pretrained.name).tag
                assert re.fullmatch(r"([a-z]+_)?in1k", tag), (
                    name,
                    tag,
                )  # not in12k_ft_in1k, augreg2_in21k_ft_in1k
    # As the authors' own evaluation: 224 of 256.
    prepared = weights_preprocessing("convnext_t", "timm")
    assert (prepared.resize, prepared.crop) == (256, 224)


def test_preprocessing_of_timm_is_what_timm_resolves() -> None:
    timm = pytest.importorskip("timm")
    ours = weights_preprocessing("senet154", "timm")
    theirs = timm.data.resolve_data_config(
        {}, pretrained_cfg=timm.get_pretrained_cfg("legacy_senet154").to_dict()
    )
    assert (3, ours.crop, ours.crop) == theirs["input_size"]
    assert (ours.mean, ours.std) == (theirs["mean"], theirs["std"])
    assert ours.resize == int(ours.crop / theirs["crop_pct"])


@pytest.mark.parametrize(
    ("name", "tag", "resize", "crop"),
    [("convnext_t", "in12k_ft_in1k", 288, 288), ("convnext_t", "fb_in1k", 288, 288),
     ("convnext_t", "fb_in22k_ft_in1k_384", 384, 384), ("vit_b16", "augreg2_in21k_ft_in1k", 248, 224)],
)  # fmt: skip
def test_a_named_set_of_timm_has_the_image_size_of_its_evaluation(
    name: str, tag: str, resize: int, crop: int
) -> None:
    timm = pytest.importorskip("timm")
    ours = weights_preprocessing(name, f"timm:{tag}")
    assert (ours.resize, ours.crop) == (resize, crop)
    config = timm.get_pretrained_cfg(f"{model_entry(name).pretrained[1].name.partition('.')[0]}.{tag}")
    theirs = timm.data.resolve_data_config({}, pretrained_cfg=config.to_dict(), use_test_size=True)
    assert theirs["input_size"] == (3, crop, crop)
    assert int(crop / theirs["crop_pct"]) == resize


@pytest.mark.parametrize(
    ("tag", "data"),
    [("", None), ("fb_in1k", None), ("in12k_ft_in1k", "in12k"), ("fb_in22k_ft_in1k_384", "in22k")],
)
def test_extra_training_data_is_noted(tag: str, data: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")
    asked = []

    def without_network(name: str, pretrained: bool) -> nn.Module:
        asked.append(name)
        return build("convnext_tiny", pretrained=False)

    build = timm.create_model
    monkeypatch.setattr(timm, "create_model", without_network)
    model = create_model("convnext_t", weights=f"timm:{tag}" if tag else "timm")
    assert asked == [f"convnext_tiny.{tag or 'fb_in1k'}"]
    about = [note for note in model.decanet_notes if "trained on more than ImageNet-1k" in note]
    assert [f"({data})" in note for note in about] == [True] * bool(data)


def test_the_sets_that_timm_has_are_listed() -> None:
    pytest.importorskip("timm")
    with pytest.raises(UsageError, match=r"timm has no weights 'nothing' .*known: .*fb_in1k.*in12k_ft_in1k"):
        load("convnext_t", "timm:nothing")
    with pytest.raises(UsageError, match="did you mean in12k_ft_in1k"):
        weights_preprocessing("convnext_t", "timm:in12k_ft_in1")


def test_googlenets_preprocessing_includes_torchvisions_transform_input() -> None:
    theirs = torchvision.models.googlenet(transform_input=True, aux_logits=False, init_weights=False).eval()
    usual, own = (
        weights_preprocessing("resnet18", "torchvision"),
        weights_preprocessing("googlenet_bn", "torchvision"),
    )
    pixels = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def normalized(p):
        return (pixels - torch.tensor(p.mean).view(3, 1, 1)) / torch.tensor(p.std).view(3, 1, 1)

    torch.testing.assert_close(
        theirs._transform_input(normalized(usual)), normalized(own), rtol=1e-5, atol=1e-5
    )


def test_the_librarys_accuracy_is_that_of_the_facts() -> None:
    compared = 0
    for name in list_models():
        entry = model_entry(name)
        if not any(p.library == "torchvision" for p in entry.pretrained):
            continue
        accuracy = pretrained_accuracy(name, "torchvision")
        stated = {(w.acc1, w.acc5) for w in facts.architecture(entry.facts).weights}
        stated |= {
            (w["acc1"], w["acc5"]) for w in facts.architecture(entry.facts).details.get("weights_bn", ())
        }
        assert (accuracy.top1_pct, accuracy.top5_pct) in stated, name
        compared += 1
    assert compared > 10
