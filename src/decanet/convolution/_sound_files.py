"""Sound files, read forwards by libsndfile, and the missing lengths of interrupted recordings."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from decanet.convolution.impulse_responses import Array
from decanet.core.errors import DataError

UNKNOWN_BYTES = (
    0x7FFFF000  # programs that write WAV to a pipe put this length or a larger one into its header
)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield a ``soundfile.SoundFile`` to be read forwards. Raises DataError for what is no sound file."""
    import soundfile

    for is_so, what in (
        (not path.exists(), "does not exist"),
        (path.is_dir(), "is a folder"),
        (not path.is_file(), "is a pipe or a device"),  # opening a pipe would wait for a writer
    ):
        if is_so:
            raise DataError(f"{path} {what}; give a sound file (WAV, FLAC or OGG)")
    try:
        missing = missing_length(path)
        file = soundfile.SoundFile(_Mended(path, *missing) if missing else path)
    except (soundfile.LibsndfileError, TypeError, PermissionError) as error:  # TypeError: .raw has no header
        reason = getattr(error, "error_string", "") or str(error)
        if path.stat().st_size == 0:
            reason = "it is empty"
        elif "pipe" in reason:  # the message of libsndfile for an MP3 without any frame
            reason = "it contains no sound"
        raise DataError(
            f"{path} is not a readable sound file ({reason.strip(' .')}); give WAV, FLAC or OGG"
        ) from error
    # soundfile seeks to the current position after each block, which fails for a FLAC without its length.
    file.seekable = lambda: False
    with file:
        yield file


def missing_length(path: Path) -> tuple[int, bytes] | None:
    """Return (position, bytes) of the length that a WAV or RF64 file lacks, or None for a complete file.

    An interrupted recorder leaves such a file: the length is written last, so that its header states 0 bytes of samples
    though some follow.
    """
    with path.open("rb") as file:
        head, size = file.read(12), path.stat().st_size
        if head[:4] not in (b"RIFF", b"RIFX", b"RF64") or head[8:] != b"WAVE":
            return None
        order: Literal["little", "big"] = "big" if head[:4] == b"RIFX" else "little"
        length_at, claimed = None, 0
        while len(chunk := file.read(8)) == 8 and _is_name(chunk[:4]):
            start, length = file.tell(), int.from_bytes(chunk[4:], order)
            if chunk[:4] == b"ds64":  # lengths beyond 4 GB: of the file, then of its samples
                length_at, claimed = start + 8, int.from_bytes(file.read(16)[8:], order)
            if chunk[:4] == b"data":
                if (claimed if length_at else length) or _is_chunk(file.read(8), size - start - 8, order):
                    return None
                if length_at:
                    return length_at, (size - start).to_bytes(8, order)
                return start - 4, b"\xff" * 4  # means "unknown": libsndfile then reads to the end
            file.seek(start + length + length % 2)
    return None


def _is_chunk(head: bytes, rest: int, order: Literal["little", "big"]) -> bool:
    """Whether ``head`` is empty or the start of a further chunk, and not of samples."""
    return not head or (_is_name(head[:4]) and int.from_bytes(head[4:], order) <= rest)


def _is_name(name: bytes) -> bool:
    return name.isascii() and name.decode().isprintable()


class _Mended(io.FileIO):
    """File with the bytes at one position replaced."""

    def __init__(self, path: Path, position: int, instead: bytes) -> None:
        super().__init__(path)
        self.position, self.instead = position, instead

    def readinto(self, buffer: Any) -> int:
        """Read like any file, with the bytes replaced."""
        before = self.tell() - self.position
        count = super().readinto(buffer) or 0
        for index, byte in enumerate(self.instead):
            if 0 <= index - before < count:
                buffer[index - before : index - before + 1] = bytes([byte])
        return count


def promised_frames(file: Any) -> int:
    """Return the number of frames that the header states, 0 where it states none.

    libsndfile notes only in its log that it has shortened a truncated WAV. Where the header overstates the length of
    both the file and its samples, the file was complete once; where it overstates one of them, it was never finished.
    """
    if file.subtype.startswith("MPEG") or file.frames >= 2**62:
        return 0  # an estimate; and a FLAC that was written to a pipe
    samples = claimed_bytes(file, "data")
    if samples and claimed_bytes(file, "RIF[FX]") and 0 < samples[1] < samples[0] < UNKNOWN_BYTES:
        return file.frames * samples[0] // samples[1]
    return file.frames


def claimed_bytes(file: Any, chunk: str) -> tuple[int, int] | None:
    """Return (stated, present) bytes of a chunk where libsndfile found them to differ."""
    found = re.search(rf"^{chunk} : (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else None


def read_block(file: Any, frames: int, path: Path) -> Array:
    """Return the next ``frames`` instants, or the rest: (B, C), float64. Raises DataError for damaged parts."""
    import soundfile

    try:
        return file.read(frames, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip(" .")
        raise DataError(f"{path} is damaged ({reason}); fetch or export it again") from error
