"""Sound files in and out, and convolution of sounds of any length in little memory.

A recording of minutes has millions of samples and a room's response some hundred thousand, so the sum of the
definition would take 10^12 multiplications. Two things make it seconds: the fast Fourier transform, and
*overlap-add*. Because convolution is linear, a sound may be cut into blocks, each block convolved by itself,
and the results, each longer than its block by the length of the kernel, added where they overlap. So a file
streams through block by block.

Everything here takes and gives blocks, arrays of shape (B, C): B instants of C channels, float64, full scale
at 1.
"""

import contextlib
import functools
import math
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, get_args

import numpy as np

from decanet.convolution._sound_files import (
    claimed_bytes,
    missing_length,
    opened,
    promised_frames,
    read_block,
)
from decanet.convolution.signals import (
    LONGEST_RESPONSE,
    Array,
    Echo,
    ExponentialDecay,
    SampledKernel,
    check_length,
)
from decanet.core.errors import DataError, ResourceError, UsageError
from decanet.core.files import atomic_path

BLOCK = 2**16  # frames that are read and written at once where nothing else decides
FULL_SCALE = 0.999  # what "fit" and "normalize" bring the loudest sample to
LONGEST_TAIL = 10.0  # seconds that a slow decay may go on after the sound has ended

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}
BYTES = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}

Peak = Literal["fit", "normalize", "clip", "keep"]


# ------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound, on the disk or in memory, that is read block by block.

    Attributes:
        name: what messages call it.
        rate: samples a second.
        channels: C.
        subtype: how its samples are kept, in libsndfile's words, for instance ``"PCM_24"``.
        source: its file, or its samples, shape (n, C).
        note: what a listener should know of how it was read, or "".
    """

    name: str
    rate: int
    channels: int
    subtype: str
    source: Path | Array
    note: str = ""

    def blocks(self, frames: int = BLOCK) -> Iterator[Array]:
        """Yield its blocks, each of at most ``frames`` instants.

        Raises:
            DataError: the file is damaged, ends early, or holds NaN or infinite samples.
        """
        start = 0
        for block in self._blocks(frames):
            if not np.isfinite(block).all():
                where = start + int(np.argmin(np.isfinite(block).all(axis=1)))
                raise DataError(
                    f"{self.name} holds NaN or infinite samples, the first at {where / self.rate:.3f} s; "
                    "export it anew"
                )
            yield block
            start += len(block)
        if start == 0:
            raise DataError(f"{self.name} holds no samples; give a sound that lasts")

    def _blocks(self, frames: int) -> Iterator[Array]:
        if not isinstance(self.source, Path):
            for start in range(0, len(self.source), frames):
                yield self.source[start : start + frames]
            return
        with opened(self.source) as file:
            promised, got = promised_frames(file), 0
            while len(block := read_block(file, frames, self.source)):
                got += len(block)
                yield block
            if got < promised:
                raise DataError(
                    f"{self.source} is damaged: it ends after {got / self.rate:.2f} s of "
                    f"{promised / self.rate:.2f} s; fetch or export it anew"
                )


def open_sound(path: Path | str) -> Sound:
    """Look into a sound file: WAV, FLAC, OGG or whatever else libsndfile reads.

    Raises:
        DataError: it is not there, cannot be read, or holds nothing.
    """
    path = Path(path)
    with opened(path) as file:
        if file.frames == 0:
            raise DataError(f"{path} holds no samples; give a sound that lasts")
        note = ""
        if missing_length(path) or (claimed_bytes(file, "data") and promised_frames(file) == file.frames):
            seconds = file.frames / file.samplerate
            note = (
                f"its header does not tell its length, as when a recording breaks off: read {seconds:.2f} s"
            )
        return Sound(path.name, file.samplerate, file.channels, file.subtype, path, note)


def read_impulse(path: Path | str) -> SampledKernel:
    """Read a recorded impulse response: a clap, a balloon or a sweep's result from some room.

    Raises:
        DataError: it cannot be read, ends early, is empty, silent, not finite, or longer than
            ``LONGEST_RESPONSE``.
    """
    sound = open_sound(path)
    with opened(Path(path)) as file:
        if LONGEST_RESPONSE < file.frames < 2**62:
            raise DataError(
                f"{path} lasts {file.frames / sound.rate:.0f} s, too long for a kernel; "
                f"cut it to {LONGEST_RESPONSE / sound.rate:.0f} s"
            )
    return SampledKernel(np.concatenate(list(sound.blocks())), sound.rate, name=str(path))


# ------------------------------------------------------------------------------------------- kernels


@dataclass(frozen=True)
class Reverb:
    """A room, made up: the sound itself, then noise that dies away, other noise in each channel.

    The noise carries as much energy as the direct sound: in a real room that holds at the critical distance
    from the source. Real rooms begin with single echoes from walls; after those, decaying noise is what they
    are.

    Attributes:
        seconds: the reverberation time, in which the noise falls by 60 dB.
        seed: the same seed gives the same room.
        channels: C.

    Raises:
        UsageError: ``seconds`` is not a positive finite number, or ``seed`` is negative.
    """

    seconds: float
    seed: int = 0
    channels: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise UsageError(
                f"a reverberation time must be a positive number of seconds, got {self.seconds:g}"
            )
        if self.seed < 0:
            raise UsageError(f"a seed must be 0 or more, got {self.seed}")

    def impulse_response(self, rate: int) -> Array:
        """Weights at ``rate`` samples a second, shape (M, C).

        Raises:
            UsageError: it lasts more than ``LONGEST_RESPONSE`` samples.
        """
        check_length(self.seconds, rate, "a reverberation")
        times = np.arange(1, round(self.seconds * rate) + 1)[:, None] / rate
        noise = np.random.default_rng(self.seed).standard_normal((len(times), self.channels))
        noise *= 10.0 ** (-3.0 * times / self.seconds)
        noise /= np.sqrt((noise**2).sum(axis=0)) if len(times) else 1.0
        return np.concatenate([np.ones((1, self.channels)), noise])


SoundKernel = Echo | ExponentialDecay | SampledKernel | Reverb


def combined_response(kernels: Sequence[Echo | SampledKernel | Reverb], rate: int) -> Array:
    """One impulse response, shape (M, C), for several after each other: convolution is associative.

    Raises:
        UsageError: it is longer than ``LONGEST_RESPONSE`` samples.
        DataError: responses of several channels have different numbers of them.
    """
    from scipy.signal import fftconvolve

    responses = [kernel.impulse_response(rate) for kernel in kernels] or [np.ones((1, 1))]
    if len({response.shape[1] for response in responses} - {1}) > 1:
        widths = ", ".join(str(response.shape[1]) for response in responses)
        raise DataError(
            f"impulse responses of {widths} channels do not go together; give the same number or 1"
        )
    check_length(sum(len(response) - 1 for response in responses) / rate, rate, "effects together")
    with np.errstate(over="ignore", invalid="ignore"):  # see overlap_add
        return functools.reduce(lambda first, then: fftconvolve(first, then, axes=0), responses)


# --------------------------------------------------------------------------------------- convolution


def overlap_add(blocks: Iterable[Array], response: Array) -> Iterator[Array]:
    """Convolve a sound that arrives in blocks, each (B, C), with ``response``, (M, C) or (M, 1).

    Costs O(n log M) for n instants and holds a few times M of them. The results, one after the other, have
    n + M - 1 instants: the sound and the end of its echo. A mono sound takes on the response's channels.
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
    """Long against the kernel, to waste little on the overlap, but no longer, to stay in cache."""
    from scipy.fft import next_fast_len

    return next_fast_len(max(4 * length, BLOCK), real=True)


