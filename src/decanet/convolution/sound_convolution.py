"""Convolution of sounds of any length in little memory.

A recording of minutes has millions of samples and the impulse response of a room some hundred thousand, so the sum of
the definition would take 10^12 multiplications. The fast Fourier transform and *overlap-add* reduce that to seconds.
Because convolution is linear, a sound may be cut into blocks and each block convolved by itself; the results, each
longer than its block by the length of the kernel, are added where they overlap. So a file is processed block by block.

Blocks are arrays of shape (B, C): B instants of C channels, float64, full scale at 1.
"""

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from decanet.convolution.impulse_responses import (
    Array,
    Echo,
    ExponentialDecay,
    Reverb,
    SampledKernel,
    check_length,
)
from decanet.convolution.sounds import BLOCK, Sound
from decanet.core.errors import DataError

LONGEST_TAIL = 10.0  # seconds that a slow decay may continue after the end of the sound

SoundKernel = Echo | ExponentialDecay | SampledKernel | Reverb


def describe_kernel(kernel: SoundKernel, sample_rate: int) -> str:
    """Return a kernel in words, as it is applied to a sound of ``sample_rate`` Hz."""
    if isinstance(kernel, Echo):
        return "an echo of " + ", ".join(f"{strength:g} after {delay:g} s" for delay, strength in kernel.taps)
    if isinstance(kernel, Reverb):
        return f"a synthetic room of {kernel.seconds:g} s (seed {kernel.seed})"
    if isinstance(kernel, ExponentialDecay):
        return f"an exponential decay, alpha {kernel.alpha:g} 1/s"
    resampled = (
        f", resampled from {kernel.sample_rate} to {sample_rate} Hz"
        if kernel.sample_rate != sample_rate
        else ""
    )
    return f"{Path(kernel.name).name} ({kernel.reach:.2f} s{resampled})"


@dataclass(frozen=True)
class Response:
    """What several kernels in a row do to a single clap.

    Attributes:
        times: in seconds, (n,).
        values: of the impulses, as factors; of a continuous kernel in 1/s; else one factor for each sample, (n,).
        kind: "impulses" alone, which have no width; "continuous", the tutorial's kernel; or "samples".
    """

    times: Array
    values: Array
    kind: Literal["impulses", "continuous", "samples"]


def response_of(kernels: Sequence[SoundKernel], sample_rate: int) -> Response:
    """Return the response of ``kernels`` in a row, of the first channel, for a figure."""
    if all(isinstance(kernel, Echo) for kernel in kernels):
        taps = {0.0: 1.0}
        for kernel in kernels:
            assert isinstance(kernel, Echo)
            pairs = [(0.0, 1.0), *kernel.taps]
            products = [(t + delay, v * strength) for t, v in taps.items() for delay, strength in pairs]
            taps = {}
            for time, value in products:
                taps[time] = taps.get(time, 0.0) + value
        return Response(np.array([*taps]), np.array([*taps.values()]), "impulses")
    decays = [kernel for kernel in kernels if isinstance(kernel, ExponentialDecay)]
    finite = [kernel for kernel in kernels if not isinstance(kernel, ExponentialDecay)]
    if len(kernels) == 1 and decays:
        times = np.linspace(0.0, math.log(1000.0) / decays[0].alpha, 500)
        return Response(times, decays[0](times), "continuous")
    blocks: Iterable[Array] = [combined_response(finite, sample_rate)[:, :1]]
    for decay in decays:
        blocks = decaying(blocks, decay, sample_rate)
    values = np.concatenate(list(blocks))[:, 0]
    return Response(np.arange(len(values)) / sample_rate, values, "samples")


def mixed(dry: Iterable[Array], wet: Iterable[Array], mix: float) -> Iterator[Array]:
    """Yield (1 - mix) * dry + mix * wet; the wet sound is at least as long, and may have more channels.

    Args:
        dry: blocks of the original.
        wet: blocks of the convolution.
        mix: fraction of the convolution, 0 to 1.
    """
    originals = iter(dry)
    left: Array | None = next(originals, None)
    for block in wet:
        block = mix * block
        done = 0
        while left is not None and done < len(block):
            part = left[: len(block) - done]
            block[done : done + len(part)] += (1 - mix) * part
            done += len(part)
            left = left[len(part) :] if len(left) > len(part) else next(originals, None)
        yield block


def low_pass_in_words(kernel: ExponentialDecay) -> str:
    """Return what the tutorial's kernel does to a sound, which is not what an echo does."""
    gains = ", ".join(
        f"{kernel.alpha / math.hypot(kernel.alpha, 2 * math.pi * hertz):.2g} at {hertz:g} Hz"
        for hertz in (100, 1000)
    )
    return (
        "this kernel has no impulse at 0, so the result does not contain the sound itself.\n"
        f"It is a low-pass filter with the gain alpha / sqrt(alpha^2 + omega^2): 1 at 0 Hz, because its\n"
        f"integral is 1; {gains}"
    )


