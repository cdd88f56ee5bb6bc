"""Theoretical receptive fields against gradients, and effective ones inside them."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.insight.views import receptive_field
from decanet.models import create_model, list_models
from tests.insight.attribution.test_gradients import made

FAMILIES = ("lenet5_modern", "alexnet_cifar", "resnet20_cifar", "squeezenet1_1", "googlenet")


def all_ones(name: str) -> nn.Module:
    """The network with positive weights and average instead of maximum pooling: no path from a pixel is closed.

    All weights of a layer are the inverse of its fan-in, so that nothing overflows.
    """
    model = create_model(name).eval().double()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.bias is not None:
                nn.init.ones_(module.bias)
        for child_name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                pool = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                setattr(module, child_name, pool)
            elif isinstance(child, nn.ReLU6 | nn.LocalResponseNorm | nn.LayerNorm):  # of ones it is flat
                setattr(module, child_name, nn.Identity())
    return model


def check(name: str) -> None:
    _, x, _ = made(name)  # of the size that it takes
    size = x.shape[-1]
    found = receptive_field.compute(
        all_ones(name), x[:1].abs(), np.zeros((size, size, 3), np.uint8), title=name
    )
    assert found.fields
    for field in found.fields:
        rows, columns = np.nonzero(field.energy > 0)
        support = (rows.min(), columns.min(), rows.max(), columns.max())
        for found_end, end in zip(support, field.box, strict=True):
            # A stride that does not divide the image may leave out its last pixels.
            assert found_end == end or (end == size - 1 and found_end > end - 16), field.stage
        assert (
            field.effective <= np.sqrt((support[2] - support[0] + 1) * (support[3] - support[1] + 1)) + 1e-9
        )


@pytest.mark.parametrize("name", FAMILIES)
def test_the_theoretical_field_is_the_support_of_the_gradient(name: str) -> None:
    check(name)


@pytest.mark.slow(reason="backward passes from every stage of every network in float64: minutes")
@pytest.mark.parametrize("name", [name for name in list_models() if name not in (*FAMILIES, "mlp_cifar")])
def test_the_theoretical_field_of_every_network_is_the_support_of_the_gradient(name: str) -> None:
    check(name)


class Blurs(nn.Module):
    """Convolutions with kernels of ones in a row: their composition tends to a Gaussian."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(depth)))
        for layer in self.layers:
            nn.init.constant_(layer.weight, 1 / 9)  # type: ignore[arg-type]
        self.stages = {f"conv{k + 1}": f"layers.{k}" for k in range(depth)}

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).mean((2, 3))


def test_the_effective_field_grows_as_the_root_of_the_depth() -> None:
    x, pixels = torch.rand(1, 1, 65, 65), np.zeros((65, 65, 3), np.uint8)
    fields = receptive_field.compute(Blurs(16), x, pixels, title="blurs").fields
    sizes = [field.effective for field in fields]
    assert fields[15].size == (33, 33)
    assert sizes[15] / sizes[3] == pytest.approx(2, rel=0.15)  # 16 layers against 4
    # The gradient is the composed kernel: sixteen uniform distributions over three pixels.
    kernel = np.array([1.0])
    for _ in range(16):
        kernel = np.convolve(kernel, np.ones(3) / 3)
    expected = np.outer(kernel, kernel) ** 2
    np.testing.assert_allclose(fields[15].energy[16:49, 16:49], expected / expected.sum(), atol=1e-6)


def test_a_gate_sees_the_whole_image() -> None:
    x = torch.rand(1, 3, 64, 64)
    model = create_model("se_resnet50").eval()
    found = receptive_field.compute(model, x, np.zeros((64, 64, 3), np.uint8), title="se")
    sizes = {field.stage: field.size for field in found.fields}
    assert next(iter(sizes.values())) is not None
    assert list(sizes.values())[-1] is None


def test_frames_and_sizes_are_drawn() -> None:
    x, pixels = torch.rand(1, 1, 33, 33), np.zeros((33, 33, 3), np.uint8)
    found = receptive_field.compute(Blurs(2), x, pixels, title="blurs")
    figure = receptive_field.draw(found)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[0].startswith("conv1\n3 × 3, effective ")
    frame = figure.axes[1].patches[0]
    assert (frame.get_x(), frame.get_y(), frame.get_width()) == (13.5, 13.5, 5)
    only = receptive_field.compute(Blurs(2), x, pixels, title="blurs", stage="conv2")
    assert [field.stage for field in only.fields] == ["conv2"]


def test_stages_without_maps_are_refused() -> None:
    x, pixels = torch.zeros(1, 3, 32, 32), np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(UsageError, match="stage 'fc6' has no feature maps"):
        receptive_field.compute(create_model("alexnet_cifar").eval(), x, pixels, title="", stage="fc6")
    with pytest.raises(UsageError, match="the network has no feature maps"):
        receptive_field.compute(create_model("mlp_cifar").eval(), x, pixels, title="")
