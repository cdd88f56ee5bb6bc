"""The tutorial's figures and the figure of a sound: what they draw."""

import numpy as np
import pytest

from decanet.convolution.figures.signals import draw_echo, draw_sound
from decanet.convolution.signals import sine_closed_form, tutorial_times


def test_a_sound_is_drawn_on_one_time_axis():
    before, after = np.ones((100, 1)), np.ones((150, 2))
    figure = draw_sound("clap", [before], "with echo", [after], 100, 150)
    for axes in figure.axes:
        assert axes.get_xlim() == (0, 1.5)
        assert axes.get_ylabel() == "Amplitude"


@pytest.mark.parametrize("alpha", [0.01, 0.5, 5.0])
def test_every_alpha_is_drawn_on_the_same_axis_with_its_gain_and_delay(alpha):
    values = sine_closed_form(alpha, tutorial_times())
    original, kernel, answer = draw_echo(alpha, values).axes
    assert original.get_ylim() == answer.get_ylim() == (-1.1, 1.1)
    np.testing.assert_array_equal(answer.lines[0].get_ydata(), values)
    assert kernel.lines[0].get_ydata()[0] == pytest.approx(alpha)
    # Once the start has died away: an independent look at a late period of the answer.
    late = sine_closed_form(alpha, 2000 + np.linspace(0, 1, 4001))
    gain, delay = late.max(), (late.argmax() / 4000 - 0.25) % 1
    said = answer.get_title(loc="left")
    assert f"{gain:#.2g} times" in said
    assert f"{delay:.2f} s later" in said
    enlarged = [line for line in answer.lines if "enlarged" in line.get_label()]
    assert len(enlarged) == (gain < 0.2)