def combined_response(kernels: Sequence[Echo | SampledKernel | Reverb], sample_rate: int) -> Array:
    """Return the impulse response of several kernels in series, shape (M, C): convolution is associative.

    Raises:
        UsageError: it is longer than ``LONGEST_RESPONSE`` samples.
        DataError: the responses have different numbers of channels, none of them 1.
    """
    from scipy.signal import fftconvolve

    responses = [kernel.impulse_response(sample_rate) for kernel in kernels] or [np.ones((1, 1))]
    if len({response.shape[1] for response in responses} - {1}) > 1:
        widths = ", ".join(str(response.shape[1]) for response in responses)
        raise DataError(
            f"impulse responses of {widths} channels cannot be combined; give the same number or 1"
        )
    check_length(
        sum(len(response) - 1 for response in responses) / sample_rate, sample_rate, "effects together"
    )
    with np.errstate(over="ignore", invalid="ignore"):  # see overlap_add
        return functools.reduce(lambda first, then: fftconvolve(first, then, axes=0), responses)


def overlap_add(blocks: Iterable[Array], response: Array) -> Iterator[Array]:
    """Convolve a sound that arrives in blocks, each (B, C), with ``response``, (M, C) or (M, 1).

    The cost is O(n log M) for n instants, with a few times M of them in memory. The resulting blocks have n + M - 1
    instants in total. A mono sound gets the channels of the response.
    """
    from scipy import fft

    size = _transform_size(len(response))
    spectrum = fft.rfft(response, size, axis=0)
    carry: Array | None = None
    for block in blocks:
        for start in range(0, len(block), size - len(response) + 1):
            part = block[start : start + size - len(response) + 1]
            with np.errstate(over="ignore", invalid="ignore"):  # rendered() refuses what is not finite
                product = fft.irfft(fft.rfft(part, size, axis=0) * spectrum, size, axis=0)
                product = product[: len(part) + len(response) - 1]
                if carry is not None:
                    product[: len(carry)] += carry
            yield product[: len(part)]
            carry = product[len(part) :]
    if carry is not None:
        yield carry


def _transform_size(length: int) -> int:
    """Return a transform size that is large against the kernel, for a small overlap, and small enough for the cache."""
    from scipy.fft import next_fast_len

    return next_fast_len(max(4 * length, BLOCK), real=True)


def decaying(blocks: Iterable[Array], kernel: ExponentialDecay, sample_rate: int) -> Iterator[Array]:
    """Convolve a sound that arrives in blocks with an exponential decay recursively, in O(n) for every alpha.

    The result is exact for a sound that is linear between its samples. After the end of the sound the decay continues
    until it has fallen by 60 dB, for at most ``LONGEST_TAIL`` seconds.
    """
    from scipy.signal import lfilter

    kept, older, newer = kernel.step_linear(1.0 / sample_rate)
    state: Array | None = None
    for block in blocks:
        if state is None:
            state = np.zeros((1, block.shape[1]))
        block, state = lfilter([newer, older], [1.0, -kept], block, axis=0, zi=state)
        yield block
    if state is not None:
        tail = round(min(math.log(1000.0) / kernel.alpha, LONGEST_TAIL) * sample_rate)
        for start in range(0, tail, BLOCK):
            silence = np.zeros((min(BLOCK, tail - start), state.shape[1]))
            block, state = lfilter([newer, older], [1.0, -kept], silence, axis=0, zi=state)
            yield block


def convolve_sound(sound: Sound, kernels: Sequence[SoundKernel]) -> Iterator[Array]:
    """Convolve a sound with ``kernels``, one after the other, and yield blocks; their order does not matter.

    Raises:
        UsageError: a kernel is too long.
        DataError: the channels of a kernel and of the sound do not match; while blocks are read, also those of
            :meth:`Sound.blocks`.
    """
    decays = [kernel for kernel in kernels if isinstance(kernel, ExponentialDecay)]
    finite = [kernel for kernel in kernels if not isinstance(kernel, ExponentialDecay)]
    response = combined_response(finite, sound.sample_rate)
    channels = response.shape[1]
    if channels > 1 and sound.channels > 1 and channels != sound.channels:
        raise DataError(
            f"the impulse response has {channels} channels and {sound.name} has {sound.channels}; "
            f"give a response of 1 or {sound.channels} channels"
        )
    blocks = sound.blocks(_transform_size(len(response)) - len(response) + 1)
    for decay in decays:
        blocks = decaying(blocks, decay, sound.sample_rate)
    return overlap_add(blocks, response) if finite else blocks
