"""The built-in sound."""

import numpy as np
import pytest

from decanet.convolution.synthesis import default_sound, pluck, spoken_chirp


def period_of(part, shortest, longest):
    likeness = np.correlate(part, part, "full")[len(part) - 1 :]
    return shortest + np.argmax(likeness[shortest:longest])


def test_the_built_in_sound_is_reproducible():
    sound = default_sound()
    assert (sound.sample_rate, sound.channels) == (44100, 1)
    samples = np.concatenate(list(sound.blocks()))
    assert len(samples) / sound.sample_rate == pytest.approx(3.4, abs=0.01)
    assert np.abs(samples).max() == pytest.approx(0.5)
    np.testing.assert_array_equal(samples, default_sound().source)


@pytest.mark.parametrize("pitch", [220.0, 440.0])
def test_a_plucked_string_has_its_pitch_and_decays(pitch):
    string = pluck(pitch, 1.0, 44100)
    assert 44100 / period_of(string[:8820], 60, 250) == pytest.approx(pitch, rel=0.01)
    assert np.abs(string[:4410]).max() > 3 * np.abs(string[-4410:]).max()
    assert abs(string.mean()) < 1e-3


def test_the_pitch_of_the_voice_falls():
    voice = spoken_chirp(1.0, 16000)
    assert period_of(voice[1600:3200], 50, 250) < period_of(voice[13000:14600], 50, 250) / 1.2