def decaying(blocks: Iterable[Array], kernel: ExponentialDecay, rate: int) -> Iterator[Array]:
    """Convolve a sound that arrives in blocks with an exponential decay by the recursion: O(n), any alpha.

    Exact for the sound whose samples are joined by straight lines. After its end the decay goes on until it
    is 60 dB down, at most ``LONGEST_TAIL`` seconds.
    """
    from scipy.signal import lfilter

    kept, older, newer = kernel.step_linear(1.0 / rate)
    state: Array | None = None
    for block in blocks:
        if state is None:
            state = np.zeros((1, block.shape[1]))
        block, state = lfilter([newer, older], [1.0, -kept], block, axis=0, zi=state)
        yield block
    if state is not None:
        tail = round(min(math.log(1000.0) / kernel.alpha, LONGEST_TAIL) * rate)
        for start in range(0, tail, BLOCK):
            silence = np.zeros((min(BLOCK, tail - start), state.shape[1]))
            block, state = lfilter([newer, older], [1.0, -kept], silence, axis=0, zi=state)
            yield block


def convolve_sound(sound: Sound, kernels: Sequence[SoundKernel]) -> Iterator[Array]:
    """Send a sound through ``kernels``, one after the other, as blocks; which is first does not matter.

    Raises:
        UsageError: a kernel is too long.
        DataError: a kernel's channels do not go with the sound's; or, while it is read, the sound is bad.
    """
    decays = [kernel for kernel in kernels if isinstance(kernel, ExponentialDecay)]
    finite = [kernel for kernel in kernels if not isinstance(kernel, ExponentialDecay)]
    response = combined_response(finite, sound.rate)
    channels = response.shape[1]
    if channels > 1 and sound.channels > 1 and channels != sound.channels:
        raise DataError(
            f"the impulse response has {channels} channels and {sound.name} has {sound.channels}; "
            f"give a response of 1 or {sound.channels} channels"
        )
    blocks = sound.blocks(_transform_size(len(response)) - len(response) + 1)
    for decay in decays:
        blocks = decaying(blocks, decay, sound.rate)
    return overlap_add(blocks, response) if finite else blocks


