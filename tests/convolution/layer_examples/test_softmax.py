"""The worked example of the softmax."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decanet.convolution.layer_examples.softmax import compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import all_axes, all_words, cells, rows


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 100), st.integers(0, 10**6))
def test_probabilities_jacobian_and_gradient_equal_autograd(temperature, seed):
    r = compute(temperature=temperature, seed=seed)
    x = torch.tensor(r.x, requires_grad=True)
    p = torch.softmax(x / temperature, 0)
    p.backward(torch.tensor(r.grad_p))
    np.testing.assert_allclose(r.p, p.detach().numpy(), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(r.grad_x, x.grad.numpy(), rtol=1e-9, atol=1e-12)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: torch.softmax(x / temperature, 0), torch.tensor(r.x)
    )
    np.testing.assert_allclose(r.jacobian, jacobian.numpy(), rtol=1e-9, atol=1e-12)
    for t, found in r.by_temperature.items():
        np.testing.assert_allclose(
            found, torch.softmax(torch.tensor(r.x) / t, 0).numpy(), rtol=1e-12, atol=1e-300
        )


def test_the_formula_overflows_in_float32_and_the_shifted_one_equals_torch():
    r = compute()
    overflow, underflow = r.overflow, r.underflow
    for stability in (overflow, underflow):
        assert stability.powers.dtype == stability.shifted_log_p.dtype == np.float32
        x = torch.tensor(stability.x)
        np.testing.assert_allclose(stability.shifted_p, torch.softmax(x, 0).numpy(), rtol=1e-6)
        np.testing.assert_allclose(stability.shifted_log_p, torch.log_softmax(x, 0).numpy(), rtol=1e-6)
        assert stability.shifted_log_sum == pytest.approx(torch.logsumexp(x, 0).item(), rel=1e-6)
    assert np.isinf(overflow.log_sum)
    assert np.isnan(overflow.p[:2]).all()
    # The shift alone does not help the logarithm of a probability that has become 0.
    assert np.isneginf(underflow.log_shifted_p[2])
    assert underflow.shifted_log_p[2] == -200


def test_all_numbers_are_printed_and_drawn():
    r = compute(temperature=0.25, seed=7)
    shown = text(r)
    assert max(map(len, shown.splitlines())) <= 100
    by_temperature = [rows(shown, f"T = {t:g}")[0] for t in r.by_temperature]
    np.testing.assert_allclose(by_temperature, list(r.by_temperature.values()), atol=5.1e-5)
    assert "nan" in shown
    assert "1000.313 with the shift" in shown
    figure = draw(r)
    np.testing.assert_allclose(cells(figure, "Jacobian dp_i / dx_j"), r.jacobian.ravel(), atol=5.1e-4)
    np.testing.assert_allclose(cells(figure, "dL/dx"), r.grad_x, atol=5.1e-4)
    heights = [bar.get_height() for bar in all_axes(figure)[0].patches]
    np.testing.assert_allclose(np.reshape(heights, (5, 4)), list(r.by_temperature.values()))
    assert "−inf" in all_words(figure)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_an_impossible_temperature_is_refused(temperature):
    with pytest.raises(UsageError, match="the temperature of a softmax is above 0"):
        compute(temperature=temperature)
