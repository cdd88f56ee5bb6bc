"""Finished sounds, and the files that they are written to."""

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

FULL_SCALE = 0.999  # what "fit" and "normalize" bring the loudest sample to

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}
BYTES = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}

Peak = Literal["fit", "normalize", "clip", "keep"]


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
                    raise DataError(
                        "the result exceeds the range of floating-point numbers; use weaker echoes"
                    )
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
        clipped_samples: how many samples were clipped to full scale.
    """

    peak: float
    gain: float
    clipped_samples: int

    def __str__(self) -> str:
        peak = peak_in_words(self.peak)
        if self.clipped_samples:
            return f"{peak}: {self.clipped_samples} samples were clipped to full scale"
        if self.gain != 1:
            turned = "turned down" if self.gain < 1 else "turned up"
            return f"{peak}: {turned} to {FULL_SCALE:g} ({20 * math.log10(self.gain):+.1f} dB)"
        return f"{peak}: kept above full scale" if self.peak > 1 + 1e-9 else f"{peak}: left as it is"


def write_sound(
    path: Path | str, result: Rendered, sample_rate: int, encoding: Encoding, peak: Peak = "fit"
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
                temporary, "w", sample_rate, result.channels, subtype=encoding.subtype, format=encoding.format
            )
        except soundfile.LibsndfileError as error:
            raise UsageError(
                f"{encoding.format} does not take {result.channels} channels at {sample_rate} Hz "
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


def save_samples(path: Path | str, result: Rendered) -> Path:
    """Write a finished sound as a NumPy file, float64, shape (n, C), before any change of loudness."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        shape = (result.frames, result.channels)
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        result.file.seek(0)
        shutil.copyfileobj(result.file, file, 2**20)
    return Path(path)
