"""Damaged and unfinished sound files."""

import contextlib

import numpy as np
import pytest
import soundfile

from decanet.convolution.impulse_responses import Echo
from decanet.convolution.sounds import open_sound, read_impulse
from decanet.core.errors import DataError
from tests.convolution._sounds import send


@pytest.mark.parametrize("ending", ["flac", "wav"])
def test_a_truncated_file_is_refused(tmp_path, rng, ending):
    whole, half = tmp_path / f"a.{ending}", tmp_path / f"half.{ending}"
    soundfile.write(whole, rng.uniform(-1, 1, 100_000), 8000)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(DataError, match="damaged"):
        send(half, tmp_path / "b.flac", Echo(()))
    with pytest.raises(DataError, match="damaged"):
        read_impulse(half)
    assert not (tmp_path / "b.flac").exists()


@pytest.mark.parametrize("claimed", [0, 3_000, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("whole", [0, 36, None, 0xFFFFFFFF])
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
def test_an_unfinished_wav_is_read_to_its_end(tmp_path, rng, claimed, whole, order):
    """An interrupted recorder leaves lengths of zero; a program that writes to a pipe states the largest number."""
    path, samples = tmp_path / "broken-off.wav", rng.uniform(-1, 1, 1000)
    soundfile.write(path, samples, 8000, subtype="PCM_16", endian=order)
    expected = soundfile.read(path)[0]
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = claimed.to_bytes(4, order.lower())
    if whole is not None:
        content[4:8] = whole.to_bytes(4, order.lower())
    path.write_bytes(content)
    sound = open_sound(path)
    np.testing.assert_array_equal(np.concatenate(list(sound.blocks(300)))[:, 0], expected)
    assert "read 0.12 s" in sound.note
    assert len(read_impulse(path).samples) == 1000


def test_an_unfinished_rf64_is_read_to_its_end(tmp_path, rng):
    path = tmp_path / "broken-off.rf64"
    soundfile.write(path, rng.uniform(-1, 1, (1000, 2)), 8000, format="RF64", subtype="PCM_24")
    expected = soundfile.read(path)[0]
    content = bytearray(path.read_bytes())
    place = content.index(b"ds64") + 8
    content[place : place + 24] = bytes(24)
    path.write_bytes(content)
    sound = open_sound(path)
    np.testing.assert_array_equal(np.concatenate(list(sound.blocks(300))), expected)
    assert "read 0.12 s" in sound.note


def test_a_complete_wav_has_no_note_and_an_empty_one_is_refused(tmp_path, rng):
    soundfile.write(tmp_path / "a.wav", rng.uniform(-1, 1, 1000), 8000)
    assert open_sound(tmp_path / "a.wav").note == ""
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    with (tmp_path / "empty.wav").open("ab") as file:
        file.write(b"LIST\4\0\0\0INFO")
    with pytest.raises(DataError, match="no samples"):
        open_sound(tmp_path / "empty.wav")


def test_a_flac_without_its_length_is_read_to_its_end(tmp_path, rng):
    path = tmp_path / "piped.flac"
    soundfile.write(path, rng.uniform(-1, 1, 10_000), 8000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # 36 bits of STREAMINFO, RFC 9639, section 8.2
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert sum(map(len, open_sound(path).blocks(3000))) == 10_000
    assert len(read_impulse(path).samples) == 10_000
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="damaged"):
        list(open_sound(path).blocks())


@pytest.mark.parametrize("tag", [b"", b"TAG" + bytes(125)])
def test_the_length_of_an_mp3_is_that_of_its_frames(tmp_path, rng, tag):
    """The first frame states how many follow, which is wrong in a truncated file."""
    path = tmp_path / "a.mp3"
    soundfile.write(path, rng.uniform(-0.5, 0.5, 20_000), 8000, format="MP3")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3] + tag)
    assert 10_000 < sum(map(len, open_sound(path).blocks())) < 15_000


@pytest.mark.parametrize("ending", ["mp3", "wav", "flac", "ogg"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"ID3\3\0\0\0\0\0\x0a" + bytes(10), "not a readable sound file"),
        (b"hello" * 100, "not a readable sound file"),
    ],
)
def test_unreadable_files_have_a_readable_message(tmp_path, ending, content, message):
    (tmp_path / f"odd.{ending}").write_bytes(content)
    with pytest.raises(DataError, match=message) as refused:
        open_sound(tmp_path / f"odd.{ending}")
    assert "pipe" not in refused.value.line
    assert "psf" not in refused.value.line


def test_damaged_bytes_never_end_in_a_traceback(tmp_path):
    random = np.random.default_rng(1)
    for name, options in {"a.wav": {}, "a.flac": {}, "a.ogg": {}, "a.aiff": {}, "a.mp3": {}}.items():
        soundfile.write(tmp_path / name, random.uniform(-0.5, 0.5, (2000, 2)), 8000, **options)
        whole = (tmp_path / name).read_bytes()
        for _ in range(30):
            damaged = bytearray(whole)
            for place in random.integers(0, len(whole), 4):
                damaged[place] = random.integers(256)
            for place in random.integers(0, 60, 2):
                damaged[place] = random.integers(256)
            (tmp_path / f"damaged-{name}").write_bytes(damaged)
            with contextlib.suppress(DataError):
                for block in open_sound(tmp_path / f"damaged-{name}").blocks():
                    assert np.isfinite(block).all()
