"""The explanation of a failed forward pass."""

import pytest
import torch
from torch import Tensor, nn

from decanet.core.errors import DataError
from decanet.models._input_errors import explain_input_errors, smallest_input


class Small(nn.Module):
    """Takes images of 7x7 and 8x8: two poolings and a layer for exactly one pixel."""

    stages = {"C1": "conv"}  # noqa: RUF012

    def __init__(self, fault: Exception | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, kernel_size=5)
        self.pool = nn.MaxPool2d(3)
        self.fc = nn.Linear(4, 2)
        self.fault = fault

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        if self.fault:
            raise self.fault
        return self.fc(self.pool(self.conv(x)).flatten(1))


def test_a_valid_image_is_classified() -> None:
    assert Small()(torch.zeros(2, 3, 8, 8)).shape == (2, 2)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 4, 9), r"cannot take a 4x9 image: at layer C1 \(conv\) .* is 3x4x9 .* that works is 7x7$"),
        ((1, 3, 6, 6), r"cannot take a 6x6 image: at layer pool .* is 4x2x2 .* that works is 7x7$"),
        ((1, 3, 12, 12), r"cannot take a 12x12 image: at layer fc .* is 16 .* that works is 7x7$"),
        ((1, 1, 8, 8), r"takes images with 3 channels; got 1$"),
        ((3, 8, 8), r"takes images of shape \(N, C, H, W\); got shape \(3, 8, 8\)$"),
    ],
)  # fmt: skip
def test_the_error_names_the_layer_its_input_and_the_smallest_size(
    shape: tuple[int, ...], message: str
) -> None:
    model = Small().train()
    with pytest.raises(DataError, match=message):
        model(torch.zeros(shape))
    assert model.training
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_an_error_that_has_another_cause_is_raised_unchanged() -> None:
    class Flaky(Small):
        @explain_input_errors
        def forward(self, x: Tensor) -> Tensor:
            if not x.is_meta:
                raise RuntimeError("the disk is full")
            return self.fc(self.pool(self.conv(x)).flatten(1))

    with pytest.raises(RuntimeError, match="the disk is full"):
        Flaky()(torch.zeros(1, 3, 8, 8))


def test_smallest_input_is_none_if_no_size_works() -> None:
    assert smallest_input(Small(), 3) == 7
    assert smallest_input(Small(ValueError("never")), 3, largest=20) is None
