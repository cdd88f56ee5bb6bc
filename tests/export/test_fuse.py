"""Folded networks give the outputs of the originals, and only what may be folded is folded."""

import copy

import pytest
import torch
from torch import Tensor, nn

from decanet.anatomy.meta_forward import build_on_meta
from decanet.core.errors import UsageError
from decanet.export import fuse as fuse_module
from decanet.export.fuse import foldable, fuse
from decanet.models import create_model, list_models, model_entry
from decanet.models.meta_device import ShapesOnly


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def with_random_statistics(model: nn.Module) -> nn.Module:
    """Statistics of a fresh normalization are those of the identity, which would test nothing."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.running_mean, -0.3, 0.3), (module.running_var, 0.5, 1.5), (module.weight, 0.5, 1.5),
                (module.bias, -0.3, 0.3),
            ):  # fmt: skip
                tensor.data.uniform_(low, high, generator=generator)
    return model.eval()


@pytest.mark.parametrize(
    ("name", "image_size"),
    [
        ("resnet18", 64), ("resnet50_v1_5", 64), ("resnet20_cifar", 32), ("preact_resnet110_cifar", 16),
        ("wrn_16_4_cifar", 32), ("resnext50_32x4d", 64), ("densenet121", 64), ("se_resnet50", 64),
        ("googlenet_bn", 64), ("inception_v3", 96), ("vgg16_cifar", 32), ("decanet_s", 32),
    ],
)  # fmt: skip
def test_outputs_are_those_of_the_original(name: str, image_size: int) -> None:
    model = with_random_statistics(create_model(name))
    images = torch.randn(2, 3, image_size, image_size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model(images)
        fused = fuse(model)
        actual = fused(images)
    assert norms(fused) < norms(model)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize("name", list_models())
def test_every_registered_network_can_be_fused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: list[tuple[str, str]] = []
    monkeypatch.setattr(fuse_module, "foldable", lambda *args: pairs.extend(foldable(*args)) or pairs)
    model, entry = build_on_meta(name).eval(), model_entry(name)
    with ShapesOnly():
        fused = fuse(model)
        assert fused(torch.empty(1, *entry.input_size, device="meta")).shape == (1, entry.num_classes)
    assert norms(fused) == norms(model) - len(pairs)
    # In DenseNet-40 every normalization reads a concatenation, so no convolution feeds one alone.
    assert bool(pairs) == (norms(model) > 0 and name != "densenet40_12_cifar")


@pytest.mark.parametrize("name", ["resnet50", "vgg16_cifar", "se_resnet50"])
def test_networks_that_normalize_after_each_convolution_keep_none(name: str) -> None:
    with ShapesOnly(), torch.device("meta"):
        assert norms(fuse(create_model(name))) == 0


def test_the_original_is_left_as_it_is() -> None:
    model = create_model("resnet20_cifar").train()
    before = copy.deepcopy(model.state_dict())
    fused = fuse(model)
    assert model.training
    assert not fused.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in fused.modules())


class Tangled(nn.Module):
    """Four convolutions of which only the last may be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.read_twice = nn.Conv2d(3, 3, 3, padding=1)
        self.norm_of_read_twice = nn.BatchNorm2d(3)
        self.activated = nn.Conv2d(3, 3, 3, padding=1)
        self.norm_of_activated = nn.BatchNorm2d(3)
        self.run_twice = nn.Conv2d(3, 3, 3, padding=1)
        self.norm_of_run_twice = nn.BatchNorm2d(3)
        # The normalization is declared first: the order of attributes must not matter.
        self.norm_of_plain = nn.BatchNorm2d(4)
        self.plain = nn.Conv2d(3, 4, 3, groups=1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        first = self.read_twice(x)
        x = self.norm_of_read_twice(first) + first
        x = self.norm_of_activated(torch.relu(self.activated(x)))
        x = self.norm_of_run_twice(self.run_twice(self.run_twice(x)))
        return self.norm_of_plain(self.plain(x))


def test_only_a_convolution_whose_output_feeds_one_normalization_alone_is_folded() -> None:
    model = with_random_statistics(Tangled())
    assert foldable(model, (3, 8, 8)) == [("plain", "norm_of_plain")]
    images = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(fuse(model, (3, 8, 8))(images), model(images), rtol=1e-5, atol=1e-5)


def test_normalization_without_statistics_or_scale() -> None:
    batch_statistics = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, track_running_stats=False))
    assert foldable(batch_statistics, (3, 4, 4)) == []
    unscaled = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm2d(3, affine=False)).eval()
    unscaled[1].running_mean.uniform_()
    images = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(fuse(unscaled, (3, 4, 4))(images), unscaled(images))


def test_an_unregistered_network_needs_a_size() -> None:
    with pytest.raises(UsageError, match="give the input size"):
        fuse(Tangled())
