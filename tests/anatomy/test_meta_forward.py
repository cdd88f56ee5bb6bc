"""Forward passes on the meta device leave the network as it is and give its shapes."""

import pytest
import torch
from torch import nn

from decanet.anatomy.cost import MultiplyAddCounter
from decanet.anatomy.meta_forward import build_on_meta, forward_on_meta, input_size_for, meta_inputs
from decanet.core.errors import UsageError
from decanet.models import create_model


def test_a_forward_pass_gives_shapes_and_is_observed_by_the_mode() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(), nn.Flatten()).train()
    counter = MultiplyAddCounter()
    output = forward_on_meta(model, meta_inputs(model, (3, 5, 6)), counter)
    assert output.is_meta
    assert output.shape == (1, 4 * 3 * 4)
    assert counter.macs == 4 * 27 * 12
    assert all(module.training for module in model.modules())
    assert not any(parameter.is_meta for parameter in model.parameters())


def test_the_image_has_the_data_type_of_the_network() -> None:
    assert meta_inputs(nn.Conv2d(3, 4, 3).double(), (3, 5, 5)).image.dtype == torch.float64
    assert meta_inputs(nn.ReLU(), (3, 5, 5)).image.dtype == torch.float32


def test_a_network_built_on_the_meta_device_has_no_memory() -> None:
    assert all(parameter.is_meta for parameter in build_on_meta("vgg16").parameters())


def test_the_input_size_of_a_registered_network_is_known() -> None:
    assert input_size_for("lenet5", None) == input_size_for(create_model("lenet5"), None) == (1, 32, 32)
    assert input_size_for("lenet5", (1, 40, 36)) == (1, 40, 36)


@pytest.mark.parametrize("size", [(3, 8), (3, 8, 0), (3, 8.0, 8)])
def test_a_wrong_input_size_is_a_usage_error(size: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="is no input size"):
        input_size_for("lenet5", size)
