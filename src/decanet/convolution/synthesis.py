"""The built-in sound, synthesized: plucked strings and a gliding voice."""

import numpy as np

from decanet.convolution.impulse_responses import Array
from decanet.convolution.sounds import Sound


def default_sound(sample_rate: int = 44100) -> Sound:
    """The sound for those who have none at hand: four plucked notes, then a gliding voice; mono, 3.4 s."""
    notes = [pluck(pitch, 0.4, sample_rate) for pitch in (220.0, 277.18, 329.63, 440.0)]  # A major
    pause = np.zeros(round(0.25 * sample_rate))
    samples = np.concatenate([*notes, pause, spoken_chirp(1.3, sample_rate), pause])
    return Sound("the built-in sound", sample_rate, 1, "PCM_16", (0.5 * samples)[:, None])


def pluck(pitch: float, seconds: float, sample_rate: int) -> Array:
    """A plucked string of ``pitch`` Hz by Karplus and Strong's algorithm, shape (n,), peak 1.

    A burst of noise runs round a delay line whose length is the period; each time round, neighbors are
    averaged, so that the high overtones die first, as on a string. It is a convolution too: with a kernel of
    its own echoes.

    Source: K. Karplus, A. Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
    Journal 7(2), 1983.
    """
    from scipy.signal import lfilter

    period = round(sample_rate / pitch - 0.5)  # the average of neighbors delays by half a sample
    burst = np.zeros(round(seconds * sample_rate))
    burst[:period] = np.random.default_rng(0).uniform(-1.0, 1.0, period)
    burst[:period] -= burst[:period].mean()  # a constant would run round as well, and is no sound
    feedback = np.zeros(period + 2)
    feedback[[0, period, period + 1]] = 1.0, -0.498, -0.498
    string = lfilter([1.0], feedback, burst)
    fade = np.minimum(
        1.0, np.arange(len(string))[::-1] / (0.01 * sample_rate)
    )  # no click where the next begins
    return string * fade / np.abs(string).max()


def spoken_chirp(seconds: float, sample_rate: int) -> Array:
    """A voice that glides from "ah" to "ee" while its pitch falls, shape (n,), peak 1.

    The vocal folds give all harmonics of the pitch, weaker with their number; the mouth is three resonances
    (formants) that move from one vowel's places to the other's.
    """
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    share = times / seconds
    glide = 0.5 - 0.5 * np.cos(np.pi * share)
    pitch = 150.0 - 50.0 * share + 3.0 * np.sin(2 * np.pi * 5.0 * times)  # Hz, with a little vibrato
    phase = 2.0 * np.pi * np.cumsum(pitch) / sample_rate
    voice = np.zeros_like(times)
    for harmonic in range(1, 31):
        frequency = harmonic * pitch
        mouth = np.zeros_like(times)
        for begin, end, width in ((730.0, 270.0, 90.0), (1090.0, 2290.0, 110.0), (2440.0, 3010.0, 170.0)):
            formant = begin + (end - begin) * glide
            mouth += 1.0 / (1.0 + ((frequency - formant) / width) ** 2)
        voice += mouth / harmonic**0.5 * np.sin(harmonic * phase)
    voice *= np.minimum(1.0, 12.0 * np.minimum(share, 1.0 - share))  # in and out without a click
    return voice / np.abs(voice).max()
