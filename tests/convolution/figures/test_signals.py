"""The tutorial's figures and the figure of a sound: what they draw."""

import numpy as np
import pytest

from decanet.convolution.figures.signals import draw_echo, draw_echo_sheet, draw_sound
from decanet.convolution.impulse_responses import Echo, ExponentialDecay, Reverb
from decanet.convolution.signals import sine, sine_closed_form, sine_delay, sine_gain, tutorial_times
from decanet.convolution.sound_convolution import response_of
from decanet.convolution.sound_output import rendered
from decanet.convolution.sounds import Sound
from decanet.convolution.waveform import waveform


def test_a_sound_is_drawn_before_and_after_on_one_time_axis():
    clap = Sound("clap", 100, 1, "PCM_16", np.linspace(-1, 0.5, 100)[:, None])
    with rendered([np.full((150, 2), 0.25)]) as result:
        response = response_of([Echo(((0.5, 0.5),))], 100)
        figure = draw_sound(clap, result, "an echo of 0.5 after 0.5 s", response)
    before, kernel, after = figure.axes
    assert kernel.get_title() == "Kernel g: impulses (Dirac)"
    np.testing.assert_array_equal(kernel.lines[0].get_xydata(), [[0, 1], [0.5, 0.5]])
    assert before.get_title(loc="left") == "Original: clap"
    assert after.get_title(loc="left") == "Convolved with an echo of 0.5 after 0.5 s"
    for axes in (before, after):
        assert axes.get_xlim() == (0, 1.5)
        assert axes.get_ylim() == (-1.05, 1.05)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("Time (s)", "Amplitude")
        assert [text.get_text() for text in axes.get_legend().texts] == ["peaks", "root mean square"]
    peaks, rms, middle = before.patches
    low, high, root_mean_square = waveform(clap.blocks(), 100, 150).T
    for stairs, values in ((peaks, high), (rms, root_mean_square), (middle, (low + high) / 2)):
        np.testing.assert_array_equal(stairs.get_data().values, values)
    assert np.isnan(high[100:]).all()  # the sound has ended, its echo has not
    assert after.patches[1].get_data().values == pytest.approx(0.25)


def test_a_sound_that_was_scaled_is_drawn_as_it_was_written_with_its_level():
    clap = Sound("clap", 100, 1, "PCM_16", np.full((100, 1), 0.5))
    kernel = ExponentialDecay(3.0)
    with rendered([np.full((100, 1), 0.01)]) as result:
        figure = draw_sound(clap, result, "a decay", response_of([kernel], 100), gain=50.0)
    before, response, after = figure.axes
    assert after.patches[0].get_data().values == pytest.approx(0.5)
    assert after.get_ylabel() == "Amplitude, scaled by +34.0 dB"
    np.testing.assert_allclose(response.lines[0].get_ydata(), kernel(response.lines[0].get_xdata()))
    (levels,) = before.child_axes
    for tick, label in zip(levels.get_yticks(), levels.get_yticklabels()):
        assert 20 * np.log10(tick) == pytest.approx(
            float(label.get_text().replace("\N{MINUS SIGN}", "-")), abs=0.01
        )


def test_a_room_is_drawn_as_a_level_that_falls():
    clap = Sound("clap", 1000, 1, "PCM_16", np.full((1000, 1), 0.5))
    with rendered([np.full((1000, 1), 0.01)]) as result:
        response = response_of([Reverb(0.8)], 1000)
        _, kernel, _ = draw_sound(clap, result, "a room", response).axes
    assert response.kind == "samples"
    levels = kernel.lines[0].get_ydata()
    assert levels.max() == pytest.approx(0)
    slope = np.polyfit(np.linspace(0, 0.8, len(levels))[1:], levels[1:], 1)[0]
    assert slope == pytest.approx(-60 / 0.8, rel=0.15)  # 60 dB in its time


def test_the_sheet_has_a_panel_for_each_alpha():
    alphas = [0.5, 1.0, 5.0]
    values = np.stack([sine_closed_form(alpha, tutorial_times()) for alpha in alphas])
    figure = draw_echo_sheet(alphas, values)
    assert len(figure.axes) == 3
    for axes, alpha, row in zip(figure.axes, alphas, values):
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), sine(tutorial_times()))
        np.testing.assert_array_equal(axes.lines[1].get_ydata(), row)
        assert (
            axes.get_title()
            == rf"$\alpha={alpha:g}$ s$^{{-1}}$: {sine_gain(alpha):#.2g}, delay {sine_delay(alpha):.2f} s"
        )
        assert axes.get_xlabel() == "Time (s)"
    (legend,) = figure.legends
    assert ["original" in legend.texts[0].get_text(), "convolved" in legend.texts[1].get_text()] == [
        True,
        True,
    ]


@pytest.mark.parametrize("alpha", [0.01, 0.5, 5.0])
def test_every_alpha_is_drawn_on_the_same_axis_with_its_gain_and_delay(alpha):
    values = sine_closed_form(alpha, tutorial_times())
    original, kernel, result_axes = draw_echo(alpha, values).axes
    assert original.get_ylim() == result_axes.get_ylim() == (-1.1, 1.1)
    np.testing.assert_array_equal(result_axes.lines[0].get_ydata(), values)
    assert kernel.lines[0].get_ydata()[0] == pytest.approx(alpha)
    # After the transient: the gain and the delay of a late period, measured.
    late = sine_closed_form(alpha, 2000 + np.linspace(0, 1, 4001))
    gain, delay = late.max(), (late.argmax() / 4000 - 0.25) % 1
    title = result_axes.get_title(loc="left")
    assert f"amplitude {gain:#.2g}" in title
    assert f"delay {delay:.2f} s" in title
    enlarged = [line for line in result_axes.lines if "enlarged" in line.get_label()]
    assert len(enlarged) == (gain < 0.2)
