"""Sound files in."""

import math
import os

import numpy as np
import pytest
import soundfile

from decanet.convolution.impulse_responses import Echo
from decanet.convolution.sounds import open_sound, read_impulse
from decanet.core.errors import DataError
from tests.convolution._sounds import send


def test_an_impulse_response_is_read(tmp_path):
    soundfile.write(tmp_path / "room.wav", np.array([[1.0, 0.5], [0.25, 0.0]]), 16000, subtype="DOUBLE")
    room = read_impulse(tmp_path / "room.wav")
    assert room.sample_rate == 16000
    np.testing.assert_array_equal(room.samples, [[1.0, 0.5], [0.25, 0.0]])


def test_unreadable_files_are_one_line(tmp_path):
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "bare.raw").write_bytes(b"1234")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    for name, message in (
        ("none.wav", "does not exist"),
        (".", "is a folder"),
        ("text.wav", "not a readable sound file"),
        ("bare.raw", "not a readable sound file"),
        ("empty.wav", "no samples"),
    ):
        for read in (open_sound, read_impulse):
            with pytest.raises(DataError, match=message) as caught:
                read(tmp_path / name)
            assert "\n" not in caught.value.line


def test_nan_is_reported_with_its_time_and_nothing_is_written(tmp_path):
    samples = np.zeros((200_000, 2), dtype=np.float32)
    samples[150_000, 1] = math.nan
    soundfile.write(tmp_path / "a.wav", samples, 1000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"first at 150\.000 s"):
        send(tmp_path / "a.wav", tmp_path / "b.wav", Echo(()))
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(
    ("samples", "message"),
    [(np.full(9, np.nan), "NaN"), (np.zeros(9), "silent"), (np.ones(2**21 + 1), "too long")],
)
def test_bad_impulse_responses_are_refused(tmp_path, samples, message):
    soundfile.write(tmp_path / "room.wav", samples, 8000, subtype="FLOAT")
    with pytest.raises(DataError, match=message):
        read_impulse(tmp_path / "room.wav")


def test_pipes_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(DataError, match="is a pipe or a device"):
        open_sound(tmp_path / "a.wav")
