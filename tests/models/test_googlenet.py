"""GoogLeNet against Table 1 of arXiv:1409.4842, with torchvision as the oracle of the normalized layout."""

import math

import pytest
import torch
import torchvision

from decanet.models import create_model, model_entry
from decanet.models.googlenet import from_torchvision
from decanet.models.protocol import Outputs
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
)
from tests.models._oracle import check_same_outputs, random_weights

# Table 1, output size and weights (in K) of the modules.
TABLE_1 = {
    "3a": ((256, 28, 28), 159), "3b": ((480, 28, 28), 380), "4a": ((512, 14, 14), 364),
    "4b": ((512, 14, 14), 437), "4c": ((512, 14, 14), 463), "4d": ((528, 14, 14), 580),
    "4e": ((832, 14, 14), 840), "5a": ((832, 7, 7), 1072), "5b": ((1024, 7, 7), 1388),
}  # fmt: skip


def parameters_without_aux(name: str) -> int:
    return sum(p.numel() for path, p in on_meta(name).named_parameters() if not path.startswith("aux"))


def test_counts() -> None:
    # The ledger's counts of the paper's topology, and of torchvision 0.29.1.
    check_counts("googlenet", params=13_378_280, macs=1_582_671_872)
    assert parameters_without_aux("googlenet") == 6_998_552
    check_counts("googlenet_bn", params=13_004_888, macs=1_498_376_192)
    assert parameters_without_aux("googlenet_bn") == 6_624_904


@pytest.mark.parametrize("name", ["googlenet", "googlenet_bn"])
def test_feature_maps_are_those_of_table_1(name: str) -> None:
    stem = {
        "conv1": (64, 112, 112), "pool1": (64, 56, 56), "conv2_reduce": (64, 56, 56), "conv2": (192, 56, 56),
        "pool2": (192, 28, 28),
    }  # fmt: skip
    check_stages(name, stem | {f"inception_{module}": shape for module, (shape, _) in TABLE_1.items()})


def test_modules_have_about_the_parameters_of_table_1() -> None:
    printed = 2.7 + 112 + sum(thousands for _, thousands in TABLE_1.values()) + 1000  # stem, modules, linear
    assert printed == 6797.7  # the sum that the ledger states
    model = on_meta("googlenet")
    for name, (_, thousands) in TABLE_1.items():
        module = model.get_submodule(f"inception_{name}")
        weights = sum(p.numel() for path, p in module.named_parameters() if path.endswith("weight"))
        # The paper's K is 1,024. The first two rows are exact; the others are off by up to 7%, as printed.
        assert weights / 1024 == pytest.approx(thousands, rel=0.004 if name in {"3a", "3b"} else 0.075), name


@pytest.mark.parametrize("size", [64, 224])
def test_normalized_layout_equals_torchvision(size: int) -> None:
    check_same_outputs(
        "googlenet_bn",
        sizes=[size],
        num_classes=[1000] if size == 224 else [7],
        transform_input=False,
        init_weights=False,
    )


def test_auxiliary_logits_equal_torchvision() -> None:
    theirs = torchvision.models.googlenet(
        weights=None, num_classes=5, transform_input=False, init_weights=False
    )
    state = random_weights(theirs.state_dict())
    theirs.load_state_dict(state)
    ours = create_model("googlenet_bn", num_classes=5)
    ours.load_state_dict(from_torchvision(state))
    for model in (theirs, ours):
        model.train()
        for module in model.modules():  # fixed statistics and no dropout: the same numbers come out
            if isinstance(module, torch.nn.BatchNorm2d | torch.nn.Dropout):
                module.eval()
    x = torch.randn(2, 3, 96, 96)
    expected, actual = theirs(x), ours(x)
    assert isinstance(actual, Outputs)
    scale = expected.logits.abs().max().item()
    torch.testing.assert_close(actual.logits, expected.logits, rtol=1e-4, atol=1e-5 * scale)
    # torchvision calls the lower one, after 4a, aux_logits1 and returns it last.
    for mine, its in zip(actual.aux, (expected.aux_logits1, expected.aux_logits2)):
        torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-5 * its.abs().max().item())


def test_training_mode_returns_both_auxiliary_logits() -> None:
    torch.manual_seed(0)
    model = create_model("googlenet", num_classes=3)
    outputs = model(torch.randn(2, 3, 224, 224))
    assert isinstance(outputs, Outputs)
    assert [o.shape for o in (outputs.logits, *outputs.aux)] == [(2, 3)] * 3
    assert model.aux_weight == 0.3  # section 5
    (outputs.logits.square().sum() + model.aux_weight * sum(a.square().sum() for a in outputs.aux)).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert all(p.grad.abs().max() > 0 for p in model.parameters())
    small = model(torch.randn(2, 3, 31, 31))  # the smallest size: 4a gives 2x2
    assert [o.shape for o in (small.logits, *small.aux)] == [(2, 3)] * 3
    model.eval()
    assert model(torch.randn(1, 3, 64, 64)).shape == (1, 3)


def test_initial_weights_are_caffes_xavier() -> None:
    """include/caffe/filler.hpp: uniform within sqrt(3 / fan_in), fan_in = count / num; conv1 has 147 inputs."""
    torch.manual_seed(0)
    model = create_model("googlenet", num_classes=7)
    assert model.conv1.conv.weight.abs().max().item() == pytest.approx(0.142857, rel=1e-3)
    for layer in (model.inception_4a.conv3x3.conv, model.aux1.fc1, model.fc):
        bound = math.sqrt(3 / (layer.weight.numel() / len(layer.weight)))
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=1e-2)
        assert layer.weight.abs().max().item() <= bound
        assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)


def test_auxiliary_classifier_pools_as_in_section_5() -> None:
    aux = create_model("googlenet", num_classes=3).aux1
    x = torch.randn(1, 512, 14, 14)
    expected = torch.nn.functional.avg_pool2d(x, 5, 3)
    assert expected.shape == (1, 512, 4, 4)
    torch.testing.assert_close(aux.fit(aux.pool(x)), expected)


def test_cifar_variant() -> None:
    check_stages(
        "googlenet_cifar",
        {
            "conv1": (64, 32, 32), "pool2": (192, 16, 16), "inception_3b": (480, 16, 16),
            "inception_4e": (832, 8, 8), "inception_5b": (1024, 4, 4),
        },
    )  # fmt: skip
    check_gradients("googlenet_cifar", 32)


def test_wrong_input() -> None:
    check_smallest("googlenet", 31, "pool4")
    check_smallest("googlenet_bn", 15, "pool3")
    for name in ("googlenet", "googlenet_bn", "googlenet_cifar"):
        check_wrong_channels(name)


def test_recipe_is_that_of_one_caffe_solver() -> None:
    """BVLC/caffe models/bvlc_googlenet/solver.prototxt: 10,000,000 steps of 32, times 0.96 every 320,000."""
    epoch = 1_281_167 / 32
    rates = {0: 0.01, 319_000 / epoch: 0.01, 320_001 / epoch: 0.0096, 9_999_000 / epoch: 0.01 * 0.96**31}
    check_learning_rates("googlenet", rates, batch_size=32, momentum=0.9, weight_decay=2e-4)
    recipe = model_entry("googlenet").recipe
    assert recipe.epochs * epoch == pytest.approx(10_000_000)
    assert any("quick_solver" in departure for departure in recipe.departures)
