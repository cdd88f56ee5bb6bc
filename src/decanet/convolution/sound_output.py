"""Rendering of sounds, and writing them to files."""

import contextlib
import math
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, get_args

import numpy as np

from decanet.convolution.impulse_responses import Array
from decanet.convolution.sounds import BLOCK, Sound
from decanet.core.errors import DataError, ResourceError, UsageError
from decanet.core.files import atomic_path

FULL_SCALE = 0.999  # the peak after "fit" and "normalize"

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}
BYTES = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}

Peak = Literal["fit", "normalize", "clip", "keep"]


@dataclass(frozen=True, eq=False)
class Rendered:
    """Rendered sound, kept as float64 on disk, since its peak is known only at its end.

    Attributes:
        file: its raw samples.
        frames: n.
        channels: C.
        peak: the largest absolute sample; full scale is 1.
    """

    file: IO[bytes]
    frames: int
    channels: int
    peak: float

    def blocks(self) -> Iterator[Array]:
        """Yield blocks from the start."""
        self.file.seek(0)
        while data := self.file.read(BLOCK * self.channels * 8):
            yield np.frombuffer(data).reshape(-1, self.channels)


@contextlib.contextmanager
def rendered(blocks: Iterable[Array]) -> Iterator[Rendered]:
    """Render a stream of blocks into a temporary file, which is removed afterwards.

    Raises:
        DataError: a sample overflows.
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
                    raise DataError(
                        "the result exceeds the range of floating-point numbers; use weaker echoes"
                    )
                peak = max(peak, loudest)
            file.flush()
        except OSError as error:
            if error.errno != 28:  # ENOSPC
                raise
            raise ResourceError(
                f"no space left in {tempfile.gettempdir()} for the rendered sound; "
                "free some, or set TMPDIR to a folder on a larger disk"
            ) from error
        yield Rendered(file, frames, channels, peak)


@dataclass(frozen=True)
class Encoding:
    """Encoding of a sound file: its container format and the subtype of its samples, as libsndfile names them."""

    format: str
    subtype: str


def encoding_for(path: Path | str, sound: Sound, peak: Peak = "fit") -> Encoding:
    """Return the encoding for ``path``, by its ending, that keeps the bit depth of ``sound`` where the format can.

    Raises:
        UsageError: the ending is not that of a sound format; ``peak="keep"`` for a format that cannot exceed full
            scale; ``peak`` is unknown.
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
    """Return the peak in words."""
    return f"peak {peak:.3f} of full scale" if peak < 1e6 else f"peak {peak:.3g} times full scale"


@dataclass(frozen=True)
class Loudness:
    """Peak, gain and clipping of a written sound.

    Attributes:
        peak: the largest absolute sample before; full scale is 1.
        gain: the factor of all samples.
        clipped_samples: number of samples that were clipped to full scale.
    """

    peak: float
    gain: float
    clipped_samples: int

    def __str__(self) -> str:
        peak = peak_in_words(self.peak)
        if self.clipped_samples:
            return f"{peak}: {self.clipped_samples} samples were clipped to full scale"
        if self.gain != 1:
            scaled = "scaled down" if self.gain < 1 else "scaled up"
            return f"{peak}: {scaled} to {FULL_SCALE:g} ({20 * math.log10(self.gain):+.1f} dB)"
        return f"{peak}: kept above full scale" if self.peak > 1 + 1e-9 else f"{peak}: not scaled"


def write_sound(
    path: Path | str, result: Rendered, sample_rate: int, encoding: Encoding, peak: Peak = "fit"
) -> Loudness:
    """Write a rendered sound, whole or not at all, and return what was done about its peak.

    Args:
        path: the file.
        result: the sound.
        sample_rate: in Hz.
        encoding: that of :func:`encoding_for`.
        peak: ``"fit"`` scales the sound down if it exceeds full scale, ``"normalize"`` always scales its peak to full
            scale, ``"clip"`` clips samples that exceed full scale, ``"keep"`` changes nothing.

    Raises:
        UsageError: the format does not support such a sound.
        ResourceError: the disk is full.
    """
    import soundfile

    bytes_needed = result.frames * result.channels * BYTES.get(encoding.subtype, 0)
    if encoding.format == "WAV" and bytes_needed > 2**32 - 2**16:
        raise UsageError(
            f"{path} would take {bytes_needed / 1e9:.1f} GB, and a WAV file holds at most 4; write a .flac"
        )
    overflows = result.peak > 1 + 1e-9  # more than the rounding of a transform
    gain = 1.0
    if result.peak > 0 and (peak == "normalize" or (peak == "fit" and overflows)):
        gain = FULL_SCALE / result.peak
    clipped = 0
    with atomic_path(path) as temporary:
        try:
            file = soundfile.SoundFile(
                temporary, "w", sample_rate, result.channels, subtype=encoding.subtype, format=encoding.format
            )
        except soundfile.LibsndfileError as error:
            raise UsageError(
                f"{encoding.format} does not support {result.channels} channels at {sample_rate} Hz "
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


def echo_at_the_loudest(sound: Sound, result: Rendered, delay: float) -> tuple[float, float, float, float]:
    """Return numbers that show an echo: of the first channel at the loudest instant t0 and at t0 + delay.

    Returns:
        t0 in seconds, f(t0), f(t0 + delay) of the sound (0 after its end), and F(t0 + delay) of the result.
    """
    before, loudest, at = 0, 0.0, 0
    for block in sound.blocks():
        place = int(np.abs(block[:, 0]).argmax())
        if abs(block[place, 0]) > abs(loudest):
            loudest, at = float(block[place, 0]), before + place
        before += len(block)
    later = at + round(delay * sound.sample_rate)
    return at / sound.sample_rate, loudest, _sample(sound.blocks(), later), _sample(result.blocks(), later)


def _sample(blocks: Iterable[Array], index: int) -> float:
    """The sample of the first channel at ``index``; 0 after the end."""
    before = 0
    for block in blocks:
        if index < before + len(block):
            return float(block[index - before, 0])
        before += len(block)
    return 0.0


def save_samples(path: Path | str, result: Rendered) -> Path:
    """Write a rendered sound as a .npy file, float64, shape (n, C), without any scaling."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        shape = (result.frames, result.channels)
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        result.file.seek(0)
        shutil.copyfileobj(result.file, file, 2**20)
    return Path(path)
