"""Sound files out: depth, loudness, and a write that fails."""

import io

import numpy as np
import pytest
import soundfile

from decanet.convolution import sound_output
from decanet.convolution.impulse_responses import Echo
from decanet.convolution.sound_convolution import convolve_sound
from decanet.convolution.sound_output import (
    FULL_SCALE,
    Encoding,
    Rendered,
    echo_at_the_loudest,
    encoding_for,
    rendered,
    save_samples,
    write_sound,
)
from decanet.convolution.sounds import Sound
from decanet.core.errors import DataError, ResourceError, UsageError
from tests.convolution._sounds import convolved, send, sound_of


@pytest.mark.parametrize(
    ("ending", "subtype", "channels", "rate"),
    [
        (".wav", "PCM_U8", 1, 8000),
        (".wav", "PCM_16", 2, 44100),
        (".wav", "PCM_24", 6, 96000),
        (".wav", "PCM_32", 1, 11025),
        (".wav", "FLOAT", 2, 48000),
        (".wav", "DOUBLE", 1, 22050),
        (".flac", "PCM_16", 1, 44100),
        (".flac", "PCM_24", 2, 192000),
    ],
)
def test_the_unit_impulse_keeps_every_sample(tmp_path, rng, ending, subtype, channels, rate):
    first, second = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    soundfile.write(first, rng.uniform(-1, 1, (70_000, channels)), rate, subtype=subtype)
    loudness = send(first, second, Echo(()))
    assert (loudness.gain, loudness.clipped_samples) == (1.0, 0)
    info = soundfile.info(second)
    assert (info.subtype, info.channels, info.samplerate, info.frames) == (subtype, channels, rate, 70_000)
    before, after = (soundfile.read(path, dtype="float64")[0] for path in (first, second))
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-12)


def test_ogg_files_are_read_and_written(tmp_path):
    first, second = tmp_path / "a.ogg", tmp_path / "b.ogg"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    soundfile.write(first, tone, 44100)
    send(first, second, Echo(((0.25, 0.5),)))
    result, rate = soundfile.read(second)
    assert rate == 44100
    assert len(result) == 44100 + 11025
    spectrum = np.abs(np.fft.rfft(result))
    assert np.argmax(spectrum) * rate / len(result) == pytest.approx(440, abs=1)


def test_an_echo_in_a_file_has_its_delay_and_strength(tmp_path):
    first, second = tmp_path / "clap.wav", tmp_path / "echo.wav"
    clap = np.zeros((1000, 2))
    clap[100] = 0.5, -0.25
    soundfile.write(first, clap, 1000, subtype="PCM_24")
    send(first, second, Echo(((0.3, 0.5), (0.65, 0.25))))
    result, _ = soundfile.read(second)
    assert len(result) == 1650
    np.testing.assert_allclose(
        result[[100, 400, 750]], [[0.5, -0.25], [0.25, -0.125], [0.125, -0.0625]], atol=2**-22
    )
    assert np.count_nonzero(np.abs(result) > 2**-22) == 6


@pytest.mark.parametrize(
    ("peak", "highest", "gain", "clipped"),
    [
        ("fit", FULL_SCALE, FULL_SCALE / 1.6, 0),
        ("normalize", FULL_SCALE, FULL_SCALE / 1.6, 0),
        ("clip", 1.0, 1.0, 100),
    ],
)
def test_peak_decides_what_happens_to_an_overflow(tmp_path, peak, highest, gain, clipped):
    first, second = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(first, np.full(200, 0.8), 1000, subtype="PCM_24")
    loudness = send(first, second, Echo(((0.1, 1.0),)), peak=peak)
    assert loudness.peak == pytest.approx(1.6, abs=1e-6)
    assert loudness.gain == pytest.approx(gain, rel=1e-6)
    assert loudness.clipped_samples == clipped
    result, _ = soundfile.read(second)
    assert result.max() == pytest.approx(highest, abs=1e-6)
    assert ("clipped" in str(loudness)) == (peak == "clip")
    assert ("scaled down" in str(loudness)) == (peak != "clip")


def test_normalize_scales_up_and_fit_does_not(tmp_path):
    first, second = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(first, np.full(200, 0.25), 1000, subtype="PCM_24")
    assert "not scaled" in str(send(first, second, Echo(())))
    assert soundfile.read(second)[0].max() == pytest.approx(0.25)
    assert "scaled up" in str(send(first, second, Echo(()), peak="normalize"))
    assert soundfile.read(second)[0].max() == pytest.approx(FULL_SCALE, abs=1e-6)


