"""The steps of the arithmetic of one layer; ``tests/cli/convolve/test_arithmetic.py`` checks them in full."""

from decanet.convolution.arithmetic import Window, convolution_cost
from decanet.convolution.arithmetic_steps import cost_steps, size_steps


def test_the_steps_of_the_size_end_with_its_formula() -> None:
    steps = size_steps(224, Window(11, 4, 2), "convolution")
    assert steps[0] == "A convolution with kernel size 11 and stride 4, along one axis of 224 pixels."
    assert "Output size: floor((224 + 2*2 - 11) / 4) + 1 = 55" in steps
    assert "An image of 224x224 pixels gives feature maps of 55x55." in steps


def test_the_layer_is_called_by_its_name() -> None:
    assert size_steps(8, Window.pooling(2), "pooling")[0].startswith("A pooling with kernel size 2")


def test_the_steps_of_the_cost_state_groups_only_where_there_are_some() -> None:
    cost = convolution_cost(96, 256, (5, 5), (27, 27), groups=2, bias=False)
    assert cost_steps(96, 256, 5, 27, 2, False, cost) == [
        "2 groups: a filter has 96 / 2 = 48 channels.",
        "One filter: 48 channels * 5 * 5 = 1,200 weights.",
        "Parameters: 256 filters * 1,200 = 307,200.",
        "Multiply-adds for one image: 256 * 1,200 weights * 27 * 27 positions = 223,948,800 (biases are not counted).",
    ]
    single = convolution_cost(1, 1, (3, 3), (2, 2))
    assert cost_steps(1, 1, 3, 2, 1, True, single)[0] == "One filter: 1 channel * 3 * 3 = 9 weights + 1 bias."
