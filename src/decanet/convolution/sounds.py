"""Sounds on disk or in memory, read block by block.

Blocks are arrays of shape (B, C): B instants of C channels, float64, full scale at 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decanet.convolution._sound_files import (
    claimed_bytes,
    missing_length,
    opened,
    promised_frames,
    read_block,
)
from decanet.convolution.impulse_responses import LONGEST_RESPONSE, Array, SampledKernel
from decanet.core.errors import DataError

BLOCK = 2**16  # frames of a block, by default


@dataclass(frozen=True, eq=False)
class Sound:
    """Sound on disk or in memory, read block by block.

    Attributes:
        name: its name in messages.
        sample_rate: in Hz.
        channels: C.
        subtype: format of its samples as libsndfile names it, for instance ``"PCM_24"``.
        source: its file, or its samples, shape (n, C).
        note: how an incomplete file was read; "" for a complete one.
    """

    name: str
    sample_rate: int
    channels: int
    subtype: str
    source: Path | Array
    note: str = ""

    def blocks(self, frames: int = BLOCK) -> Iterator[Array]:
        """Yield blocks of at most ``frames`` instants.

        Raises:
            DataError: the file is damaged, ends early, or holds NaN or infinite samples.
        """
        start = 0
        for block in self._blocks(frames):
            if not np.isfinite(block).all():
                where = start + int(np.argmin(np.isfinite(block).all(axis=1)))
                raise DataError(
                    f"{self.name} holds NaN or infinite samples, the first at {where / self.sample_rate:.3f} s; "
                    "export it again"
                )
            yield block
            start += len(block)
        if start == 0:
            raise DataError(f"{self.name} holds no samples; give a longer sound")

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
                    f"{self.source} is damaged: it ends after {got / self.sample_rate:.2f} s of "
                    f"{promised / self.sample_rate:.2f} s; fetch or export it again"
                )


def open_sound(path: Path | str) -> Sound:
    """Open a sound file of any format that libsndfile reads: WAV, FLAC, OGG and others.

    Raises:
        DataError: the file does not exist, cannot be read, or holds no samples.
    """
    path = Path(path)
    with opened(path) as file:
        if file.frames == 0:
            raise DataError(f"{path} holds no samples; give a longer sound")
        note = ""
        if missing_length(path) or (claimed_bytes(file, "data") and promised_frames(file) == file.frames):
            seconds = file.frames / file.samplerate
            note = f"its header lacks its length, as after an interrupted recording: read {seconds:.2f} s"
        return Sound(path.name, file.samplerate, file.channels, file.subtype, path, note)


def read_impulse(path: Path | str) -> SampledKernel:
    """Read a recorded impulse response, for instance that of a clap or a balloon in a room.

    Raises:
        DataError: the file cannot be read, is truncated, empty, silent, not finite, or longer than
            ``LONGEST_RESPONSE``.
    """
    sound = open_sound(path)
    with opened(Path(path)) as file:
        if LONGEST_RESPONSE < file.frames < 2**62:
            raise DataError(
                f"{path} lasts {file.frames / sound.sample_rate:.0f} s, too long for a kernel; "
                f"cut it to {LONGEST_RESPONSE / sound.sample_rate:.0f} s"
            )
    return SampledKernel(np.concatenate(list(sound.blocks())), sound.sample_rate, name=str(path))
