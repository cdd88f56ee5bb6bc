"""Graphs: all parameters and multiply-adds of the trace, who reads whom, auxiliary classifiers, wrong images."""

import math

import pytest
import torch
from torch import Tensor, nn

from decanet.anatomy.diagram.graph import record
from decanet.anatomy.trace import trace
from decanet.core.errors import DataError, UsageError
from decanet.models import create_model, list_models
from tests.anatomy.diagram.graphs import FAMILIES, graph_of


@pytest.mark.parametrize("name", FAMILIES)
def test_no_parameter_and_no_multiply_add_is_lost(name: str) -> None:
    _compare_with_trace(name)


@pytest.mark.slow(reason="71 networks, each traced twice; the test above compares one of each family")
@pytest.mark.parametrize("name", list_models())
def test_no_parameter_and_no_multiply_add_of_any_network_is_lost(name: str) -> None:
    _compare_with_trace(name)


def _compare_with_trace(name: str) -> None:
    graph, traced = graph_of(name), trace(name)
    main = [node for node in graph.nodes if not node.stage.startswith("aux")]
    assert sum(node.params for node in graph.nodes) == traced.params
    assert sum(node.params for node in main) == traced.params - traced.params_training_only
    assert sum(node.macs for node in main) == traced.macs
    assert {node.stage for node in main} - {""} == set(traced.stages)
    assert math.prod(graph.nodes[graph.outputs[0]].shape) == math.prod(traced.output_shape)


def test_an_addition_reads_the_last_layer_of_the_block_and_its_input() -> None:
    nodes = graph_of("resnet18").nodes
    first = next(node for node in nodes if node.text == "add")
    assert first.path == "conv2_x.0"
    assert [nodes[index].path for index in first.inputs] == ["conv2_x.0.bn2", "pool"]


def test_a_layer_of_two_groups_and_an_attention_with_its_heads() -> None:
    conv2 = next(node for node in graph_of("alexnet_two_tower").nodes if node.path == "conv2")
    assert (conv2.text, conv2.groups) == ("5×5 conv, 256, 2 groups", 2)
    attention = [node for node in graph_of("vit_b16").nodes if node.kind == "attention"]
    assert [node.text for node in attention] == ["attention, 12 heads"] * 12
    assert {node.shape for node in attention} == {(197, 768)}


def test_auxiliary_classifiers_are_outputs_and_stages() -> None:
    graph = graph_of("googlenet")
    assert [graph.nodes[output].stage for output in graph.outputs] == ["fc", "aux1", "aux2"]
    assert [graph.nodes[output].shape for output in graph.outputs] == [(1000,)] * 3


def test_a_bias_belongs_to_its_layer_wherever_pytorch_adds_it() -> None:
    """In attention of PyTorch's own, the input of the projection may not be contiguous."""

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.weight = nn.ReLU(), nn.Parameter(torch.zeros(5, 8))
            self.bias = nn.Parameter(torch.zeros(5))

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x.flatten(2).transpose(1, 2) @ self.weight.T + self.bias)

    nodes = record(nn.Sequential(nn.Conv2d(3, 8, 1), Outer()), (3, 4, 4)).nodes
    assert [(node.text, node.params) for node in nodes[1:]] == [
        ("1×1 conv, 8", 32),
        ("linear, 5", 45),
        ("ReLU", 0),
    ]


def test_a_network_is_left_as_it_is() -> None:
    model = create_model("resnet20_cifar").train()
    model.conv1.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    record(model)
    assert model.training
    assert not model.conv1.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_wrong_images_are_one_line() -> None:
    own = nn.Sequential(nn.Flatten(), nn.Linear(10, 2))
    with pytest.raises(DataError, match=r"the forward pass of a 3x8x8 image fails") as caught:
        record(own, (3, 8, 8))
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="give the input size"):
        record(own)
