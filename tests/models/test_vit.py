"""ViT-B/16 against torchvision and timm."""

import pytest
import torch

from decanet.core.errors import DataError
from decanet.models import create_model
from tests.models._checks import (
    check_counts,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
)
from tests.models._oracle import check_same_outputs


def test_counts() -> None:
    # torchvision 0.29.1; Table 1 of arXiv:2010.11929 states 86M.
    check_counts("vit_b16", params=86_567_656, macs=17_563_828_224)


def test_stages() -> None:
    check_stages("vit_b16", {"patch_embedding": (768, 14, 14), "encoder": (197, 768)})
    assert len(on_meta("vit_b16").encoder) == 12  # Table 1


def test_equals_torchvision() -> None:
    check_same_outputs("vit_b16", sizes=[224], num_classes=[11])


def test_equals_timm() -> None:
    check_same_outputs("vit_b16", sizes=[224], num_classes=[3], library="timm")


def test_initial_logits_are_equal_and_gradients_reach_the_head() -> None:
    torch.manual_seed(0)
    model = create_model("vit_b16", num_classes=3).requires_grad_(False)
    model.head.requires_grad_(True)
    logits = model(torch.randn(1, 3, 224, 224))
    assert not logits.any()
    torch.nn.functional.cross_entropy(logits, torch.tensor([1])).backward()
    assert model.head.weight.grad is not None
    assert model.head.weight.grad.abs().max() > 0


def test_dropout_is_an_option() -> None:
    assert {m.p for m in on_meta("vit_b16").modules() if isinstance(m, torch.nn.Dropout)} == {0.1}
    assert {m.p for m in on_meta("vit_b16", dropout=0.0).modules() if isinstance(m, torch.nn.Dropout)} == {
        0.0
    }


def test_wrong_input() -> None:
    check_smallest("vit_b16", 224, "patch_embedding")
    check_wrong_channels("vit_b16")
    with pytest.raises(DataError, match="cannot take a 384x384 image"):
        on_meta("vit_b16")(torch.empty(1, 3, 384, 384, device="meta"))


def test_the_papers_recipe() -> None:
    # Appendix B.1, Table 3, trained on ImageNet alone: 3e-3 after 10,000 steps of 4096 images.
    warm = 10_000 * 4096 / 1_281_167
    check_learning_rates(
        "vit_b16", {warm / 2: 1.5e-3, warm: 3e-3}, weight_decay=0.3, epochs=300, clip_gradient=1.0
    )
