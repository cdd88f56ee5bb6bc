"""DecaNet: what its docstring promises of the first layer, the beginning and the sizes."""

import pytest
import torch
import torch.nn.functional as F

from decanet.models import create_model
from tests.models._checks import check_smallest, check_stages, check_wrong_channels


@pytest.mark.parametrize(
    ("name", "widths"),
    [("decanet_s", (32, 64, 128)), ("decanet_m", (64, 256, 256)), ("decanet_l", (128, 384, 384))],
)
def test_feature_maps(name: str, widths: tuple[int, int, int]) -> None:
    check_stages(
        name,
        {
            "whiten": (24, 31, 31), "block1": (widths[0], 15, 15), "block2": (widths[1], 7, 7),
            "block3": (widths[2], 3, 3), "pool": (widths[2], 1, 1), "head": (10,),
        },
    )  # fmt: skip


def test_the_first_layer_whitens_and_is_not_trained() -> None:
    generator = torch.Generator().manual_seed(0)
    # Neighbors alike and colors too, as in a photograph, yet nothing that is constant.
    images = F.avg_pool2d(torch.randn(400, 3, 34, 34, generator=generator), 3, stride=1)
    images += 0.5 * images.mean(dim=1, keepdim=True)
    images /= images.std()
    model = create_model("decanet_s")
    model.initialize_from(images)
    with torch.no_grad():
        outputs = model.whiten(images).transpose(0, 1).flatten(1)
    half = outputs[:12]
    torch.testing.assert_close(outputs[12:], -half)  # each direction and its negative
    covariance = half @ half.T / half.shape[1]
    torch.testing.assert_close(covariance, torch.eye(12), atol=0.05, rtol=0)
    before = model.whiten.weight.clone()
    model(images[:4]).square().sum().backward()
    assert model.whiten.weight.grad is None
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert torch.equal(model.whiten.weight, before)


@pytest.mark.parametrize("factor", [30.0, 1e3])
def test_gray_images_whiten_to_finite_numbers(factor: float) -> None:
    """Their covariance has eigenvalues of 0; in float32 these came out negative, and their roots as NaN."""
    generator = torch.Generator().manual_seed(0)
    gray = factor * F.avg_pool2d(torch.randn(600, 1, 18, 18, generator=generator), 3, stride=1)
    images = gray.expand(-1, 3, -1, -1)
    model = create_model("decanet_s")
    model.initialize_from(images)
    assert model.whiten.weight.isfinite().all()
    with torch.no_grad():
        outputs = model.whiten.double()(images.double()).transpose(0, 1).flatten(1)[:12]
    covariance = outputs @ outputs.T / outputs.shape[1]
    expected = torch.zeros(12, 12).double()
    expected[:4, :4] = torch.eye(4)  # four pixels, each in three equal channels, vary in four directions
    torch.testing.assert_close(covariance, expected, atol=0.01, rtol=0)


def test_convolutions_start_as_the_identity() -> None:
    block = create_model("decanet_s").block1
    narrow, wide = torch.randn(2, 24, 8, 8), torch.randn(2, 32, 8, 8)
    torch.testing.assert_close(block.conv1(narrow)[:, :24], narrow)
    torch.testing.assert_close(block.residual2.conv2(wide), wide)
    deep = torch.randn(2, 256, 3, 3)
    torch.testing.assert_close(create_model("decanet_m").block3.conv3(deep), deep)


def test_the_further_convolutions_of_the_small_network_have_identity_shortcuts() -> None:
    block = create_model("decanet_s").block2.eval()
    x = torch.randn(2, 32, 6, 6)
    first = block.gelu1(block.norm1(F.max_pool2d(block.conv1(x), 2)))
    unit = block.residual2
    second = F.gelu(unit.norm2(unit.conv2(first)), approximate="tanh")
    torch.testing.assert_close(block(x), first + second)


def test_wrong_input() -> None:
    check_smallest("decanet_s", 9, "block3.pool")
    check_wrong_channels("decanet_m")
