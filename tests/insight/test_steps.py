"""Recorded forward passes against the network's own numbers, its stages and the shape-only trace."""

import pytest
import torch

from decanet.anatomy.trace import trace
from decanet.insight.activations import stage_outputs
from decanet.insight.steps import IMAGE, record
from decanet.models import create_model, model_entry

NETWORKS = (
    "decanet_s",
    "alexnet_cifar",
    "resnet20_cifar",
    "lenet5",
    "small_inception",
    "cuda_convnet_18",
    "small_vit",
)


@pytest.fixture(scope="module", params=NETWORKS)
def pair(request):  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    model = create_model(request.param).eval()
    x = torch.randn(1, *model_entry(request.param).input_size)
    return model, x, record(model, x)


def test_the_network_computes_what_it_always_does(pair) -> None:  # type: ignore[no-untyped-def]
    model, x, recording = pair
    with torch.no_grad():
        assert torch.equal(recording.logits, model(x))
    assert torch.equal(recording.steps[-1].output, recording.logits)


def test_every_stage_output_is_among_the_steps(pair) -> None:  # type: ignore[no-untyped-def]
    model, x, recording = pair
    for stage, output in stage_outputs(model, x).items():
        found = [
            s for s in recording.steps if s.output.shape == output.shape and torch.equal(s.output, output)
        ]
        assert found, stage


def test_multiply_adds_are_those_of_the_trace(pair) -> None:  # type: ignore[no-untyped-def]
    model, _, recording = pair
    assert sum(step.macs for step in recording.steps) == trace(model).macs


def test_inputs_come_before_their_step_and_lead_to_the_image(pair) -> None:  # type: ignore[no-untyped-def]
    _, _, recording = pair
    assert all(IMAGE <= n < step.number for step in recording.steps for n in step.inputs)
    shown = [step for step in recording.steps if not step.hidden]
    assert all(n == IMAGE or not recording.steps[n].hidden for s in shown for n in recording.shown_inputs(s))
    assert recording.shown_inputs(shown[0]) == (IMAGE,)


def test_an_activation_in_place_does_not_change_the_step_before() -> None:
    model = create_model("alexnet_cifar").eval()
    recording = record(model, torch.randn(1, 3, *model_entry("alexnet_cifar").input_size[1:]))
    rectified = next(step for step in recording.steps if step.operation == "relu")
    before = recording.output(rectified.inputs[0])
    assert before.min() < 0
    assert torch.equal(before.clamp_min(0), rectified.output)


def test_local_response_normalization_is_one_step() -> None:
    model = create_model("cuda_convnet_18").eval()
    recording = record(model, torch.randn(1, *model_entry("cuda_convnet_18").input_size))
    names = [step.operation for step in recording.steps]
    assert names.count("local_response_norm") == sum(
        isinstance(m, torch.nn.LocalResponseNorm) for m in model.modules()
    )


def test_a_stage_shows_its_last_feature_maps() -> None:
    model = create_model("decanet_s").eval()
    recording = record(model, torch.randn(1, 3, 32, 32))
    assert recording.last_of("whiten").name == "ReLU"
    assert tuple(recording.last_of("block1").output.shape) == (1, 32, 15, 15)
    assert tuple(recording.last_of("block3").output.shape) == (1, 128, 3, 3)
    assert tuple(recording.last_of("head").output.shape) == (1, 10)
