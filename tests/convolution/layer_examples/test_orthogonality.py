"""Cosines of random vectors."""

import numpy as np
import pytest
from scipy import integrate

from decanet.convolution.layer_examples.orthogonality import Orthogonality, compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import numbers


@pytest.fixture(scope="module")
def measured() -> Orthogonality:
    return compute(pairs=400, seed=1)


def test_the_exact_mean_is_that_of_the_density_of_the_cosine(measured):
    """The cosine c has the density (1 - c^2)^((d - 3) / 2), up to a factor."""
    for d, exact in zip(measured.dimensions[1:6], measured.exact[1:6]):
        mass = integrate.quad(lambda c: (1 - c * c) ** ((d - 3) / 2), 0, 1)[0]  # noqa: B023
        mean = integrate.quad(lambda c: c * (1 - c * c) ** ((d - 3) / 2), 0, 1)[0]  # noqa: B023
        assert exact == pytest.approx(mean / mass, rel=1e-6)
    np.testing.assert_allclose(measured.approximate[5:], measured.exact[5:], rtol=0.01)


def test_measured_means_agree_with_the_exact_ones(measured):
    assert list(measured.dimensions) == [2**k for k in range(1, 13)]
    assert np.all(abs(measured.mean_magnitude - measured.exact) < 4.5 * measured.standard_error)
    assert all(len(values) == 400 for values in measured.cosines.values())
    for d, mean in zip(measured.dimensions, measured.mean_magnitude):
        assert abs(measured.cosines[int(d)]).mean() == pytest.approx(mean)


def test_rectified_vectors_are_not_nearly_orthogonal(measured):
    np.testing.assert_allclose(measured.after_relu[-5:], 1 / np.pi, atol=0.01)


def test_all_means_are_printed_and_drawn(measured):
    lines = text(measured).splitlines()
    assert max(map(len, lines)) <= 100
    table = np.array([numbers(line.replace(",", "")) for line in lines[3:15]]).T
    expected = [measured.dimensions, measured.mean_magnitude, measured.standard_error, measured.exact,
                measured.approximate, measured.after_relu]  # fmt: skip
    np.testing.assert_allclose(table, expected, atol=5.1e-5)
    left, right = draw(measured).axes
    drawn = {line.get_label(): line.get_ydata() for line in left.lines}
    np.testing.assert_array_equal(drawn["mean cosine after ReLU, measured"], measured.after_relu)
    assert any(np.array_equal(line.get_ydata(), measured.mean_magnitude) for line in left.lines)
    assert [patch.get_label() for patch in right.patches] == ["d = 2", "d = 16", "d = 128", "d = 1,024"]
    for patch in right.patches:
        assert patch.get_data().values.sum() == pytest.approx(100)


@pytest.mark.parametrize("pairs", [1, 100_001])
def test_a_number_of_pairs_out_of_range_is_refused(pairs):
    with pytest.raises(UsageError, match="2 to 100,000 pairs"):
        compute(pairs=pairs)
