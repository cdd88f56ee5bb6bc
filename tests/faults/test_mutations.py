"""1,000 images and sounds with flipped, missing and repeated bytes: read, or refused in one line, and never slow."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from decanet.convolution.sounds import open_sound
from decanet.core.errors import DecanetError
from decanet.data.image_io import read_gray, read_rgb
from tests.faults.conftest import Tally

pytestmark = pytest.mark.slow(reason="1,000 files are written and read")

SECONDS = 20  # for one file: finds a hang, and tolerates a slow decoder on a busy machine
IMAGE_FORMATS = {
    "png": "PNG", "jpg": "JPEG", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "webp": "WEBP", "ppm": "PPM", "tga": "TGA",
    "jp2": "JPEG2000", "ico": "ICO", "avif": "AVIF", "dds": "DDS",
}  # fmt: skip
SOUND_FORMATS = {
    "wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"), "aiff": ("AIFF", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"), "au": ("AU", "PCM_16"),
}  # fmt: skip


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """``data`` with one to four faults, more of them in the first bytes, where headers are."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        place = int(len(changed) * rng.random() ** 3)
        kind = rng.integers(5)
        if kind == 0:
            changed[place : place + 1] = bytes(
                [changed[place] ^ (1 << int(rng.integers(8)))] if changed else []
            )
        elif kind == 1:  # wrong numbers: huge, zero, negative
            changed[place : place + 4] = bytes(rng.choice([0, 127, 255]) for _ in range(4))
        elif kind == 2:
            del changed[place : place + int(rng.integers(1, 64))]
        elif kind == 3:
            changed[place:place] = changed[place : place + int(rng.integers(1, 64))]
        else:
            del changed[max(1, int(len(changed) * rng.random())) :]
        if not changed:
            changed = bytearray(b"\0")
    return bytes(changed)


@pytest.fixture
def alarm() -> Iterator[Any]:
    def too_slow(*_: Any) -> None:
        raise TimeoutError(f"a file took more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_slow)
    yield signal.alarm
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def read(path: Path, readers: list[Any], alarm: Any) -> str:
    refusals = []
    for reader in readers:
        alarm(SECONDS)
        try:
            reader(path)
        except DecanetError as error:
            refusals.append(error.line)
        alarm(0)
    assert all("\n" not in line and len(line) < 600 for line in refusals), refusals
    return "refused in one line" if refusals else "read"


def test_images(tmp_path: Path, tally: Tally, alarm: Any) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (24, 36, 4), np.uint8)
    wholes = []
    for ending, name in IMAGE_FORMATS.items():
        for mode in ("RGB", "L", "RGBA", "P", "I;16"):
            image = Image.fromarray(noise[..., :3]).convert("RGB")
            image = (
                Image.fromarray(noise).convert(mode) if mode != "I;16" else Image.new(mode, (36, 24), 40000)
            )
            stream = io.BytesIO()
            try:
                image.save(stream, name)
            except (OSError, ValueError, KeyError, RuntimeError):  # a format without this mode
                continue
            wholes.append((ending, stream.getvalue()))
    assert len(wholes) > 25
    for index in range(700):
        ending, whole = wholes[index % len(wholes)]
        path = tmp_path / f"{index}.{ending}"
        path.write_bytes(mutated(whole, rng))
        tally("mutated image", read(path, [read_rgb, read_gray], alarm))
        path.unlink()
    assert tally.total("mutated image") == 700
    assert tally.counts["mutated image"]["read"] > 50, "else the mutations are too coarse to prove much"


def test_sounds(tmp_path: Path, tally: Tally, alarm: Any) -> None:
    rng = np.random.default_rng(1)
    samples = rng.uniform(-0.5, 0.5, (4000, 2))
    wholes = []
    for ending, (name, subtype) in SOUND_FORMATS.items():
        stream = io.BytesIO()
        soundfile.write(stream, samples, 16000, format=name, subtype=subtype)
        wholes.append((ending, stream.getvalue()))

    def whole(path: Path) -> None:
        for block in open_sound(path).blocks():
            assert np.isfinite(block).all()

    for index in range(300):
        ending, data = wholes[index % len(wholes)]
        path = tmp_path / f"{index}.{ending}"
        path.write_bytes(mutated(data, rng))
        tally("mutated sound", read(path, [whole], alarm))
        path.unlink()
    assert tally.total("mutated sound") == 300
    assert tally.counts["mutated sound"]["read"] > 20
