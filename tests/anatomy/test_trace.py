"""The walk against torch's own counter, against numbers worked out by hand, and against the papers' sizes."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from decanet.anatomy.trace import explain, trace
from decanet.core.errors import DataError, UsageError
from decanet.models import create_model, list_models
from decanet.models.cuda_convnet import LocallyConnected2d
from tests.models._checks import counted


@pytest.mark.parametrize("name", list_models())
def test_totals_equal_torchs_counter(name: str) -> None:
    counts, traced = counted(name), trace(name)
    assert 2 * traced.macs == counts.flops  # torch counts a multiply-add as two operations
    assert traced.params == counts.params
    assert traced.output_shape == counts.output_shape
    assert sum(layer.params for layer in traced.layers) + traced.params_training_only == traced.params
    assert all(layer.stage for layer in traced.layers[:-1])
    for layer in traced.layers:  # every row can be printed
        assert isinstance(explain(layer), str)
        assert not layer.formula or layer.formula.endswith(f" {layer.output_shape[-1]}")


def test_alexnet_layer_by_layer() -> None:
    traced = trace("alexnet")
    rows = {layer.path: layer for layer in traced.layers}
    conv1 = rows["features.0"]
    assert conv1.stage == "conv1"
    assert conv1.operation == "conv 11x11, stride 4, padding 2"
    assert conv1.output_shape == (64, 55, 55)
    assert conv1.formula == "(224 + 2*2 - 11)/4 + 1 = 55.25, rounded down to 55"
    assert conv1.params == 64 * 3 * 11 * 11 + 64
    assert conv1.macs == 64 * 3 * 11 * 11 * 55 * 55
    assert conv1.receptive_field == (11, 11)
    assert conv1.activation_bytes == 64 * 55 * 55 * 4
    assert rows["features.1"].activation_bytes == 0  # in place
    assert rows["features.1"].stage == "conv1"
    assert rows["features.2"].formula == "(55 - 3)/2 + 1 = 27"
    # 11; +2*4 = 19; +4*8 = 51; +2*8 = 67; +2*16 three times = 163; +2*16 = 195
    assert rows["features.12"].receptive_field == (195, 195)
    flatten = next(layer for layer in traced.layers if layer.operation == "flatten")
    assert flatten.output_shape == (9216,)
    assert flatten.receptive_field == (195, 195)  # each of the 9,216 numbers is one unit of pool5
    assert rows["classifier.1"].receptive_field is None
    assert rows["classifier.1"].params == 9216 * 4096 + 4096
    assert traced.output_shape == (1, 1000)
    assert traced.depth == 8


@pytest.mark.parametrize(
    ("name", "stage", "field"),
    [("vgg16", "pool5", 212), ("alexnet_two_tower", "conv5", 163), ("resnet18", "conv1", 7)],
)
def test_receptive_fields_known_from_the_literature(name: str, stage: str, field: int) -> None:
    layers = [layer for layer in trace(name).layers if layer.stage == stage and layer.receptive_field]
    assert (field, field) in [layer.receptive_field for layer in layers]


def rows_that_matter(
    model: nn.Module, output: Callable[[nn.Module, torch.Tensor], torch.Tensor], image_size: int
) -> int:
    """Image rows, from the first to the last, with a gradient of one number of ``output``."""
    x = torch.rand(1, 3, image_size, image_size, requires_grad=True)
    (gradient,) = torch.autograd.grad(output(model, x), x)
    rows = gradient.abs().sum((0, 1, 3)).nonzero()
    return int(rows.max() - rows.min()) + 1


def linearized(name: str) -> nn.Module:
    """The network with positive weights and averages for maxima: no path's gradient vanishes."""
    model = create_model(name).eval()
    for module in list(model.modules()):
        for child, part in module.named_children():
            if isinstance(part, nn.MaxPool2d):
                average = nn.AvgPool2d(part.kernel_size, part.stride, part.padding, part.ceil_mode)
                setattr(module, child, average)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(len(parameter) / parameter.numel())
    return model


@pytest.mark.parametrize(("name", "image_size"), [("alexnet", 256), ("alexnet_cifar", 64)])
def test_a_flattened_number_sees_what_its_unit_saw(name: str, image_size: int) -> None:
    """The receptive field of a row, against the gradient of one of its numbers in an image that is large enough."""
    flat = next(layer for layer in trace(name).layers if layer.operation == "flatten")

    def unit(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        maps = model.features(x)
        return maps[0, 0, maps.shape[2] // 2, maps.shape[3] // 2]

    rows = rows_that_matter(linearized(name), unit, image_size)
    assert flat.receptive_field == (rows, rows)


@pytest.mark.parametrize(
    ("name", "image_size"), [("alexnet", 224), ("alexnet_cifar", 32), ("cuda_convnet_13", 24)]
)
def test_the_layer_behind_a_row_sees_all(name: str, image_size: int) -> None:
    layers = trace(name).layers
    at = next(i for i, layer in enumerate(layers) if layer.operation == "flatten")
    assert layers[at + 1].operation == "linear"
    assert layers[at + 1].receptive_field is None
    assert rows_that_matter(linearized(name), lambda model, x: model(x)[0, 0], image_size) == image_size


def test_a_locally_connected_layer_sees_its_windows() -> None:
    model = nn.Sequential(LocallyConnected2d(3, 4, image_size=9), LocallyConnected2d(4, 2, image_size=9))
    for part in model.parameters():
        nn.init.ones_(part)
    assert [layer.receptive_field for layer in trace(model, (3, 9, 9)).layers] == [(3, 3), (5, 5)]
    assert rows_that_matter(model, lambda model, x: model(x)[0, 0, 4, 4], 9) == 5


def test_a_linear_layer_at_every_place_sees_what_the_place_saw() -> None:
    """ConvNeXt's linear layers stand at each place of a map: a row of numbers is a place there, not an image."""
    rows = {layer.path: layer.receptive_field for layer in trace("convnext_t").layers}
    assert rows["stage1.0.expand"] == rows["stage1.0.depthwise"] == (28, 28)
    assert None not in [
        field for path, field in rows.items() if path.endswith(("expand", "reduce", "project"))
    ]


def test_a_row_that_leaves_pixels_out_does_not_see_all() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 2, 3, stride=3), nn.Flatten(), nn.ReLU(), nn.Linear(8, 5), nn.Linear(5, 2)
    )
    fields = [layer.receptive_field for layer in trace(model, (3, 8, 8)).layers]
    assert fields == [(3, 3), (3, 3), (3, 3), (6, 6), (6, 6)]
    for part in model.parameters():
        nn.init.ones_(part)
    assert rows_that_matter(model, lambda model, x: model(x).sum(), 8) == 6


