"""The shape of a sound over time."""

import numpy as np
import pytest

from decanet.convolution.waveform import PERIOD_SECONDS, waveform


def test_a_short_waveform_holds_the_extremes_of_each_column(rng):
    samples = rng.standard_normal((1000, 2))
    blocks = [samples[:333], samples[333:]]
    shape = waveform(blocks, 48000, 1250, columns=25)
    assert shape.shape == (25, 3)
    for column in range(20):
        part = samples[50 * column : 50 * column + 50]
        np.testing.assert_array_equal(shape[column, :2], [part.min(), part.max()])
        assert shape[column, 2] == pytest.approx(np.sqrt(np.square(part).mean()))
    assert np.isnan(shape[20:]).all()


def test_single_periods_of_a_voice_are_not_visible():
    rate, frames = 16000, 64000
    times = np.arange(frames)[:, None] / rate
    clicks = np.where((times * 100) % 1 < 0.05, 1.0, 0.0)  # 100 pulses a second: a period of 10 ms
    shape = waveform([clicks], rate, frames)
    assert frames / len(shape) / rate < 0.010 < PERIOD_SECONDS  # single stretches do miss the pulse
    np.testing.assert_array_equal(shape[:, 1], 1.0)
    assert shape[5:-5, 2] == pytest.approx(np.sqrt(0.05), rel=0.3)
