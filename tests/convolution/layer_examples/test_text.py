"""Numbers and tables as text."""

import numpy as np
import pytest

from decanet.convolution.layer_examples._text import (
    beside,
    decimals_of,
    generator,
    integers,
    matrix,
    number,
    table,
)
from decanet.core.errors import UsageError


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [(3.0, None, "3"), (-2.5, None, "-2.5"), (1 / 3, None, "0.3333"), (-0.00001, None, "0"), (-0.0001, 3, "0.000"),
     (2.0, 2, "2.00"), (100.0, None, "100"), (np.inf, 2, "inf"), (-np.inf, None, "-inf"), (np.nan, 1, "nan")],
)  # fmt: skip
def test_a_number_has_no_needless_decimals_and_no_negative_zero(value, decimals, expected):
    assert number(value, decimals) == expected


def test_integers_are_small_nonzero_and_different_where_there_are_enough():
    for seed in range(20):
        values = integers(generator(seed), 3, 2, 3)
        assert values.shape == (2, 3)
        assert sorted(values.ravel()) == [-3, -2, -1, 1, 2, 3]
        many = integers(generator(seed), 2, 50)
        assert set(many) == {-2.0, -1.0, 1.0, 2.0}


def test_a_negative_seed_is_refused():
    with pytest.raises(UsageError, match="a seed is an integer of at least 0, got -1"):
        generator(-1)


def test_all_numbers_of_a_matrix_have_the_same_decimals():
    assert decimals_of(np.array([1.0, 0.25, np.inf])) == 2
    assert decimals_of(np.array([1 / 3])) == 4
    assert matrix(np.array([[1.0, -0.5], [12.0, 3.0]])) == ["1.0  -0.5".rjust(10), "12.0   3.0"]


def test_blocks_of_different_heights_stand_beside_each_other():
    lines = beside({"a": np.array([[1.0], [2.0]]), "long title": np.array([3.0])}, gap=2)
    assert lines == ["a  long title", "1  3", "2"]


def test_a_table_is_aligned_to_the_left_and_then_to_the_right():
    assert table(["", "x"], [["first", "1"], ["b", "22"]], gap=1) == ["       x", "first  1", "b     22"]
