"""The built-in sound, synthesized: plucked strings and a gliding voice."""

import numpy as np

from decanet.convolution.impulse_responses import Array
from decanet.convolution.sounds import Sound


def default_sound(sample_rate: int = 44100) -> Sound:
    """Return the built-in sound: four plucked notes, then a gliding voice; mono, 3.4 s."""
    notes = [pluck(pitch, 0.4, sample_rate) for pitch in (220.0, 277.18, 329.63, 440.0)]  # A major
    pause = np.zeros(round(0.25 * sample_rate))
    samples = np.concatenate([*notes, pause, spoken_chirp(1.3, sample_rate), pause])
    return Sound("the built-in sound", sample_rate, 1, "PCM_16", (0.5 * samples)[:, None])


def pluck(pitch: float, seconds: float, sample_rate: int) -> Array:
    """Synthesize a plucked string of ``pitch`` Hz by the Karplus-Strong algorithm, shape (n,), peak 1.

    A burst of noise circulates in a delay line whose length is the period. In each period neighboring samples are
    averaged, so that high overtones decay first, as on a string. This is a convolution whose kernel is a series of
    echoes.

    Source: K. Karplus, A. Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
    Journal 7(2), 1983.
    """
    from scipy.signal import lfilter

    period = round(sample_rate / pitch - 0.5)  # the average of neighbors delays by half a sample
    burst = np.zeros(round(seconds * sample_rate))
    burst[:period] = np.random.default_rng(0).uniform(-1.0, 1.0, period)
    burst[:period] -= burst[:period].mean()  # a constant is no sound
    feedback = np.zeros(period + 2)
    feedback[[0, period, period + 1]] = 1.0, -0.498, -0.498
    string = lfilter([1.0], feedback, burst)
    fade = np.minimum(1.0, np.arange(len(string))[::-1] / (0.01 * sample_rate))  # no click at the next note
    return string * fade / np.abs(string).max()


def spoken_chirp(seconds: float, sample_rate: int) -> Array:
    """Synthesize a voice that glides from "ah" to "ee" while its pitch falls, shape (n,), peak 1.

    The vocal folds give all harmonics of the pitch, with decreasing amplitude; the mouth is modeled by three resonances
    (formants) that move from the frequencies of one vowel to those of the other.
    """
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    fraction = times / seconds
    glide = 0.5 - 0.5 * np.cos(np.pi * fraction)
    pitch = 150.0 - 50.0 * fraction + 3.0 * np.sin(2 * np.pi * 5.0 * times)  # Hz, with a little vibrato
    phase = 2.0 * np.pi * np.cumsum(pitch) / sample_rate
    voice = np.zeros_like(times)
    for harmonic in range(1, 31):
        frequency = harmonic * pitch
        mouth = np.zeros_like(times)
        for begin, end, width in ((730.0, 270.0, 90.0), (1090.0, 2290.0, 110.0), (2440.0, 3010.0, 170.0)):
            formant = begin + (end - begin) * glide
            mouth += 1.0 / (1.0 + ((frequency - formant) / width) ** 2)
        voice += mouth / harmonic**0.5 * np.sin(harmonic * phase)
    voice *= np.minimum(1.0, 12.0 * np.minimum(fraction, 1.0 - fraction))  # no clicks at the ends
    return voice / np.abs(voice).max()