def test_what_depends_on_the_whole_image_says_so() -> None:
    rows = {layer.path: layer for layer in trace("resnet18").layers}
    assert rows["conv5_x.1.conv2"].receptive_field == (435, 435)  # the literature's number, padding included
    assert rows["avgpool"].receptive_field is None
    assert rows["fc"].receptive_field is None


def test_response_normalization_is_called_by_its_name() -> None:
    names = [layer.operation for layer in trace("alexnet_two_tower").layers if layer.path == "norm"]
    assert names == ["TowerResponseNorm"] * 2


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("alexnet_two_tower", 8), ("vgg19", 19), ("googlenet", 22), ("resnet50", 50), ("resnet152", 152),
        ("preact_resnet110_cifar", 110), ("densenet121", 121), ("se_resnet50", 50), ("senet154", 154),
    ],
)  # fmt: skip
def test_depth_is_what_the_papers_count(name: str, depth: int) -> None:
    assert trace(name).depth == depth


class Branches(nn.Module):
    """A 3x3 and a 5x5 branch that meet in a concatenation, and a sum with the shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(4, 2, 3, padding=1)
        self.wide = nn.Sequential(nn.Conv2d(4, 2, 1), nn.Conv2d(2, 2, (1, 5), padding=(0, 2)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.narrow(x), self.wide(x)], 1) + x


def test_where_branches_meet_the_widest_field_and_the_longest_path_count() -> None:
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


def test_a_gate_is_neither_on_the_path_nor_widens_the_field() -> None:
    traced = trace(Gated(), (3, 8, 8))
    assert traced.depth == 1
    assert traced.layers[-1].receptive_field == (3, 3)
    assert traced.macs == 4 * 27 * 36 + 8 + 8


class Attention(nn.Module):
    """One head over the pixels: two products of matrices that no layer owns."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, -1)
        return torch.softmax(q @ k.transpose(1, 2), -1) @ v


def test_products_of_matrices_count_and_see_everything() -> None:
    traced = trace(Attention(), (4, 3, 3))
    assert traced.macs == 9 * 4 * 12 + 9 * 9 * 4 + 9 * 9 * 4
    assert traced.layers[-1].receptive_field is None
    assert traced.depth == 1


def test_the_walked_network_is_left_as_it_was() -> None:
    model = create_model("alexnet_cifar").train()
    model.features[0].eval()
    before = [parameter.data_ptr() for parameter in model.parameters()]
    trace(model)
    assert model.training
    assert not model.features[0].training
    assert before == [parameter.data_ptr() for parameter in model.parameters()]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_another_size_changes_maps_and_not_parameters() -> None:
    small, usual = trace("resnet18", (3, 64, 64)), trace("resnet18")
    assert small.params == usual.params
    assert small.macs < usual.macs / 10


def test_why_55_and_why_9216() -> None:
    sentences = [explain(layer) for layer in trace("alexnet").layers]
    assert "(224 + 2*2 - 11)/4 + 1 = 55.25, rounded down to 55" in sentences[0]
    assert "23,296 parameters" in sentences[0]
    assert any("256*6*6 = 9216" in sentence for sentence in sentences)
    assert any("9216*4096 + 4096 biases = 37,752,832" in sentence for sentence in sentences)


def test_a_squeeze_gives_numbers_and_has_no_height_to_explain() -> None:
    squeezes = [
        layer for layer in trace("se_resnet20_cifar").layers if layer.operation == "global average pool"
    ]
    assert squeezes[0].input_shape == (16, 32, 32)
    assert squeezes[0].output_shape == (16,)
    assert squeezes[0].formula == ""
    assert explain(squeezes[0]) == "Each of the 16 maps of 32x32 becomes one number; nothing is learned."


def test_a_network_is_walked_once_for_each_size() -> None:
    assert trace("lenet5") is trace("lenet5", (1, 32, 32))
    assert trace("lenet5") is not trace(create_model("lenet5"))


def test_errors_are_one_line_that_helps() -> None:
    with pytest.raises(DataError, match=r"features\.\d"):
        trace("alexnet", (3, 20, 20))
    with pytest.raises(UsageError, match="give the input size"):
        trace(nn.Conv2d(3, 4, 3))
    with pytest.raises(UsageError, match="did you mean"):
        trace("alexnett")
