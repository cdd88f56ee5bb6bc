"""The small Inception of the experiments: three kinds of modules at equal cost."""

import pytest
import torch

from decanet.models import create_model
from decanet.models.protocol import Outputs
from tests.models._checks import check_gradients, check_stages, check_wrong_channels, counted


def test_the_three_modules_cost_the_same() -> None:
    macs = {
        module: counted("small_inception", module=module).flops // 2
        for module in ("inception", "naive", "plain")
    }
    assert max(macs.values()) / min(macs.values()) < 1.02
    assert macs["inception"] == 10_139_520


def test_counts_of_a_module_are_those_of_its_table() -> None:
    model = create_model("small_inception")
    # 32 channels in; 1x1, reduced 3x3, reduced 5x5 and the projection, each with batch normalization.
    weights = 32 * 24 + 32 * 24 + 9 * 24 * 40 + 32 * 8 + 25 * 8 * 16 + 32 * 16
    assert sum(p.numel() for p in model.module1.parameters() if p.ndim == 4) == weights
    assert model.module1.out_channels == 24 + 40 + 16 + 16


def test_stages() -> None:
    shapes = {
        "module1": (96, 12, 12),
        "module2": (96, 12, 12),
        "module3": (192, 6, 6),
        "module4": (192, 6, 6),
    }
    check_stages("small_inception", {"conv1": (32, 24, 24), "pool1": (32, 12, 12), **shapes})


def test_gradients_reach_every_parameter() -> None:
    check_gradients("small_inception", 24)


def test_wrong_input() -> None:
    check_wrong_channels("small_inception")


def test_the_naive_module_passes_the_pooled_input_as_it_is() -> None:
    model = create_model("small_inception", module="naive").eval()
    x = torch.randn(1, 32, 12, 12)
    assert torch.equal(model.module1(x)[:, -32:], torch.nn.functional.max_pool2d(x, 3, 1, 1))


@pytest.mark.parametrize("auxiliary", [False, True])
def test_the_auxiliary_classifier_speaks_in_training_alone(auxiliary: bool) -> None:
    model = create_model("small_inception", auxiliary=auxiliary)
    x = torch.randn(2, 3, 24, 24)
    assert isinstance(model.train()(x), Outputs) == auxiliary
    assert isinstance(model.eval()(x), torch.Tensor)
    assert model.head_layers == (("fc", "aux.fc2") if auxiliary else ("fc",))
    model.reset_head(7)
    assert model(x).shape == (2, 7)
