"""The networks of section 4.2: counts, and residual networks compared with plain ones."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.models import create_model, model_entry
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_he_initialized,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
    weighted_layers,
)

# Table 6 of arXiv:1512.03385: 0.27, 0.46, 0.66, 0.85 and 1.7 million parameters. The whole numbers follow
# from section 4.2, as the test adds them up.
PARAMS = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}
MACS = {20: 40_551_040, 32: 68_862_592, 44: 97_174_144, 56: 125_485_696, 110: 252_887_680}
ALL = [f"{kind}{depth}_cifar" for kind in ("resnet", "plain") for depth in PARAMS]


@pytest.mark.parametrize("kind", ["resnet", "plain"])
@pytest.mark.parametrize("depth", PARAMS)
def test_counts(kind: str, depth: int) -> None:
    n = (depth - 2) // 6
    convolutions = 27 * 16 + 9 * (
        2 * n * 16**2 + 16 * 32 + (2 * n - 1) * 32**2 + 32 * 64 + (2 * n - 1) * 64**2
    )
    norms = 2 * (16 + 2 * n * (16 + 32 + 64))
    assert convolutions + norms + 650 == PARAMS[depth]
    check_counts(f"{kind}{depth}_cifar", params=PARAMS[depth], macs=MACS[depth])
    assert weighted_layers(f"{kind}{depth}_cifar") == depth


def test_projections_of_option_b() -> None:
    """16*32 + 32*64 weights and the two norms: 2,752 more."""
    check_counts("resnet20_cifar", shortcut="B", params=272_474)
    check_counts("resnet56_cifar", shortcut="B", params=855_770)


@pytest.mark.parametrize("name", ["resnet20_cifar", "plain56_cifar"])
def test_stages(name: str) -> None:
    check_stages(
        name,
        {
            "conv1": (16, 32, 32), "stage1": (16, 32, 32), "stage2": (32, 16, 16), "stage3": (64, 8, 8),
            "pool": (64, 1, 1),
        },
    )  # fmt: skip


def by_the_text(state: dict[str, Tensor], x: Tensor, n: int, residual: bool) -> Tensor:
    """Section 4.2 written down from the text alone, in evaluation mode."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        scaled = (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)
        return scaled * state[f"{name}.weight"][:, None, None] + state[f"{name}.bias"][:, None, None]

    x = norm(F.conv2d(x, state["conv1.weight"], padding=1), "bn1").clamp(min=0)
    for s in (1, 2, 3):
        for i in range(n):
            at = f"stage{s}.{i}"
            stride = 2 if s > 1 and i == 0 else 1
            y = F.conv2d(x, state[f"{at}.conv1.weight"], stride=stride, padding=1)
            y = norm(y, f"{at}.bn1").clamp(min=0)
            y = norm(F.conv2d(y, state[f"{at}.conv2.weight"], padding=1), f"{at}.bn2")
            if residual:
                carried = x[:, :, ::stride, ::stride]
                y[:, : carried.shape[1]] += carried  # the other channels get zeros
            x = y.clamp(min=0)
    return x.mean(dim=(2, 3)) @ state["fc.weight"].T + state["fc.bias"]


@pytest.mark.parametrize("kind", ["resnet", "plain"])
@pytest.mark.parametrize("size", [32, 17])
def test_computes_the_formulas_of_the_text(kind: str, size: int) -> None:
    torch.manual_seed(size)
    model = create_model(f"{kind}20_cifar", num_classes=7).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.2)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(std=0.2)
    x = torch.randn(3, 3, size, size)
    with torch.inference_mode():
        expected = by_the_text(model.state_dict(), x, 3, residual=kind == "resnet")
        torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-4)


def test_residual_and_plain_network_have_equal_parameters_and_different_outputs() -> None:
    torch.manual_seed(0)
    residual, plain = (create_model(f"{kind}20_cifar").eval() for kind in ("resnet", "plain"))
    plain.load_state_dict(residual.state_dict())
    x = torch.randn(2, 3, 32, 32)
    assert (residual(x) - plain(x)).abs().max() > 0.1


def test_initialization() -> None:
    torch.manual_seed(0)
    model = create_model("resnet20_cifar")
    for conv in (model.stage1[0].conv1, model.stage3[2].conv2):
        check_he_initialized(conv)


@pytest.mark.parametrize("name", ALL)
def test_input(name: str) -> None:
    check_smallest(name, 1)
    check_wrong_channels(name)


@pytest.mark.parametrize("name", ["resnet20_cifar", "plain20_cifar"])
def test_gradients_reach_every_parameter(name: str) -> None:
    check_gradients(name, 16)


@pytest.mark.parametrize("classes", [1, 100])
def test_class_count(classes: int) -> None:
    model = on_meta("resnet20_cifar", num_classes=classes)
    assert model(torch.empty(2, 3, 32, 32, device="meta")).shape == (2, classes)


@pytest.mark.parametrize("name", ALL)
def test_recipe_of_section_4_2(name: str) -> None:
    """0.1, a tenth of it after 32,000 and again after 48,000 of 64,000 steps; 110 layers start at 0.01."""
    epoch = 50_000 / 128
    rates = {401 / epoch: 0.1, 31_999 / epoch: 0.1, 32_000 / epoch: 0.01, 48_000 / epoch: 0.001}
    rates[0] = 0.01 if "110" in name else 0.1
    check_learning_rates(name, rates, batch_size=128, momentum=0.9, weight_decay=1e-4)
    assert model_entry(name).recipe.optimizer.nesterov is False


@pytest.mark.parametrize("depth", [20, 56])
def test_the_small_network_of_the_same_depth_and_width_is_the_papers(depth: int) -> None:
    small, paper = on_meta("small_resnet", depth=depth), on_meta(f"resnet{depth}_cifar")
    assert {k: v.shape for k, v in small.state_dict().items()} == {
        k: v.shape for k, v in paper.state_dict().items()
    }
    plain = on_meta("small_resnet", depth=depth, shortcut="none")
    assert str(plain) == str(on_meta(f"plain{depth}_cifar"))


def test_a_depth_that_the_plan_does_not_have_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"6n \+ 2 layers: 8, 14, 20"):
        create_model("small_resnet", depth=18)