# ------------------------------------------------------------------------------------------- writing


@dataclass(frozen=True, eq=False)
class Rendered:
    """A finished sound, float64 on the disk: only at its end is it known how loud it became.

    Attributes:
        file: its samples, raw.
        frames: n.
        channels: C.
        peak: the largest absolute sample, full scale being 1.
    """

    file: IO[bytes]
    frames: int
    channels: int
    peak: float

    def blocks(self) -> Iterator[Array]:
        """Yield its blocks, from the start."""
        self.file.seek(0)
        while data := self.file.read(BLOCK * self.channels * 8):
            yield np.frombuffer(data).reshape(-1, self.channels)


@contextlib.contextmanager
def rendered(blocks: Iterable[Array]) -> Iterator[Rendered]:
    """Run a stream of blocks to its end, into a temporary file that is gone afterwards.

    Raises:
        DataError: the numbers overflow.
        ResourceError: the disk for temporary files is full.
    """
    with tempfile.TemporaryFile(prefix="decanet-") as file:
        frames, channels, peak = 0, 1, 0.0
        try:
            for block in blocks:
                file.write(np.ascontiguousarray(block).data)
                frames, channels = frames + len(block), block.shape[1]
                loudest = float(np.abs(block).max(initial=0.0))
                if not math.isfinite(loudest):
                    raise DataError("the result is too loud for floating-point numbers; use weaker echoes")
                peak = max(peak, loudest)
            file.flush()
        except OSError as error:
            if error.errno != 28:  # ENOSPC
                raise
            raise ResourceError(
                f"no space left in {tempfile.gettempdir()} for the sound in the making; "
                "free some, or set TMPDIR to a folder on a larger disk"
            ) from error
        yield Rendered(file, frames, channels, peak)


@dataclass(frozen=True)
class Encoding:
    """How a sound file will be written: libsndfile's names of the container and of the samples within."""

    format: str
    subtype: str


def encoding_for(path: Path | str, sound: Sound, peak: Peak = "fit") -> Encoding:
    """The encoding for ``path``, by its ending, that keeps the samples' depth where the format can.

    Raises:
        UsageError: an ending that is no sound's; ``peak="keep"`` where the format has no room above
            full scale; an unknown ``peak``.
    """
    path = Path(path)
    if peak not in get_args(Peak):
        raise UsageError(f"peak must be one of {', '.join(get_args(Peak))}, got {peak!r}")
    container = FORMATS.get(path.suffix.lower())
    if container is None:
        raise UsageError(f"cannot write a sound to {path}; end its name in {', '.join(FORMATS)}")
    if peak == "keep":
        if container != "WAV":
            raise UsageError(
                f"{container} cannot keep samples above full scale; write a .wav, not {path.name}"
            )
        return Encoding(container, "DOUBLE" if sound.subtype == "DOUBLE" else "FLOAT")
    if container == "OGG":
        return Encoding(container, "VORBIS")
    depth = BYTES.get(sound.subtype, 2)  # 16 bits for what was decoded from a lossy format
    if container == "FLAC":
        return Encoding(container, {1: "PCM_S8", 2: "PCM_16"}.get(depth, "PCM_24"))
    if depth == 1:
        return Encoding(container, "PCM_U8")
    return Encoding(container, sound.subtype if sound.subtype in BYTES else "PCM_16")


def peak_in_words(peak: float) -> str:
    """How loud the loudest sample is."""
    return f"peak {peak:.3f} of full scale" if peak < 1e6 else f"peak {peak:.3g} times full scale"


@dataclass(frozen=True)
class Loudness:
    """What was done so that the result fits its format.

    Attributes:
        peak: the loudest sample before, full scale being 1.
        gain: the factor that every sample was multiplied by.
        clipped_samples: how many samples were cut to full scale.
    """

    peak: float
    gain: float
    clipped_samples: int

    def __str__(self) -> str:
        peak = peak_in_words(self.peak)
        if self.clipped_samples:
            return f"{peak}: {self.clipped_samples} samples were cut to full scale"
        if self.gain != 1:
            turned = "turned down" if self.gain < 1 else "turned up"
            return f"{peak}: {turned} to {FULL_SCALE:g} ({20 * math.log10(self.gain):+.1f} dB)"
        return f"{peak}: kept above full scale" if self.peak > 1 + 1e-9 else f"{peak}: left as it is"


