"""Receptive fields and weighted depth against gradients, the papers, and numbers worked out by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from decanet.anatomy.trace import trace
from decanet.models import create_model
from decanet.models.cuda_convnet import LocallyConnected2d


@pytest.mark.parametrize(
    ("name", "stage", "field"),
    [("vgg16", "pool5", 212), ("alexnet_two_tower", "conv5", 163), ("resnet18", "conv1", 7)],
)
def test_receptive_fields_known_from_the_literature(name: str, stage: str, field: int) -> None:
    layers = [layer for layer in trace(name).layers if layer.stage == stage and layer.receptive_field]
    assert (field, field) in [layer.receptive_field for layer in layers]


def rows_with_gradient(
    model: nn.Module, output: Callable[[nn.Module, torch.Tensor], torch.Tensor], image_size: int
) -> int:
    """Height, in image rows, of the region where the gradient of ``output`` is not zero."""
    x = torch.rand(1, 3, image_size, image_size, requires_grad=True)
    (gradient,) = torch.autograd.grad(output(model, x), x)
    rows = gradient.abs().sum((0, 1, 3)).nonzero()
    return int(rows.max() - rows.min()) + 1


def linearized(name: str) -> nn.Module:
    """The network with positive weights and averages instead of maxima, so that no path's gradient vanishes."""
    model = create_model(name).eval()
    for module in list(model.modules()):
        for name_of_child, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                average = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                setattr(module, name_of_child, average)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(len(parameter) / parameter.numel())
    return model


@pytest.mark.parametrize(("name", "image_size"), [("alexnet", 256), ("alexnet_cifar", 64)])
def test_flattening_keeps_the_receptive_field(name: str, image_size: int) -> None:
    """Against the gradient of one number in an image that is larger than its receptive field."""
    flat = next(layer for layer in trace(name).layers if layer.operation == "flatten")

    def unit(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        maps = model.features(x)
        return maps[0, 0, maps.shape[2] // 2, maps.shape[3] // 2]

    rows = rows_with_gradient(linearized(name), unit, image_size)
    assert flat.receptive_field == (rows, rows)


@pytest.mark.parametrize(
    ("name", "image_size"), [("alexnet", 224), ("alexnet_cifar", 32), ("cuda_convnet_13", 24)]
)
def test_a_linear_layer_behind_the_flattened_maps_covers_the_image(name: str, image_size: int) -> None:
    layers = trace(name).layers
    at = next(i for i, layer in enumerate(layers) if layer.operation == "flatten")
    linear = next(layer for layer in layers[at:] if layer.operation == "linear")
    assert linear.receptive_field is None
    assert rows_with_gradient(linearized(name), lambda model, x: model(x)[0, 0], image_size) == image_size


def test_a_locally_connected_layer_has_the_receptive_field_of_its_window() -> None:
    model = nn.Sequential(LocallyConnected2d(3, 4, image_size=9), LocallyConnected2d(4, 2, image_size=9))
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    assert [layer.receptive_field for layer in trace(model, (3, 9, 9)).layers] == [(3, 3), (5, 5)]
    assert rows_with_gradient(model, lambda model, x: model(x)[0, 0, 4, 4], 9) == 5


def test_a_linear_layer_at_every_position_keeps_the_receptive_field() -> None:
    """A row of ConvNeXt's linear layers is one position of a feature map, not an image."""
    rows = {layer.path: layer.receptive_field for layer in trace("convnext_t").layers}
    assert rows["stage1.0.expand"] == rows["stage1.0.depthwise"] == (28, 28)
    assert None not in [
        field for path, field in rows.items() if path.endswith(("expand", "reduce", "project"))
    ]


def test_a_flattened_map_that_skips_pixels_does_not_cover_the_image() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 2, 3, stride=3), nn.Flatten(), nn.ReLU(), nn.Linear(8, 5), nn.Linear(5, 2)
    )
    fields = [layer.receptive_field for layer in trace(model, (3, 8, 8)).layers]
    assert fields == [(3, 3), (3, 3), (3, 3), (6, 6), (6, 6)]
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    assert rows_with_gradient(model, lambda model, x: model(x).sum(), 8) == 6


def test_a_receptive_field_that_covers_the_image_is_none() -> None:
    rows = {layer.path: layer for layer in trace("resnet18").layers}
    assert rows["conv5_x.1.conv2"].receptive_field == (435, 435)  # the literature's number, padding included
    assert rows["avgpool"].receptive_field is None
    assert rows["fc"].receptive_field is None


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("alexnet_two_tower", 8), ("vgg19", 19), ("googlenet", 22), ("resnet50", 50), ("resnet152", 152),
        ("preact_resnet110_cifar", 110), ("densenet121", 121), ("se_resnet50", 50), ("senet154", 154),
    ],
)  # fmt: skip
def test_depth_is_the_papers_count(name: str, depth: int) -> None:
    assert trace(name).depth == depth


class Branches(nn.Module):
    """A 3x3 and a 5x5 branch that meet in a concatenation, and a sum with the shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(4, 2, 3, padding=1)
        self.wide = nn.Sequential(nn.Conv2d(4, 2, 1), nn.Conv2d(2, 2, (1, 5), padding=(0, 2)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.narrow(x), self.wide(x)], 1) + x


def test_the_widest_and_the_deepest_branch_count() -> None:
    traced = trace(Branches(), (4, 9, 9))
    operations = [layer.operation for layer in traced.layers]
    assert operations[-2:] == ["concatenate", "add"]
    assert traced.layers[-1].receptive_field == (3, 5)
    assert traced.depth == 2
    wide = next(layer for layer in traced.layers if layer.path == "wide.1")
    assert wide.formula == "9 - 1 + 1 = 9; 9 + 2*2 - 5 + 1 = 9"


class Gated(nn.Module):
    """A squeeze-and-excitation gate: two linear layers that are not on the signal's path."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2), nn.Linear(2, 4), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return x * self.gate(x)[:, :, None, None]


def test_a_gate_adds_neither_depth_nor_receptive_field() -> None:
    traced = trace(Gated(), (3, 8, 8))
    assert traced.depth == 1
    assert traced.layers[-1].receptive_field == (3, 3)
    assert traced.macs == 4 * 27 * 36 + 8 + 8


class Attention(nn.Module):
    """One head over the pixels: two matrix products between layers."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, -1)
        return torch.softmax(q @ k.transpose(1, 2), -1) @ v


def test_attention_covers_the_whole_image() -> None:
    traced = trace(Attention(), (4, 3, 3))
    assert traced.macs == 9 * 4 * 12 + 9 * 9 * 4 + 9 * 9 * 4
    assert traced.layers[-1].receptive_field is None
    assert traced.depth == 1
