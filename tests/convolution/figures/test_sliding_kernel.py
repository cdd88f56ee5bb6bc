"""The flipped kernel that slides over the sine."""

import numpy as np
import pytest

from decanet.convolution.figures.sliding_kernel import animate_sliding, draw_moments
from decanet.convolution.impulse_responses import ExponentialDecay
from decanet.convolution.signals import sine, sine_closed_form, tutorial_times


def test_the_frames_of_the_animation_differ(tmp_path):
    from PIL import Image

    path = animate_sliding(tmp_path / "a.gif", 2.0, frames=3)
    with Image.open(path) as image:
        assert image.n_frames == 3
        assert image.format == "GIF"
        frames = []
        for index in range(3):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")))
    assert not np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[1], frames[2])
    assert (frames[0][:5, :5] == 255).all()  # the background is white


def test_each_moment_shows_the_signal_the_flipped_kernel_their_product_and_its_integral():
    alpha, times = 2.0, tutorial_times()
    figure = draw_moments(alpha)
    moments = np.linspace(0, 5, 7)[1:]
    panels = np.array(figure.axes).reshape(4, 3)
    for index, moment in enumerate(moments):
        row, column = divmod(index, 3)
        upper, lower = panels[2 * row : 2 * row + 2, column]
        signal, kernel, product = upper.lines[:3]
        np.testing.assert_array_equal(signal.get_ydata(), sine(times))
        np.testing.assert_array_equal(
            kernel.get_ydata(), ExponentialDecay(alpha)(moment - kernel.get_xdata())
        )
        area = np.trapezoid(product.get_ydata(), product.get_xdata())
        assert area == pytest.approx(sine_closed_form(alpha, moment), abs=1e-3)
        title, _, printed = upper.get_title(loc="left").partition(": area ")
        assert title == f"t = {moment:.2f} s"
        assert float(printed.replace("−", "-")) == pytest.approx(area, abs=1e-3)
        np.testing.assert_allclose(lower.lines[0].get_ydata(), sine_closed_form(alpha, times), atol=1e-12)
        assert (upper.get_xlabel(), lower.get_xlabel()) == (r"$\tau$ (s)", r"$t$ (s)")
    assert [text.get_text() for text in figure.legends[0].texts] == [
        r"$f(\tau)$", r"$g(t-\tau)$, flipped", "product",
    ]  # fmt: skip
