"""``decanet convolve arithmetic``: the steps, the JSON and the one-line errors."""

import json

import pytest

from decanet.cli import run

ALEXNET_CONV1 = ["--input", "224", "--kernel", "11", "--stride", "4", "--padding", "2"]


def explained(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What the command prints; it must succeed."""
    assert run(["convolve", "arithmetic", *options]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """The one line on stderr; stdout must be empty."""
    assert run(["convolve", "arithmetic", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("error[usage]: ")
    return err


def test_the_first_layer_of_alexnet_is_derived_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    text = explained(capsys, *ALEXNET_CONV1)
    for step in (
        "1. Padding adds 2 at each end: 224 + 2*2 = 228 positions.",
        "228 - 11 = 217 positions",
        "217 / 4 = 54.25, rounded down to 54 moves",
        "1 position (padding, no pixel of the image)",
        "54 + 1 = 55",
        "Output size: floor((224 + 2*2 - 11) / 4) + 1 = 55",
        "Receptive field of one output: 11 pixels along an axis.",
        "Those of neighboring outputs lie 4 pixels apart; the first begins at pixel -2, 2 into the padding",
    ):
        assert step in text
    assert "Parameters" not in text


def test_the_cost_is_derived_where_channels_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    text = explained(capsys, *ALEXNET_CONV1, "--in-channels", "3", "--out-channels", "64")
    assert "One filter: 3 channels * 11 * 11 = 363 weights + 1 bias." in text
    assert "Parameters: 64 filters * 364 = 23,296." in text
    assert "64 * 363 weights * 55 * 55 positions = 70,276,800" in text


def test_groups_and_a_missing_bias_change_the_cost(capsys: pytest.CaptureFixture[str]) -> None:
    channels = ["--in-channels", "96", "--out-channels", "256", "--groups", "2", "--no-bias"]
    text = explained(capsys, "--input", "27", "--kernel", "5", "--padding", "2", *channels)
    assert "2 groups: a filter has 96 / 2 = 48 channels." in text
    assert "Parameters: 256 filters * 1,200 = 307,200." in text


def test_the_stride_of_a_pooling_layer_is_its_kernel_size_by_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        json.loads(explained(capsys, "--input", "8", "--kernel", "2", "--pool", "--json"))["output_size"] == 4
    )


def test_ceil_mode_rounds_up(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--input", "56", "--kernel", "3", "--stride", "2", "--pool"]
    assert "rounded down to 26 moves" in explained(capsys, *options)
    text = explained(capsys, *options, "--ceil-mode")
    assert "53 / 2 = 26.5, rounded up to 27 moves." in text
    assert "the last window may reach over the end: by 1 position." in text
    assert "= 28\n" in text


def test_the_window_that_ceil_mode_drops_is_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    text = explained(capsys, "--input", "3", "--kernel", "1", "--stride", "3", "--pool", "--ceil-mode")
    assert "rounded up to 1 move." in text
    assert "the last window would begin beyond the last pixel: it is dropped, 0 remain" in text
    assert "ceil((3 + 2*0 - 1) / 3) + 1 - 1 (the dropped window) = 1\n" in text


def test_a_window_larger_than_the_input_is_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    text = explained(capsys, "--input", "2", "--kernel", "3", "--stride", "2", "--pool", "--ceil-mode")
    assert "That is 1 more than there are." in text
    assert "ceil((2 + 2*0 - 3) / 2) + 1 = 1\n" in text


def test_dilation_widens_the_window(capsys: pytest.CaptureFixture[str]) -> None:
    text = explained(capsys, "--input", "10", "--kernel", "3", "--dilation", "2", "--stride", "3")
    assert "its 3 span 2*(3 - 1) + 1 = 5 positions" in text
    assert "floor((10 + 2*0 - 2*(3 - 1) - 1) / 3) + 1 = 2\n" in text
    assert "2 positions (2 pixels of the image)" in text


def test_json_holds_the_sizes_the_cost_and_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads(
        explained(capsys, *ALEXNET_CONV1, "--in-channels", "3", "--out-channels", "64", "--json")
    )
    steps = value.pop("steps")
    assert value == {
        "layer": "convolution", "input": 224, "kernel": 11, "stride": 4, "padding": 2, "dilation": 1,
        "ceil_mode": False, "output_size": 55, "receptive_field": 11, "jump": 4, "offset": -2,
        "params": 23_296, "macs": 70_276_800,
    }  # fmt: skip
    assert any("floor((224 + 2*2 - 11) / 4) + 1 = 55" in step for step in steps)


def test_json_without_channels_holds_no_cost(capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads(explained(capsys, *ALEXNET_CONV1, "--json"))
    assert (value["params"], value["macs"]) == (None, None)
    value = json.loads(explained(capsys, "--input", "8", "--kernel", "2", "--pool", "--json"))
    assert (value["params"], value["macs"]) == (0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--input 3 --kernel 7 --padding 1",
            "use an input of at least 5, a padding of at least 2 or a kernel of at most 5",
        ),
        ("--input 3 --kernel 0", "kernel must be an integer of at least 1, got 0"),
        ("--input 3 --kernel 3 --stride 0", "stride must be an integer of at least 1, got 0"),
        ("--input 0 --kernel 3", "input must be an integer of at least 1, got 0"),
        ("--input 8 --kernel 2 --padding 2 --pool", "use a padding of at most 1"),
        ("--input 8 --kernel 3 --ceil-mode", "use --ceil-mode with --pool"),
        ("--input 8 --kernel 3 --in-channels 64", "needs both --in-channels and --out-channels"),
        ("--input 8 --kernel 3 --groups 2", "needs both --in-channels and --out-channels"),
        ("--input 8 --kernel 3 --no-bias", "needs both --in-channels and --out-channels"),
        ("--input 8 --kernel 3 --pool --in-channels 4 --out-channels 4", "a pooling layer has no weights"),
        ("--input 8 --kernel 3 --in-channels 64 --out-channels 64 --groups 3", "use a divisor of 64"),
        ("--input 8 --kernel x", "--kernel"),
        ("--input 8", "--kernel"),
    ],
)
def test_impossible_layers_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], options: str, message: str
) -> None:
    assert message in refused(capsys, *options.split())
