"""Overlap-add against SciPy, and the order of effects."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import oaconvolve

from decanet.convolution.impulse_responses import Echo, ExponentialDecay, Reverb, SampledKernel
from decanet.convolution.signals import convolve_recursion
from decanet.convolution.sound_convolution import (
    combined_response,
    convolve_sound,
    decaying,
    low_pass_in_words,
    mixed,
    overlap_add,
    response_of,
)
from decanet.convolution.sounds import Sound
from decanet.core.errors import DataError, UsageError
from tests.convolution._sounds import convolved, sound_of


@given(
    lengths=st.lists(st.integers(0, 300), min_size=1, max_size=5),
    taps=st.integers(1, 400),
    channels=st.integers(1, 3),
    shared=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_overlap_add_does_not_depend_on_the_blocks(lengths, taps, channels, shared, seed):
    rng = np.random.default_rng(seed)
    blocks = [rng.standard_normal((length, channels)) for length in lengths if length] or [
        np.ones((1, channels))
    ]
    response = rng.standard_normal((taps, 1 if shared else channels))
    together = np.concatenate(list(overlap_add(blocks, response)))
    whole = np.concatenate(blocks)
    for channel in range(channels):
        expected = np.convolve(whole[:, channel], response[:, 0 if shared else channel])
        np.testing.assert_allclose(together[:, channel], expected, atol=1e-11)


def test_overlap_add_equals_scipy_over_several_transforms(rng):
    sound, response = rng.standard_normal((200_000, 2)), rng.standard_normal((30_000, 2))
    together = np.concatenate(list(overlap_add([sound], response)))
    np.testing.assert_allclose(together, oaconvolve(sound, response, axes=0), atol=1e-9)


def test_a_mono_sound_convolved_with_a_stereo_response_is_stereo(rng):
    voice, room = rng.standard_normal(500), rng.standard_normal((40, 2))
    result = convolved(sound_of(voice), SampledKernel(room, 8000))
    assert result.shape == (539, 2)
    np.testing.assert_allclose(result[:, 1], np.convolve(voice, room[:, 1]), atol=1e-12)


def test_memory_does_not_grow_with_the_sound():
    def peak_of(count):
        blocks = (np.ones((65536, 2)) for _ in range(count))
        tracemalloc.start()
        for _ in overlap_add(blocks, np.ones((1000, 1))):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_of(1)  # the first run also imports
    assert peak_of(24) < 1.2 * peak_of(6)


def test_the_decay_is_exact_for_a_sound_that_is_linear_between_samples(rng):
    rate, alpha = 100, 7.0
    samples = np.concatenate([[0.0], rng.standard_normal(99)])
    times = np.arange(100) / rate
    exact = convolve_recursion(lambda t: np.interp(t, times, samples), [ExponentialDecay(alpha)], times)[0]
    np.testing.assert_allclose(
        convolved(sound_of(samples, rate), ExponentialDecay(alpha))[:100, 0], exact, atol=1e-12
    )


def test_the_decay_continues_until_it_has_fallen_by_60_db(rng):
    samples = rng.standard_normal((1000, 2))
    for blocks in ([samples], [samples[:1], samples[1:700], samples[700:]]):
        result = np.concatenate(list(decaying(blocks, ExponentialDecay(20.0), 1000)))
        assert len(result) == 1000 + round(math.log(1000) / 20 * 1000)
        # From the first instant of silence on, nothing but the decay.
        np.testing.assert_allclose(result[-1] / result[1000], np.exp(-20.0 * (len(result) - 1001) / 1000))
        assert np.abs(result[-1] / result[1000]).max() == pytest.approx(1e-3, rel=0.05)


def test_the_order_of_effects_does_not_matter(rng):
    sound = sound_of(rng.standard_normal(3000), 1000)
    echo, decay, room = (
        Echo(((0.1, 0.5),)),
        ExponentialDecay(30.0),
        SampledKernel(rng.standard_normal(50), 1000),
    )
    one = convolved(sound, echo, decay, room)
    np.testing.assert_allclose(one, convolved(sound, room, echo, decay), atol=1e-10)
    stages = sound
    for kernel in (echo, room, decay):
        stages = sound_of(convolved(stages, kernel), 1000)
    # Until the sound ends: then the decay, if it came first, is cut off 60 dB down before it echoes.
    np.testing.assert_allclose(one[:3000], stages.source[:3000], atol=1e-10)


def test_combined_response_is_the_convolution_of_the_parts():
    parts = [Echo(((0.2, 0.5),)), SampledKernel(np.array([[1.0, 2.0], [3.0, 4.0]]), 10)]
    expected = np.array([[1, 2], [3, 4], [0.5, 1], [1.5, 2]])
    np.testing.assert_allclose(combined_response(parts, 10), expected, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Reverb(0.0), UsageError, "positive"),
        (lambda: Reverb(math.nan), UsageError, "positive"),
        (lambda: Reverb(1.0, seed=-1), UsageError, "seed"),
        (lambda: Reverb(1e4).impulse_response(48000), UsageError, "too long"),
        (lambda: combined_response([Reverb(30.0), Echo(((30.0, 1.0),))], 48000), UsageError, "together"),
        (
            lambda: convolved(sound_of(np.ones((9, 3))), SampledKernel(np.ones((2, 2)), 8000)),
            DataError,
            "2 channels",
        ),
        (
            lambda: combined_response([SampledKernel(np.ones((2, n)), 9) for n in (2, 3)], 9),
            DataError,
            "cannot be combined",
        ),
        (lambda: convolved(sound_of(np.zeros((0, 1))), Echo(())), DataError, "no samples"),
    ],
)
def test_bad_kernels_are_one_line(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "\n" not in caught.value.line


def test_the_response_of_echoes_in_a_row_are_impulses_and_their_products():
    response = response_of([Echo(((0.3, 0.5),)), Echo(((0.2, -1.0),))], 100)
    assert response.kind == "impulses"
    found = dict(zip(response.times.round(6), response.values))
    assert found == {0.0: 1.0, 0.3: 0.5, 0.2: -1.0, 0.5: -0.5}


def test_the_response_of_other_kernels_is_what_a_clap_becomes():
    kernels = [ExponentialDecay(20.0), Echo(((0.1, 0.5),))]
    response = response_of(kernels, 1000)
    assert response.kind == "samples"
    clap = Sound("clap", 1000, 1, "PCM_16", np.eye(1, 400).T)
    expected = np.concatenate(list(convolve_sound(clap, kernels)))[:, 0]
    size = min(len(expected), len(response.values))
    np.testing.assert_allclose(response.values[:size], expected[:size], atol=1e-12)


@pytest.mark.parametrize("blocks", [1, 7, 100])
def test_a_mix_is_the_weighted_sum_and_the_tail_is_that_of_the_convolution(blocks):
    random = np.random.default_rng(0)
    dry, wet = random.normal(size=(50, 1)), random.normal(size=(80, 2))
    cut = [wet[i : i + blocks] for i in range(0, 80, blocks)]
    found = np.concatenate(list(mixed([dry[:20], dry[20:]], cut, 0.25)))
    expected = 0.25 * wet
    expected[:50] += 0.75 * dry
    np.testing.assert_allclose(found, expected)


def test_the_gain_in_words_is_that_of_a_tone():
    kernel = ExponentialDecay(30.0)
    times = np.arange(40_000) / 8000
    tone = Sound("tone", 8000, 1, "PCM_16", np.sin(2 * np.pi * 100 * times)[:, None])
    late = np.concatenate(list(convolve_sound(tone, [kernel])))[20_000:40_000]
    assert f"{abs(late).max():.2g} at 100 Hz" in low_pass_in_words(kernel)