def write_sound(
    path: Path | str, result: Rendered, rate: int, encoding: Encoding, peak: Peak = "fit"
) -> Loudness:
    """Write a finished sound, whole or not at all, and say what was done about its loudness.

    Args:
        peak: ``"fit"`` turns the whole sound down if it would overflow, ``"normalize"`` always
            brings its loudest sample to full scale, ``"clip"`` cuts what overflows, ``"keep"`` changes
            nothing.

    Raises:
        UsageError: the format does not take such a sound.
        ResourceError: the disk is full.
    """
    import soundfile

    bytes_needed = result.frames * result.channels * BYTES.get(encoding.subtype, 0)
    if encoding.format == "WAV" and bytes_needed > 2**32 - 2**16:
        raise UsageError(f"{path} would take {bytes_needed / 1e9:.1f} GB, and WAV ends at 4; write a .flac")
    overflows = result.peak > 1 + 1e-9  # beyond the rounding of a transform
    gain = 1.0
    if result.peak > 0 and (peak == "normalize" or (peak == "fit" and overflows)):
        gain = FULL_SCALE / result.peak
    clipped = 0
    with atomic_path(path) as temporary:
        try:
            file = soundfile.SoundFile(
                temporary, "w", rate, result.channels, subtype=encoding.subtype, format=encoding.format
            )
        except soundfile.LibsndfileError as error:
            raise UsageError(
                f"{encoding.format} does not take {result.channels} channels at {rate} Hz "
                f"({error.error_string.strip(' .')}); write a .wav"
            ) from error
        try:
            with file:
                for block in result.blocks():
                    if peak == "clip":
                        clipped += int((np.abs(block) > 1 + 1e-9).sum())
                        block = np.clip(block, -1.0, 1.0)
                    file.write(block * gain)
        except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts that all was written
            raise ResourceError(f"could not write {path} to its end; is the disk full?") from error
    return Loudness(result.peak, gain, clipped)


def save_array(path: Path | str, result: Rendered) -> Path:
    """Write a finished sound as a NumPy file, float64, shape (n, C), before any change of loudness."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        shape = (result.frames, result.channels)
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        result.file.seek(0)
        shutil.copyfileobj(result.file, file, 2**20)
    return Path(path)


# ------------------------------------------------------------------------------------- default sound


def default_sound(rate: int = 44100) -> Sound:
    """The sound for those who have none at hand: four plucked notes, then a gliding voice; mono, 3.4 s."""
    notes = [pluck(pitch, 0.4, rate) for pitch in (220.0, 277.18, 329.63, 440.0)]  # A major
    pause = np.zeros(round(0.25 * rate))
    samples = np.concatenate([*notes, pause, spoken_chirp(1.3, rate), pause])
    return Sound("the default sound", rate, 1, "PCM_16", (0.5 * samples)[:, None])


def pluck(pitch: float, seconds: float, rate: int) -> Array:
    """A plucked string of ``pitch`` Hz by Karplus and Strong's algorithm, shape (n,), peak 1.

    A burst of noise runs round a delay line whose length is the period; each time round, neighbors are
    averaged, so that the high overtones die first, as on a string. It is a convolution too: with a kernel of
    its own echoes.

    Source: K. Karplus, A. Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
    Journal 7(2), 1983.
    """
    from scipy.signal import lfilter

    period = round(rate / pitch - 0.5)  # the average of neighbors delays by half a sample
    burst = np.zeros(round(seconds * rate))
    burst[:period] = np.random.default_rng(0).uniform(-1.0, 1.0, period)
    burst[:period] -= burst[:period].mean()  # a constant would run round as well, and is no sound
    feedback = np.zeros(period + 2)
    feedback[[0, period, period + 1]] = 1.0, -0.498, -0.498
    string = lfilter([1.0], feedback, burst)
    fade = np.minimum(1.0, np.arange(len(string))[::-1] / (0.01 * rate))  # no click where the next begins
    return string * fade / np.abs(string).max()


def spoken_chirp(seconds: float, rate: int) -> Array:
    """A voice that glides from "ah" to "ee" while its pitch falls, shape (n,), peak 1.

    The vocal folds give all harmonics of the pitch, weaker with their number; the mouth is three resonances
    (formants) that move from one vowel's places to the other's.
    """
    times = np.arange(round(seconds * rate)) / rate
    share = times / seconds
    glide = 0.5 - 0.5 * np.cos(np.pi * share)
    pitch = 150.0 - 50.0 * share + 3.0 * np.sin(2 * np.pi * 5.0 * times)  # Hz, with a little vibrato
    phase = 2.0 * np.pi * np.cumsum(pitch) / rate
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
