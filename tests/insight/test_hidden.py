"""The last hidden layer."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from decanet.core.errors import UsageError
from decanet.data import load_data
from decanet.insight.hidden import hidden_features, split_features
from decanet.insight.subject import load_subject, split_inputs
from decanet.models import create_model
from tests.conftest import Heard


@pytest.mark.parametrize(
    "name", ["lenet5_modern", "alexnet_cifar", "resnet20_cifar", "mlp_cifar", "two_tower_cifar"]
)
def test_the_last_layer_of_the_features_gives_the_logits(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name).eval()
    channels = 1 if name.startswith("lenet") else 3
    x = torch.randn(3, channels, 32, 32)
    features = hidden_features(model, x)
    assert features.shape[0] == 3
    torch.testing.assert_close(
        model.get_submodule(model.head_layers[0])(features), model(x), rtol=1e-4, atol=1e-5
    )
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_a_network_without_head_layers_is_refused() -> None:
    with pytest.raises(UsageError, match="does not declare head_layers"):
        hidden_features(nn.Linear(2, 2), torch.zeros(1, 2))


def test_features_of_a_split_are_in_its_order_and_kept(tmp_path: Path, heard: Heard) -> None:
    trained = load_subject("decanet_s", torch.device("cpu"))
    data = load_data("digits", cache=tmp_path, report=heard)
    data = replace(data, test=data.test[:30], train=data.train[:40])
    train = split_features(trained, data, "train", tmp_path, heard)
    assert len(train) == 40
    x = torch.cat(list(split_inputs(trained, replace(data, test=data.train), heard, "")))
    torch.testing.assert_close(
        train, hidden_features(trained.model, x), rtol=0.01, atol=0.01
    )  # kept as float16
    assert len(split_features(trained, data, "test", tmp_path, heard)) == 30
    count = len(heard.steps)
    split_features(trained, data, "train", tmp_path, heard)
    assert len(heard.steps) == count
