"""Optimizers built from recipes."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from decanet.core.recipe import Adam, Muon, RmsProp, Sgd
from decanet.models import create_model
from decanet.training.optimizers import build_optimizers, orthogonalize


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 24)])
def test_orthogonalize_moves_all_singular_values_near_one_and_keeps_directions(
    shape: tuple[int, int],
) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(*shape)
    result = orthogonalize(matrix, steps=5)
    assert result.shape == shape
    singular = torch.linalg.svdvals(result)
    assert singular.min() > 0.6
    assert singular.max() < 1.25
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    nearest = u @ v
    cosine = (result * nearest).sum() / result.norm() / nearest.norm()
    assert cosine > 0.97


def test_muon_keeps_the_norm_of_each_weight_and_reduces_the_loss() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 8, 3, bias=False)
    optimizers = build_optimizers(
        Muon(lr=0.1, head_lr=0.1, bias_lr=0.1), nn.Sequential(conv, nn.Linear(3, 2))
    )
    x = torch.randn(4, 4, 8, 8)
    target = torch.randn(4, 8, 6, 6)
    losses = []
    for _ in range(20):
        loss = (conv(x) - target).square().mean()
        losses.append(loss.item())
        loss.backward()
        optimizers.step()
        optimizers.zero_grad()
    assert losses[-1] < losses[0]
    # The norm is restored before the update, which adds a direction of norm sqrt(8) times the learning rate at most.
    assert 8**0.5 * 0.8 < conv.weight.norm() < 8**0.5 * 1.2


def test_muon_gives_convolutions_to_muon_and_the_rest_to_sgd() -> None:
    model = create_model("decanet_s")
    optimizers = build_optimizers(Muon(lr=0.24, head_lr=0.67, bias_lr=0.05, weight_decay=1e-3), model)
    muon, sgd = optimizers.parts
    assert {p.ndim for p in muon.param_groups[0]["params"]} == {4}
    assert len(muon.param_groups[0]["params"]) == 6  # the whitening layer is frozen
    assert [group["lr"] for group in sgd.param_groups] == [0.67, 0.05]
    for group in sgd.param_groups:
        assert group["lr"] * group["weight_decay"] == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (Sgd(lr=0.1, nesterov=True), torch.optim.SGD),
        (Adam(lr=1e-3), torch.optim.Adam),
        (Adam(name="adamw", lr=1e-3, weight_decay=0.05), torch.optim.AdamW),
        (RmsProp(lr=0.045), torch.optim.RMSprop),
    ],
)
def test_torchs_optimizers_get_the_recipes_settings(settings: object, kind: type) -> None:
    model = nn.Linear(4, 2)
    (part,) = build_optimizers(settings, model).parts  # type: ignore[arg-type]
    assert type(part) is kind
    assert part.param_groups[0]["lr"] == settings.lr  # type: ignore[attr-defined]
    assert part.param_groups[0]["weight_decay"] == settings.weight_decay  # type: ignore[attr-defined]


def test_set_rate_scales_every_group() -> None:
    optimizers = build_optimizers(Muon(lr=0.2, head_lr=0.6, bias_lr=0.05), create_model("decanet_s"))
    optimizers.set_lr(0.5)
    lrs = [group["lr"] for part in optimizers.parts for group in part.param_groups]
    assert lrs == pytest.approx([0.1, 0.3, 0.025])
    optimizers.set_lr(1.0)
    assert optimizers.lr == pytest.approx(0.2)


@pytest.mark.parametrize(
    "settings", [Sgd(lr=0.1), Adam(name="adamw", lr=1e-3), RmsProp(lr=0.045)], ids=lambda s: s.name
)
def test_vectors_and_biases_have_no_weight_decay_if_the_recipe_leaves_them_out(settings: object) -> None:
    from decanet.models.cuda_convnet import LocallyConnected2d

    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), LocallyConnected2d(4, 2, image_size=2))
    wanted = settings.model_copy(update={"weight_decay": 0.5, "decay_vectors": False})  # type: ignore[attr-defined]
    (part,) = build_optimizers(wanted, model).parts
    decay = {p: group["weight_decay"] for group in part.param_groups for p in group["params"]}
    assert {name: decay[p] for name, p in model.named_parameters()} == {
        "0.weight": 0.5, "0.bias": 0, "1.weight": 0, "1.bias": 0, "2.weight": 0.5, "2.bias": 0,
    }  # fmt: skip
    (part,) = build_optimizers(wanted.model_copy(update={"decay_vectors": True}), model).parts
    assert [group["weight_decay"] for group in part.param_groups] == [0.5]


class Products(TorchDispatchMode):
    """Remembers the types of the matrices that are multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.types: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.mm.default:
            self.types |= {matrix.dtype for matrix in args}
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_muon_multiplies_in_the_arithmetic_of_the_recipe(precision: str) -> None:
    """Emulated bfloat16 once made each step of a float32 training more than ten times as long as Muon needs."""
    conv = nn.Conv2d(3, 4, 3)
    optimizers = build_optimizers(
        Muon(lr=0.1, head_lr=0.1, bias_lr=0.1), nn.Sequential(conv, nn.Linear(3, 2)), precision
    )
    conv.weight.grad = torch.randn(conv.weight.shape)
    with Products() as products:
        optimizers.step()
    assert products.types == {getattr(torch, precision)}
    assert conv.weight.dtype == torch.float32
