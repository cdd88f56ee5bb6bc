"""Inception-v3 against torchvision, whose network is the one that the authors released."""

import pytest
import torch
import torchvision
from scipy.stats import truncnorm

from decanet.core.errors import DataError
from decanet.models import create_model, model_entry
from decanet.models.inception_v3 import from_torchvision
from decanet.models.meta_device import ShapesOnly
from decanet.models.protocol import Outputs
from tests.models._checks import (
    check_counts,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
)
from tests.models._oracle import check_same_outputs, random_weights


def test_counts() -> None:
    # torchvision 0.29.1; the abstract of arXiv:1512.00567 states less than 25 million parameters.
    check_counts("inception_v3", params=27_161_264, macs=5_713_216_096)
    without = sum(
        p.numel() for path, p in on_meta("inception_v3").named_parameters() if not path.startswith("aux")
    )
    assert without == 23_834_568


def test_stages() -> None:
    check_stages(
        "inception_v3",
        {
            "conv1": (32, 149, 149), "conv2": (32, 147, 147), "conv3": (64, 147, 147), "pool1": (64, 73, 73),
            "conv4": (80, 73, 73), "conv5": (192, 71, 71), "pool2": (192, 35, 35), "mixed_5b": (256, 35, 35),
            "mixed_5d": (288, 35, 35), "mixed_6a": (768, 17, 17), "mixed_6e": (768, 17, 17),
            "mixed_7a": (1280, 8, 8), "mixed_7c": (2048, 8, 8),
        },
    )  # fmt: skip
    model = on_meta("inception_v3")
    assert all(model.get_submodule(path) is not None for path in model.stages.values())


def test_equals_torchvision() -> None:
    check_same_outputs(
        "inception_v3", sizes=[75, 128], num_classes=[11], transform_input=False, init_weights=False
    )
    check_same_outputs(
        "inception_v3", sizes=[299], num_classes=[1000], transform_input=False, init_weights=False
    )


def test_auxiliary_logits_equal_torchvision_and_gradients_reach_every_parameter() -> None:
    with ShapesOnly(), torch.device("meta"):
        theirs = torchvision.models.inception_v3(
            weights=None, num_classes=5, transform_input=False, init_weights=False
        )
    state = random_weights(theirs.state_dict())
    theirs.load_state_dict(state, assign=True)
    ours = on_meta("inception_v3", num_classes=5)
    ours.load_state_dict(from_torchvision(state), assign=True)
    for model in (theirs, ours):
        model.train()
        for module in model.modules():  # fixed statistics and no dropout: the same numbers come out
            if isinstance(module, torch.nn.BatchNorm2d | torch.nn.Dropout):
                module.eval()
    x = torch.randn(1, 3, 299, 299)
    expected, actual = theirs(x), ours(x)
    assert isinstance(actual, Outputs)
    (aux,) = actual.aux
    for mine, its in ((actual.logits, expected.logits), (aux, expected.aux_logits)):
        torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-5 * its.abs().max().item())
    assert ours.aux_weight == 0.4  # of the released code
    (actual.logits.square().sum() + ours.aux_weight * aux.square().sum()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in ours.parameters())
    assert all(p.grad.abs().max() > 0 for p in ours.parameters())


def test_initial_weights_are_truncated_at_two_deviations() -> None:
    torch.manual_seed(0)
    model = create_model("inception_v3", num_classes=3)
    assert model.conv3.conv.weight.abs().max().item() <= 0.2 + 1e-7
    # tf.truncated_normal_initializer draws again what lies beyond two deviations.
    assert model.mixed_6b.branch1x1.conv.weight.std().item() == pytest.approx(
        truncnorm(-2, 2).std() * 0.1, rel=0.01
    )
    assert model.aux.fc.weight.abs().max().item() <= 0.002 + 1e-9
    assert model.fc.weight.abs().max().item() <= 0.02 + 1e-8  # slim/ops.py: fc has stddev=0.01
    assert model.fc.weight.std().item() == pytest.approx(truncnorm(-2, 2).std() * 0.01, rel=0.03)


def test_dropout_and_statistics_are_the_released_codes() -> None:
    """tensorflow/models, inception_model.py: dropout_keep_prob=0.8, BATCHNORM_MOVING_AVERAGE_DECAY = 0.9997."""
    recipe = model_entry("inception_v3").recipe
    assert recipe is not None
    model = on_meta("inception_v3", **recipe.model.options)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)] == [
        pytest.approx(1 - 0.8)
    ]
    assert all(norm.momentum == pytest.approx(1 - 0.9997) for norm in norms)
    assert {norm.eps for norm in norms} == {0.001}


def test_wrong_input() -> None:
    check_smallest("inception_v3", 75, r"mixed_7a\.\S+")
    check_wrong_channels("inception_v3")
    with pytest.raises(DataError, match=r"cannot train .* at layer aux .* is 16x17 .* works is 299x299"):
        on_meta("inception_v3")(torch.empty(2, 3, 298, 299, device="meta"))


def test_recipe_has_the_released_codes_weight_decay() -> None:
    # tensorflow/models research/inception: weight_decay=0.00004, on weights only; area_range=[0.05, 1.0].
    rates = {0: 0.045, 2: 0.045 * 0.94, 4: 0.045 * 0.94**2}
    check_learning_rates(
        "inception_v3", rates, weight_decay=4e-5, decay_vectors=False, eps=1.0, scale=(0.05, 1.0)
    )
