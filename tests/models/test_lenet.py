"""LeNet-5 against the numbers of its paper (Proceedings of the IEEE 86(11), 1998, section II.B)."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from decanet.core.errors import DataError
from decanet.models import create_model
from decanet.models._input_errors import smallest_input
from decanet.models.lenet import TABLE_I


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def macs(name: str) -> float:
    with torch.device("meta"):
        model, image = create_model(name).eval(), torch.empty(1, 1, 32, 32)
    with FlopCounterMode(display=False) as counter:
        model(image)
    return counter.get_total_flops() / 2


def test_parameters_layer_by_layer_are_those_of_section_2b() -> None:
    model = create_model("lenet5")
    stated = {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164}
    assert {name: count(getattr(model, name)) for name in stated} == stated
    assert count(model) == 60_000 + 850  # the linear output stands for the fixed codes


def test_connections_are_those_of_section_2b() -> None:
    # C1 122,304; S2 5,880; C3 151,600; S4 2,000; C5 48,120; F6 10,164 and 840 of the output: 340,908. A
    # connection is a multiply-add or a bias; a unit of S2 and S4 has five.
    biases = 6 * 28 * 28 + 16 * 10 * 10 + 120 + 84
    subsampling = 5 * (6 * 14 * 14 + 16 * 5 * 5)
    assert macs("lenet5") + biases + subsampling == 340_908


def test_c3_is_the_partial_table_as_a_dense_convolution_with_zeros() -> None:
    torch.manual_seed(0)
    layer = create_model("lenet5").c3
    dense = torch.zeros(16, 6, 5, 5)
    pairs = ((source, target) for source in range(6) for target in range(16) if source in TABLE_I[target])
    for kernel, (source, target) in zip(layer.kernels.weight.detach(), pairs, strict=True):
        dense[target, source] = kernel[0]
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(3, 6, 14, 14)
    torch.testing.assert_close(layer(x), torch.nn.functional.conv2d(x, dense, layer.bias))
    assert [len(sources) for sources in TABLE_I] == [3] * 6 + [4] * 9 + [6]
    # In Table I each feature map of S2 is connected to ten feature maps of C3.
    assert [sum(s in sources for sources in TABLE_I) for s in range(6)] == [10] * 6


def test_subsampling_adds_four_and_scales() -> None:
    layer = create_model("lenet5").s2
    torch.nn.init.constant_(layer.coefficient, 0.5)
    torch.nn.init.constant_(layer.bias, 1.0)
    x = torch.arange(16.0).view(1, 1, 4, 4).expand(1, 6, 4, 4)
    expected = (
        torch.tensor([[0 + 1 + 4 + 5, 2 + 3 + 6 + 7], [8 + 9 + 12 + 13, 10 + 11 + 14 + 15]]) * 0.5 + 1.0
    )
    torch.testing.assert_close(layer(x)[0, 0], expected)


def test_the_squashing_function_is_one_at_one() -> None:
    squash = create_model("lenet5").squash
    torch.testing.assert_close(
        squash(torch.tensor([1.0, -1.0])), torch.tensor([1.0, -1.0]), atol=1e-4, rtol=0
    )


def test_modern_variant_counts() -> None:
    assert count(create_model("lenet5_modern")) == 61_706  # the usual variant, counted in the ledger
    assert macs("lenet5_modern") == 416_520


def test_gradients_reach_every_parameter_of_the_paper_network() -> None:
    torch.manual_seed(0)
    model = create_model("lenet5", num_classes=3)
    model(torch.randn(4, 1, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("name", ["lenet5", "lenet5_modern"])
def test_input_errors_name_the_layer(name: str) -> None:
    model = create_model(name, num_classes=7).eval()
    assert smallest_input(model, 1) == 32
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 7)
    with pytest.raises(DataError, match=r"31x31 image: at layer C5 .*smallest size that works is 32x32"):
        model(torch.zeros(1, 1, 31, 31))
    with pytest.raises(DataError, match="takes images with 1 channel; got 3"):
        model(torch.zeros(1, 3, 32, 32))


def test_the_table_of_connections_works_in_bfloat16() -> None:
    model, images = create_model("lenet5"), torch.rand(2, 1, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(images)
    torch.testing.assert_close(
        half.float(), model(images), rtol=0.1, atol=0.1 * model(images).abs().max().item()
    )
