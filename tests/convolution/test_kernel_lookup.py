"""From the spelling of a kernel to its weights."""

import numpy as np
import pytest

from decanet.convolution.kernel_lookup import describe, describe_sum, find_kernel
from decanet.convolution.kernels import ALIASES, BANKS, KERNELS
from decanet.core.errors import UsageError


@pytest.mark.parametrize(
    ("name", "weights"),
    {
        "edge_detection": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
        "normalize": [[1 / 9] * 3] * 3,
        "edge_detect2": [[-1, 0, 1]] * 3,
        "kernel6": np.identity(3) / 3,
        "kernel_7": [[-2, -3, -2], [-3, 21, -3], [-2, -3, -2]],
        "surbo_1": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        "surbo_2": [[1, 2, 1], [0, 0, 0], [-1, -2, -2]],
    }.items(),
)
def test_the_names_of_the_tutorial_are_accepted(name, weights):
    np.testing.assert_allclose(find_kernel(name), weights)
    assert describe(name).startswith(f"{name}: ")


def test_no_alias_is_the_name_of_a_kernel():
    assert not set(ALIASES) & {*KERNELS, *BANKS}
    assert set(ALIASES.values()) <= set(KERNELS)
    assert find_kernel("just for fun").sum() == pytest.approx(1)


def test_the_response_to_flat_areas_is_described():
    assert describe_sum(find_kernel("gaussian")) == "sum 1:\nflat areas keep their value"
    assert describe_sum(find_kernel("laplacian_of_gaussian")) == "sum 0:\nflat areas give 0"
    assert describe_sum(find_kernel("sobel_y_slip")) == "sum −1:\nflat areas give −1 × their value"


def test_kernels_are_read_from_json_csv_and_npy(tmp_path):
    weights = np.array([[0, -1.5, 0], [2, 5, -1]])
    (tmp_path / "own.csv").write_text("0, -1.5, 0\n2,5,-1\n\n")
    np.save(tmp_path / "own.npy", weights)
    for spelling in ("[[0,-1.5,0],[2,5,-1]]", str(tmp_path / "own.csv"), str(tmp_path / "own.npy")):
        np.testing.assert_array_equal(find_kernel(spelling), weights)
    assert find_kernel("[[[1,2]],[[3,4]],[[5,6]]]").shape == (3, 1, 2)


def test_a_bank_is_not_one_kernel():
    with pytest.raises(UsageError, match="bank of 8"):
        find_kernel("gabor_bank")
