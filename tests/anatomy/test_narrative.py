"""Networks explained in words: what the sections state against the papers and against independent counts."""

import pytest
import torch
from torch import nn

from decanet.anatomy.narrative import purpose_of
from decanet.anatomy.summary import summarize
from decanet.anatomy.trace import trace


def section(text: str, title: str) -> str:
    return text.partition(f"{title}\n{'-' * len(title)}\n")[2].partition("\n\n")[0]


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def alexnet() -> str:
    return summarize("alexnet_two_tower").explanation


def test_the_idea_is_that_of_the_networks_file(alexnet: str) -> None:
    assert "A. Krizhevsky, I. Sutskever, G. E. Hinton" in alexnet
    assert "two graphics cards, beats hand-made features" in alexnet


def test_fc6_has_three_fifths_of_the_parameters_and_the_convolutions_the_multiply_adds(alexnet: str) -> None:
    shares = section(alexnet, "Where the parameters and the multiply-adds are")
    fc6 = 9216 * 4096 + 4096
    assert f"parameters (60,965,224): fc6 {100 * fc6 / 60_965_224:.0f}%" in shares
    assert "convolutions: 4% of the parameters, 92% of the multiply-adds" in shares


def test_dropout_and_response_normalization_have_rows_with_their_constants() -> None:
    names = [layer.operation for layer in trace("alexnet_two_tower").layers]
    assert names.count("dropout p=0.5") == 2
    # Section 3.3 of the paper.
    assert names.count("local response norm k=2 n=5 alpha=0.0001 beta=0.75") == 2


def test_the_batch_axis_is_told_and_the_field_of_one_flattened_number_is_that_of_its_position(
    alexnet: str,
) -> None:
    assert "(N, 256, 6, 6) becomes (N, 9216): N stays." in one_line(alexnet)
    (flatten,) = (layer for layer in trace("alexnet").layers if layer.operation == "flatten")
    assert flatten.receptive_field == (195, 195)


def test_memory_tells_what_training_keeps_and_what_in_place_activations_save(alexnet: str) -> None:
    sizes = [
        4 * torch.Size(layer.output_shape).numel()
        for layer in trace("alexnet_two_tower").layers
        if layer.operation == "ReLU"
    ]
    assert f"arrays of {sum(sizes) / 2**20:,.1f} MiB are not allocated" in one_line(alexnet)
    assert f"the largest of them, {96 * 55 * 55 * 4 / 2**20:.1f} MiB" in one_line(alexnet)
    assert "the paper's batch of 128" in one_line(alexnet)
    own = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
    assert "No activation works in place" in summarize(own, (3, 8, 8)).explanation


def test_departures_from_the_paper_are_told_with_their_reason() -> None:
    stated = section(summarize("googlenet").explanation, "What the paper states")
    assert "numbers agree" in stated


def test_repeated_layers_are_one_line_with_their_number() -> None:
    layers = section(summarize("resnet50").explanation, "Layer by layer").splitlines()
    assert len(layers) == len(set(layers))
    assert any(line.endswith("(5 times)") for line in layers), (
        "conv4_x has six blocks, the first with a stride"
    )


@pytest.mark.parametrize(
    "name", ["decanet_s", "densenet121", "senet154", "vit_b16", "convnext_t", "efficientnet_lite0"]
)
def test_every_kind_of_layer_that_computes_has_a_purpose(name: str) -> None:
    for layer in trace(name).layers:
        if layer.macs or layer.params > 2000:
            # Tokens and position embeddings are parameters without an operation.
            assert purpose_of(layer.operation) or layer.operation == "parameters", layer.operation
    text = summarize(name).explanation
    for title in ("The idea", "Shapes", "What the layers are for", "The output"):
        assert section(text, title), title
