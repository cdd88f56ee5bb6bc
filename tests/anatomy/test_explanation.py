"""The sentences that explain a layer's arithmetic."""

from torch import nn

from decanet.anatomy.explanation import explain
from decanet.anatomy.trace import trace


def test_sentences_of_alexnet() -> None:
    sentences = [explain(layer) for layer in trace("alexnet").layers]
    assert "(224 + 2*2 - 11)/4 + 1 = 55.25, rounded down to 55" in sentences[0]
    assert "23,296 parameters" in sentences[0]
    assert any("256*6*6 = 9216" in sentence for sentence in sentences)
    assert any("9216*4096 + 4096 biases = 37,752,832" in sentence for sentence in sentences)


def test_a_squeeze_has_no_formula() -> None:
    squeezes = [
        layer for layer in trace("se_resnet20_cifar").layers if layer.operation == "global average pool"
    ]
    assert squeezes[0].input_shape == (16, 32, 32)
    assert squeezes[0].output_shape == (16,)
    assert squeezes[0].formula == ""
    assert explain(squeezes[0]) == "Each of the 16 feature maps of 32x32 becomes one number; no parameters."


def test_groups_and_unequal_windows() -> None:
    (layer,) = trace(nn.Conv2d(6, 4, (1, 5), padding=(0, 2), groups=2, bias=False), (6, 9, 9)).layers
    assert explain(layer) == (
        "Height and width: 9 - 1 + 1 = 9; 9 + 2*2 - 5 + 1 = 9. "
        "4 filters of 1x5x3 weights each (2 groups: each filter reads 1/2 of the channels): 60 parameters. "
        "Each weight is used at all 9x9 positions: 4,860 multiply-adds."
    )


def test_an_activation_needs_no_explanation() -> None:
    (layer,) = trace(nn.Sequential(nn.ReLU()), (3, 8, 8)).layers
    assert explain(layer) == ""
