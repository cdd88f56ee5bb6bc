"""Sounds for the tests of this folder."""

import numpy as np

from decanet.convolution.sound_convolution import convolve_sound
from decanet.convolution.sound_output import (
    encoding_for,
    rendered,
    write_sound,
)
from decanet.convolution.sounds import Sound, open_sound


def sound_of(samples, rate=8000, subtype="PCM_16"):
    samples = np.asarray(samples, dtype=np.float64).reshape(len(samples), -1 if len(samples) else 1)
    return Sound("a sound", rate, samples.shape[1], subtype, samples)


def convolved(sound, *kernels):
    return np.concatenate(list(convolve_sound(sound, kernels)))


def send(path, out, *kernels, peak="fit"):
    sound = open_sound(path)
    encoding = encoding_for(out, sound, peak)
    with rendered(convolve_sound(sound, kernels)) as result:
        return write_sound(out, result, sound.sample_rate, encoding, peak)