def test_keep_writes_samples_above_full_scale_as_floats(tmp_path):
    first, second = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(first, np.full(200, 0.75), 1000, subtype="PCM_16")
    loudness = send(first, second, Echo(((0.1, 1.0),)), peak="keep")
    assert "kept above full scale" in str(loudness)
    assert soundfile.info(second).subtype == "FLOAT"
    assert soundfile.read(second)[0].max() == pytest.approx(1.5)


def test_silence_stays_silent(tmp_path):
    first, second = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(first, np.zeros(100), 1000)
    assert send(first, second, Echo(()), peak="normalize").gain == 1.0
    assert not soundfile.read(second)[0].any()


@pytest.mark.parametrize(
    ("name", "subtype", "peak", "expected"),
    [
        ("x.wav", "PCM_24", "fit", Encoding("WAV", "PCM_24")),
        ("x.WAV", "VORBIS", "fit", Encoding("WAV", "PCM_16")),
        ("x.wav", "PCM_S8", "fit", Encoding("WAV", "PCM_U8")),
        ("x.wav", "DOUBLE", "keep", Encoding("WAV", "DOUBLE")),
        ("x.flac", "FLOAT", "fit", Encoding("FLAC", "PCM_24")),
        ("x.flac", "PCM_U8", "fit", Encoding("FLAC", "PCM_S8")),
        ("x.flac", "PCM_16", "clip", Encoding("FLAC", "PCM_16")),
        ("x.ogg", "PCM_24", "fit", Encoding("OGG", "VORBIS")),
    ],
)
def test_the_bit_depth_is_kept_where_the_format_supports_it(name, subtype, peak, expected):
    assert encoding_for(name, sound_of(np.ones(9), subtype=subtype), peak) == expected


@pytest.mark.parametrize(
    ("name", "peak", "message"),
    [
        ("x.mp4", "fit", "end its name"),
        ("x.flac", "keep", "write a .wav"),
        ("x.wav", "loud", "must be one of"),
    ],
)
def test_impossible_encodings_are_refused(name, peak, message):
    with pytest.raises(UsageError, match=message):
        encoding_for(name, sound_of(np.ones(9)), peak)


def test_the_raw_array_is_the_result_before_any_change_of_loudness(tmp_path, rng):
    sound = sound_of(rng.uniform(-1, 1, (70_000, 2)))
    with rendered(convolve_sound(sound, [Echo(((0.5, 1.0),))])) as result:
        write_sound(tmp_path / "a.wav", result, 8000, Encoding("WAV", "PCM_16"))
        save_samples(tmp_path / "a.npy", result)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), convolved(sound, Echo(((0.5, 1.0),))))


def test_numbers_beyond_floating_point_are_refused():
    with (
        pytest.raises(DataError, match="exceeds the range"),
        rendered(convolve_sound(sound_of(np.ones(9)), [Echo(((0.0, 1.7e308),)), Echo(((0.0, 1.7e308),))])),
    ):
        pass


def test_more_than_wav_can_hold_is_refused_before_writing(tmp_path):
    huge = Rendered(io.BytesIO(), frames=2**31, channels=2, peak=0.5)
    with pytest.raises(UsageError, match=r"write a \.flac"):
        write_sound(tmp_path / "a.wav", huge, 48000, Encoding("WAV", "PCM_16"))
    assert not list(tmp_path.iterdir())


def test_more_channels_than_the_format_supports_are_refused(tmp_path):
    with (
        rendered([np.zeros((10, 9))]) as result,
        pytest.raises(UsageError, match="does not support 9 channels"),
    ):
        write_sound(tmp_path / "a.flac", result, 8000, Encoding("FLAC", "PCM_16"))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_reported(monkeypatch):
    class Full(io.BytesIO):
        def write(self, _data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sound_output.tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(ResourceError, match="TMPDIR"), rendered([np.ones((4, 1))]):
        pass


def test_an_echo_is_shown_with_numbers_at_the_loudest_instant():
    samples = np.zeros((100, 1))
    samples[20], samples[50] = -0.8, 0.3
    sound = Sound("a sound", 100, 1, "PCM_16", samples)
    with rendered(convolve_sound(sound, [Echo(((0.3, 0.5),))])) as result:
        at, now, later, heard = echo_at_the_loudest(sound, result, 0.3)
    assert (at, now, later) == (0.2, -0.8, 0.3)
    assert heard == pytest.approx(0.3 + 0.5 * -0.8)
