"""SqueezeNet against torchvision and Table 1 of its paper."""

import pytest

from tests.models._checks import (
    check_counts,
    check_gradients,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
)
from tests.models._oracle import check_same_outputs


def test_counts() -> None:
    check_counts("squeezenet1_0", params=1_248_424, macs=818_924_576)  # Table 1 states the parameters, too
    check_counts("squeezenet1_1", params=1_235_496, macs=349_151_936)


def test_stages() -> None:
    check_stages(
        "squeezenet1_0",
        {"conv1": (96, 109, 109), "maxpool1": (96, 54, 54), "fire4": (256, 54, 54), "maxpool4": (256, 27, 27),
         "fire8": (512, 27, 27), "maxpool8": (512, 13, 13), "fire9": (512, 13, 13), "conv10": (1000, 13, 13)},
    )  # fmt: skip
    check_stages(
        "squeezenet1_1", {"maxpool3": (128, 27, 27), "maxpool5": (256, 13, 13), "conv10": (1000, 13, 13)}
    )


def test_parameters_of_the_fire_modules_are_those_of_table_1() -> None:
    network = on_meta("squeezenet1_0")
    counted = [sum(p.numel() for p in network.get_submodule(f"fire{n}").parameters()) for n in range(2, 10)]
    assert counted == [11_920, 12_432, 45_344, 49_440, 104_880, 111_024, 188_992, 197_184]


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1"])
def test_equals_torchvision(name: str) -> None:
    check_same_outputs(name, sizes=[64, 97], num_classes=[11])


def test_gradients_reach_every_parameter() -> None:
    check_gradients("squeezenet1_1", 64)


def test_wrong_input() -> None:
    check_wrong_channels("squeezenet1_1")
    check_smallest("squeezenet1_1", 17, "maxpool5")
