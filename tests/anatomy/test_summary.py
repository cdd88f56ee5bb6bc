"""Summaries of registered networks and of modules of one's own: values, text and plain values for JSON."""

import doctest
import json

import pytest
import torch
from torch import nn

from decanet.anatomy import summary as module
from decanet.anatomy.summary import summarize
from decanet.anatomy.trace import trace
from decanet.core.errors import UsageError
from decanet.models import create_model


def own_network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )


def test_a_registered_name_gives_the_totals_of_its_trace() -> None:
    summary, traced = summarize("googlenet"), trace("googlenet")
    for field in ("network", "input_size", "output_shape", "params", "params_training_only", "macs", "depth"):
        assert getattr(summary, field) == getattr(traced, field)
    assert summary.layers == traced.layers
    assert summary.activation_bytes == traced.activation_bytes
    assert summary.parameter_bytes == 4 * summary.params
    assert summary.params_frozen == 0


def test_a_module_of_ones_own() -> None:
    model = own_network()
    model[0].requires_grad_(False)
    summary = summarize(model.half(), (3, 16, 12))
    assert summary.network == "Sequential"
    assert summary.output_shape == (1, 5)
    assert summary.params == 8 * 28 + 45
    assert summary.params_frozen == 8 * 28
    assert summary.parameter_bytes == 2 * summary.params
    assert summary.macs == 8 * 27 * 16 * 12 + 40
    assert not any(parameter.is_meta for parameter in model.parameters())


def test_text_has_a_line_for_each_layer_and_the_totals() -> None:
    assert str(summarize(own_network(), (3, 16, 12))).splitlines() == [
        "stage  layer  operation            output   parameters  multiply-adds  receptive field  feature maps",
        "----------------------------------------------------------------------------------------------------",
        "0      0      conv 3x3, padding 1  8x16x12         224         41,472              3x3       6.0 KiB",
        "       1      ReLU                 8x16x12                                         3x3       6.0 KiB",
        "       2      global average pool  8x1x1                                   whole image          32 B",
        "       3      flatten              8                                       whole image",
        "4      4      linear               5                45             40      whole image          20 B",
        "",
        "Sequential: (1, 3, 16, 12) -> (1, 5)",
        "269 parameters, 41,512 multiply-adds for one 3x16x12 image, 2 weighted layers deep",
        "memory: 1.1 KiB for parameters, 12.1 KiB for feature maps in float32",
    ]


def test_text_tells_frozen_and_training_only_parameters() -> None:
    assert "736 of the parameters are frozen." in str(summarize("decanet_s"))
    with torch.device("meta"):
        model = create_model("googlenet")
    assert f"{summarize(model).params_training_only:,} of the parameters are used in training only." in str(
        summarize(model)
    )


def test_explanation_has_a_line_for_each_layer_that_needs_one() -> None:
    explanation = summarize(own_network(), (3, 16, 12)).explanation
    layers = explanation.partition("Layer by layer\n")[2].partition("\n\n")[0].splitlines()[1:]
    assert [line.partition(":")[0] for line in layers] == [
        "0 (conv 3x3, padding 1)", "0 (global average pool)", "0 (flatten)", "4 (linear)",
    ]  # fmt: skip


def test_plain_values_can_be_written_as_json() -> None:
    summary = summarize("alexnet_cifar")
    read = json.loads(json.dumps(summary.to_dict()))
    assert read["macs"] == sum(layer["macs"] for layer in read["layers"]) == summary.macs
    assert read["layers"][0]["formula"] == "32 + 2*1 - 3 + 1 = 32"
    assert read["layers"][0]["explanation"].startswith("A window of 3")
    assert read["input_size"] == [3, 32, 32]


def test_a_module_of_ones_own_needs_an_input_size() -> None:
    with pytest.raises(UsageError, match="give the input size"):
        summarize(own_network())


def test_examples_of_the_documentation() -> None:
    assert doctest.testmod(module).attempted == 2
    assert doctest.testmod(module).failed == 0
