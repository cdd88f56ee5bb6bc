"""ConvNeXt-T against torchvision and timm."""

import pytest
import torch

from decanet.models.convnext import Block
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
)
from tests.models._oracle import check_same_outputs


def test_counts() -> None:
    check_counts("convnext_t", params=28_589_128, macs=4_455_531_264)  # torchvision 0.29.1


def test_stages() -> None:
    check_stages(
        "convnext_t",
        {
            "stem": (96, 56, 56), "stage1": (96, 56, 56), "stage2": (192, 28, 28), "stage3": (384, 14, 14),
            "stage4": (768, 7, 7),
        },
    )  # fmt: skip


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_equals_library(library: str) -> None:
    check_same_outputs("convnext_t", sizes=[32, 96], num_classes=[11, 1000], library=library)


def test_stochastic_depth_drops_whole_branches_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    block = Block(4, drop_path=0.25).train()
    torch.nn.init.ones_(block.scale)
    x = torch.randn(1, 4, 6, 6).expand(2000, -1, -1, -1)
    with torch.no_grad():
        trained = block(x) - x
        block.eval()
        branch = (block(x) - x)[0]
    dropped = trained.flatten(1).abs().amax(dim=1) < 1e-6
    assert dropped.float().mean().item() == pytest.approx(0.25, abs=0.04)
    torch.testing.assert_close(trained[~dropped][0], branch / 0.75, rtol=1e-3, atol=1e-5)


def test_drop_path_grows_with_depth() -> None:
    rates = [m.drop_path for m in on_meta("convnext_t").modules() if isinstance(m, Block)]
    assert len(rates) == 18
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (0.0, pytest.approx(0.1))


def test_gradients_reach_every_parameter() -> None:
    check_gradients("convnext_t", 64, drop_path=0.0)


def test_wrong_input() -> None:
    check_smallest("convnext_t", 32, r"stage4\.1")
    check_wrong_channels("convnext_t")


def test_the_papers_recipe_averages_its_weights() -> None:
    # Appendix A.1: 4e-3 after 20 epochs of warm-up, then a cosine; EMA 0.9999.
    check_learning_rates(
        "convnext_t", {10: 2e-3, 20: 4e-3}, weight_decay=0.05, batch_size=4096, epochs=300, ema=0.9999
    )
    # The authors' optim_factory.py and the min_lr of their main.py.
    check_learning_rates("convnext_t", {299.9999: 1e-6}, decay_vectors=False)
