"""Wide residual networks: counts, torchvision as the oracle at ImageNet size, the text at CIFAR size."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decanet.models import create_model
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_he_initialized,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
)
from tests.models._oracle import check_same_outputs, random_weights

ALL = ["wrn_16_4_cifar", "wrn_28_10_cifar", "wide_resnet50_2"]


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        # arXiv:1605.07146 Table 4: 36.5 million for 28-10; Table 8: 68.9 million for 50-2. The whole numbers:
        # the formula below; torchvision 0.29.1.
        ("wrn_16_4_cifar", 2_748_890, 392_612_352),
        ("wrn_28_10_cifar", 36_479_194, 5_243_328_768),
        ("wide_resnet50_2", 68_883_240, 11_398_021_120),
    ],
)
def test_counts(name: str, params: int, macs: int) -> None:
    check_counts(name, params=params, macs=macs)


@pytest.mark.parametrize(("name", "n", "k"), [("wrn_16_4_cifar", 2, 4), ("wrn_28_10_cifar", 4, 10)])
def test_depth_as_the_paper_counts(name: str, n: int, k: int) -> None:
    """6n + 4: conv1, 2n convolutions in each of three stages, three projections."""
    model = on_meta(name)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 6 * n + 4 == int(name.split("_")[1])
    a, b, c = 16 * k, 32 * k, 64 * k
    weights = 27 * 16 + 9 * (16 * a + (2 * n - 1) * (a * a + b * b + c * c) + a * b + b * c)
    weights += 16 * a + a * b + b * c  # projections
    norms = 2 * (16 + (2 * n - 1) * (a + b + c) + a + b + c)
    assert weights + norms + c * 10 + 10 == sum(p.numel() for p in model.parameters())


def test_stages() -> None:
    check_stages(
        "wrn_28_10_cifar",
        {"conv1": (16, 32, 32), "stage1": (160, 32, 32), "stage2": (320, 16, 16), "stage3": (640, 8, 8)},
    )
    stages = {f"conv{i + 2}_x": (256 << i, 56 >> i, 56 >> i) for i in range(4)}
    check_stages("wide_resnet50_2", {"conv1": (64, 112, 112), "pool": (64, 56, 56), **stages})


def test_equals_torchvision() -> None:
    check_same_outputs("wide_resnet50_2", sizes=[33, 64], num_classes=[6])


def by_the_text(state: dict[str, Tensor], x: Tensor, n: int) -> Tensor:
    """Table 1 and the pre-activated B(3, 3) written down from the text alone, in evaluation mode."""

    def activate(x: Tensor, name: str) -> Tensor:
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        scaled = (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)
        return (scaled * state[f"{name}.weight"][:, None, None] + state[f"{name}.bias"][:, None, None]).clamp(
            min=0
        )

    x = F.conv2d(x, state["conv1.weight"], padding=1)
    for s in (1, 2, 3):
        for i in range(n):
            at = f"stage{s}.{i}"
            stride = 2 if s > 1 and i == 0 else 1
            active = activate(x, f"{at}.bn1")
            y = activate(F.conv2d(active, state[f"{at}.conv1.weight"], stride=stride, padding=1), f"{at}.bn2")
            y = F.conv2d(y, state[f"{at}.conv2.weight"], padding=1)
            if i == 0:
                x = F.conv2d(active, state[f"{at}.shortcut.weight"], stride=stride)
            x = x + y
    return activate(x, "bn").mean(dim=(2, 3)) @ state["fc.weight"].T + state["fc.bias"]


@pytest.mark.parametrize("size", [32, 13])
def test_computes_the_formulas_of_the_text(size: int) -> None:
    model = create_model("wrn_16_4_cifar", num_classes=7)
    model.load_state_dict(random_weights(model.state_dict()))
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(size))
    with torch.inference_mode():
        expected = by_the_text(model.state_dict(), x, n=2)
        torch.testing.assert_close(
            model.eval()(x), expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item()
        )


def test_dropout_is_between_the_convolutions_and_only_in_training() -> None:
    """Dropping everything leaves what the shortcuts carry; nothing is dropped in evaluation."""
    torch.manual_seed(0)
    dropped = create_model("wrn_16_4_cifar", dropout=1.0)
    whole = create_model("wrn_16_4_cifar")
    whole.load_state_dict(dropped.state_dict())
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(dropped.eval()(x), whole.eval()(x))
    block = dropped.train().stage1[1]
    maps = torch.randn(2, 64, 8, 8)
    assert torch.equal(block(maps), maps)
    assert not torch.allclose(whole.train().stage1[1](maps), maps)


def test_initialization() -> None:
    torch.manual_seed(0)
    model = create_model("wrn_16_4_cifar")
    for conv, inputs in ((model.conv1, 3), (model.stage2[0].conv1, 64), (model.stage2[0].shortcut, 64)):
        check_he_initialized(conv, inputs)  # models/utils.lua: n = kW * kH * nInputPlane


@pytest.mark.parametrize("name", ALL)
def test_input(name: str) -> None:
    check_smallest(name, 1)
    check_wrong_channels(name)


def test_gradients_reach_every_parameter() -> None:
    check_gradients("wrn_16_4_cifar", 8, dropout=0.3)


@pytest.mark.parametrize("name", ALL[:2])
def test_recipe_of_section_3(name: str) -> None:
    rates = {0: 0.1, 59: 0.1, 60: 0.02, 120: 0.004, 160: 0.0008}
    check_learning_rates(
        name, rates, batch_size=128, epochs=200, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
