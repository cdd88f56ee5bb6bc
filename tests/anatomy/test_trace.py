"""Traces against PyTorch's own counter, and against numbers worked out by hand."""

import pytest
import torch
from torch import nn

from decanet.anatomy.explanation import explain
from decanet.anatomy.trace import trace
from decanet.core.errors import DataError, UsageError
from decanet.models import create_model, list_models
from tests.models._checks import counted


@pytest.mark.parametrize("name", list_models())
def test_totals_equal_pytorchs_counts(name: str) -> None:
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


def test_a_layer_of_unnamed_operations_has_the_name_of_its_class() -> None:
    names = [layer.operation for layer in trace("resnet18").layers if layer.path == "bn1"]
    assert names == ["BatchNorm2d"]


def test_the_network_is_left_as_it_is() -> None:
    model = create_model("alexnet_cifar").train()
    model.features[0].eval()
    before = [parameter.data_ptr() for parameter in model.parameters()]
    trace(model)
    assert model.training
    assert not model.features[0].training
    assert before == [parameter.data_ptr() for parameter in model.parameters()]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_another_image_size_changes_multiply_adds_and_not_parameters() -> None:
    small, usual = trace("resnet18", (3, 64, 64)), trace("resnet18")
    assert small.params == usual.params
    assert small.macs < usual.macs / 10


def test_a_registered_network_is_traced_once_for_each_size() -> None:
    assert trace("lenet5") is trace("lenet5", (1, 32, 32))
    assert trace("lenet5") is not trace(create_model("lenet5"))


class Shared(nn.Module):
    """Two convolutions and one activation for both; no stages are declared."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.relu = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.second(self.relu(self.first(x))))


def test_stages_of_a_network_without_declared_ones_are_its_attributes() -> None:
    traced = trace(Shared(), (3, 8, 8))
    assert [layer.path for layer in traced.layers] == ["first", "relu", "second", "relu"]
    assert [layer.stage for layer in traced.layers] == ["first", "first", "second", "second"]
    assert traced.shapes["second"] == (5, 4, 4)
    assert traced.network == "Shared"


def test_a_network_on_the_meta_device_gives_the_same_trace() -> None:
    with torch.device("meta"):
        model = create_model("lenet5")
    assert trace(model) == trace("lenet5")


class TwoOutputs(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": x.mean((2, 3)), "features": x}


def test_the_output_shape_is_that_of_the_first_tensor() -> None:
    assert trace(TwoOutputs(), (3, 8, 8)).output_shape == (1, 3)


def test_errors_name_the_layer_or_the_missing_size() -> None:
    with pytest.raises(DataError, match=r"features\.\d"):
        trace("alexnet", (3, 20, 20))
    with pytest.raises(
        DataError, match=r"Shared: the forward pass of a 1x8x8 image fails at first: .*channel"
    ):
        trace(Shared(), (1, 8, 8))
    with pytest.raises(UsageError, match="Conv2d is not a registered network: give the input size"):
        trace(nn.Conv2d(3, 4, 3))
    with pytest.raises(UsageError, match=r"\(3, 8\) is no input size"):
        trace(Shared(), (3, 8))
    with pytest.raises(UsageError, match="did you mean"):
        trace("alexnett")
