"""Sound files in and out, overlap-add against scipy, and what must not happen to a listener's files."""

import contextlib
import io
import math
import os
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import oaconvolve

from decanet.convolution import sounds
from decanet.convolution._law_figures import draw_laws
from decanet.convolution._signal_figures import (
    PERIOD_SECONDS,
    animate_sliding,
    draw_echo,
    draw_sound,
    waveform,
)
from decanet.convolution.signals import (
    Echo,
    ExponentialDecay,
    SampledKernel,
    convolve_recursion,
    sine_closed_form,
    tutorial_times,
)
from decanet.convolution.sounds import (
    FULL_SCALE,
    Encoding,
    Rendered,
    Reverb,
    Sound,
    combined_response,
    convolve_sound,
    decaying,
    default_sound,
    encoding_for,
    open_sound,
    overlap_add,
    read_impulse,
    rendered,
    save_array,
    spoken_chirp,
    write_sound,
)
from decanet.core.errors import DataError, ResourceError, UsageError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def sound_of(samples, rate=8000, subtype="PCM_16"):
    samples = np.asarray(samples, dtype=np.float64).reshape(len(samples), -1 if len(samples) else 1)
    return Sound("a sound", rate, samples.shape[1], subtype, samples)


def convolved(sound, *kernels):
    return np.concatenate(list(convolve_sound(sound, kernels)))


def send(path, out, *kernels, peak="fit"):
    sound = open_sound(path)
    encoding = encoding_for(out, sound, peak)
    with rendered(convolve_sound(sound, kernels)) as result:
        return write_sound(out, result, sound.rate, encoding, peak)


# --------------------------------------------------------------------------------------- convolution


@given(
    lengths=st.lists(st.integers(0, 300), min_size=1, max_size=5),
    taps=st.integers(1, 400),
    channels=st.integers(1, 3),
    shared=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_overlap_add_does_not_see_how_the_sound_was_cut(lengths, taps, channels, shared, seed):
    rng = np.random.default_rng(seed)
    blocks = [rng.standard_normal((length, channels)) for length in lengths if length] or [
        np.ones((1, channels))
    ]
    response = rng.standard_normal((taps, 1 if shared else channels))
    together = np.concatenate(list(overlap_add(blocks, response)))
    whole = np.concatenate(blocks)
    for channel in range(channels):
        expected = np.convolve(whole[:, channel], response[:, 0 if shared else channel])
        np.testing.assert_allclose(together[:, channel], expected, atol=1e-11)


def test_overlap_add_equals_scipy_over_several_transforms(rng):
    sound, response = rng.standard_normal((200_000, 2)), rng.standard_normal((30_000, 2))
    together = np.concatenate(list(overlap_add([sound], response)))
    np.testing.assert_allclose(together, oaconvolve(sound, response, axes=0), atol=1e-9)


def test_a_mono_voice_in_a_stereo_room_is_stereo(rng):
    voice, room = rng.standard_normal(500), rng.standard_normal((40, 2))
    result = convolved(sound_of(voice), SampledKernel(room, 8000))
    assert result.shape == (539, 2)
    np.testing.assert_allclose(result[:, 1], np.convolve(voice, room[:, 1]), atol=1e-12)


def test_memory_does_not_grow_with_the_sound():
    def peak_of(count):
        blocks = (np.ones((65536, 2)) for _ in range(count))
        tracemalloc.start()
        for _ in overlap_add(blocks, np.ones((1000, 1))):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_of(1)  # the first run also imports
    assert peak_of(24) < 1.2 * peak_of(6)


def test_decay_is_the_exact_recursion_of_the_straight_lines_between_samples(rng):
    rate, alpha = 100, 7.0
    samples = np.concatenate([[0.0], rng.standard_normal(99)])
    times = np.arange(100) / rate
    exact = convolve_recursion(lambda t: np.interp(t, times, samples), [ExponentialDecay(alpha)], times)[0]
    np.testing.assert_allclose(
        convolved(sound_of(samples, rate), ExponentialDecay(alpha))[:100, 0], exact, atol=1e-12
    )


def test_decay_goes_on_until_it_is_60_db_down(rng):
    samples = rng.standard_normal((1000, 2))
    for blocks in ([samples], [samples[:1], samples[1:700], samples[700:]]):
        result = np.concatenate(list(decaying(blocks, ExponentialDecay(20.0), 1000)))
        assert len(result) == 1000 + round(math.log(1000) / 20 * 1000)
        # From the first instant of silence on, nothing but the decay.
        np.testing.assert_allclose(result[-1] / result[1000], np.exp(-20.0 * (len(result) - 1001) / 1000))
        assert np.abs(result[-1] / result[1000]).max() == pytest.approx(1e-3, rel=0.05)


def test_the_order_of_effects_does_not_matter(rng):
    sound = sound_of(rng.standard_normal(3000), 1000)
    echo, decay, room = (
        Echo(((0.1, 0.5),)),
        ExponentialDecay(30.0),
        SampledKernel(rng.standard_normal(50), 1000),
    )
    one = convolved(sound, echo, decay, room)
    np.testing.assert_allclose(one, convolved(sound, room, echo, decay), atol=1e-10)
    stages = sound
    for kernel in (echo, room, decay):
        stages = sound_of(convolved(stages, kernel), 1000)
    # Until the sound ends: then the decay, if it came first, is cut off 60 dB down before it echoes.
    np.testing.assert_allclose(one[:3000], stages.source[:3000], atol=1e-10)


def test_combined_response_is_the_convolution_of_the_parts():
    parts = [Echo(((0.2, 0.5),)), SampledKernel(np.array([[1.0, 2.0], [3.0, 4.0]]), 10)]
    expected = np.array([[1, 2], [3, 4], [0.5, 1], [1.5, 2]])
    np.testing.assert_allclose(combined_response(parts, 10), expected, atol=1e-15)


def test_reverb_falls_by_60_db_in_its_time_and_equals_the_direct_sound():
    response = Reverb(1.5, seed=3, channels=2).impulse_response(8000)
    np.testing.assert_array_equal(response[0], 1.0)
    np.testing.assert_allclose((response[1:] ** 2).sum(axis=0), 1.0)
    loudness = 10 * np.log10((response[1:, 0].reshape(60, -1) ** 2).mean(axis=1))
    slope = np.polyfit((np.arange(60) + 0.5) * 1.5 / 60, loudness, 1)[0]
    assert slope * 1.5 == pytest.approx(-60.0, abs=2.0)
    assert abs(np.corrcoef(response[1:].T)[0, 1]) < 0.1


def test_reverb_is_a_function_of_its_seed():
    first = Reverb(0.1, seed=1).impulse_response(8000)
    np.testing.assert_array_equal(first, Reverb(0.1, seed=1).impulse_response(8000))
    assert not np.array_equal(first, Reverb(0.1, seed=2).impulse_response(8000))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Reverb(0.0), UsageError, "positive"),
        (lambda: Reverb(math.nan), UsageError, "positive"),
        (lambda: Reverb(1.0, seed=-1), UsageError, "seed"),
        (lambda: Reverb(1e4).impulse_response(48000), UsageError, "too long"),
        (lambda: combined_response([Reverb(30.0), Echo(((30.0, 1.0),))], 48000), UsageError, "together"),
        (
            lambda: convolved(sound_of(np.ones((9, 3))), SampledKernel(np.ones((2, 2)), 8000)),
            DataError,
            "2 channels",
        ),
        (
            lambda: combined_response([SampledKernel(np.ones((2, n)), 9) for n in (2, 3)], 9),
            DataError,
            "do not go together",
        ),
        (lambda: convolved(sound_of(np.zeros((0, 1))), Echo(())), DataError, "no samples"),
    ],
)
def test_bad_kernels_are_one_line(make, error, says):
    with pytest.raises(error, match=says) as caught:
        make()
    assert "\n" not in caught.value.line


# --------------------------------------------------------------------------------------------- files


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
def test_no_effect_gives_back_every_sample(tmp_path, rng, ending, subtype, channels, rate):
    first, second = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    soundfile.write(first, rng.uniform(-1, 1, (70_000, channels)), rate, subtype=subtype)
    loudness = send(first, second, Echo(()))
    assert (loudness.gain, loudness.clipped_samples) == (1.0, 0)
    info = soundfile.info(second)
    assert (info.subtype, info.channels, info.samplerate, info.frames) == (subtype, channels, rate, 70_000)
    before, after = (soundfile.read(path, dtype="float64")[0] for path in (first, second))
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-12)


def test_ogg_in_and_out(tmp_path):
    first, second = tmp_path / "a.ogg", tmp_path / "b.ogg"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    soundfile.write(first, tone, 44100)
    send(first, second, Echo(((0.25, 0.5),)))
    result, rate = soundfile.read(second)
    assert rate == 44100
    assert len(result) == 44100 + 11025
    spectrum = np.abs(np.fft.rfft(result))
    assert np.argmax(spectrum) * rate / len(result) == pytest.approx(440, abs=1)


def test_an_echo_in_a_file_is_where_it_should_be(tmp_path):
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
def test_what_overflows_is_dealt_with_as_asked(tmp_path, peak, highest, gain, clipped):
    first, second = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(first, np.full(200, 0.8), 1000, subtype="PCM_24")
    loudness = send(first, second, Echo(((0.1, 1.0),)), peak=peak)
    assert loudness.peak == pytest.approx(1.6, abs=1e-6)
    assert loudness.gain == pytest.approx(gain, rel=1e-6)
    assert loudness.clipped_samples == clipped
    result, _ = soundfile.read(second)
    assert result.max() == pytest.approx(highest, abs=1e-6)
    assert ("cut" in str(loudness)) == (peak == "clip")
    assert ("turned down" in str(loudness)) == (peak != "clip")


def test_normalize_turns_up_and_fit_does_not(tmp_path):
    first, second = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(first, np.full(200, 0.25), 1000, subtype="PCM_24")
    assert "left as it is" in str(send(first, second, Echo(())))
    assert soundfile.read(second)[0].max() == pytest.approx(0.25)
    assert "turned up" in str(send(first, second, Echo(()), peak="normalize"))
    assert soundfile.read(second)[0].max() == pytest.approx(FULL_SCALE, abs=1e-6)


def test_keep_writes_what_is_above_full_scale_into_floats(tmp_path):
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
def test_depth_is_kept_where_the_format_can(name, subtype, peak, expected):
    assert encoding_for(name, sound_of(np.ones(9), subtype=subtype), peak) == expected


@pytest.mark.parametrize(
    ("name", "peak", "says"),
    [
        ("x.mp4", "fit", "end its name"),
        ("x.flac", "keep", "write a .wav"),
        ("x.wav", "loud", "must be one of"),
    ],
)
def test_impossible_encodings_are_refused(name, peak, says):
    with pytest.raises(UsageError, match=says):
        encoding_for(name, sound_of(np.ones(9)), peak)


def test_the_raw_array_is_the_result_before_any_change_of_loudness(tmp_path, rng):
    sound = sound_of(rng.uniform(-1, 1, (70_000, 2)))
    with rendered(convolve_sound(sound, [Echo(((0.5, 1.0),))])) as result:
        write_sound(tmp_path / "a.wav", result, 8000, Encoding("WAV", "PCM_16"))
        save_array(tmp_path / "a.npy", result)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), convolved(sound, Echo(((0.5, 1.0),))))


def test_an_impulse_response_is_read(tmp_path):
    soundfile.write(tmp_path / "room.wav", np.array([[1.0, 0.5], [0.25, 0.0]]), 16000, subtype="DOUBLE")
    room = read_impulse(tmp_path / "room.wav")
    assert room.rate == 16000
    np.testing.assert_array_equal(room.samples, [[1.0, 0.5], [0.25, 0.0]])


# ----------------------------------------------------------------------------------------- bad files


def test_unreadable_files_are_one_line(tmp_path):
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "bare.raw").write_bytes(b"1234")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    for name, says in (
        ("none.wav", "does not exist"),
        (".", "is a folder"),
        ("text.wav", "not a sound"),
        ("bare.raw", "not a sound"),
        ("empty.wav", "no samples"),
    ):
        for read in (open_sound, read_impulse):
            with pytest.raises(DataError, match=says) as caught:
                read(tmp_path / name)
            assert "\n" not in caught.value.line


def test_nan_is_found_where_it_is_and_nothing_is_written(tmp_path):
    samples = np.zeros((200_000, 2), dtype=np.float32)
    samples[150_000, 1] = math.nan
    soundfile.write(tmp_path / "a.wav", samples, 1000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"first at 150\.000 s"):
        send(tmp_path / "a.wav", tmp_path / "b.wav", Echo(()))
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("ending", ["flac", "wav"])
def test_a_cut_off_file_is_damaged(tmp_path, rng, ending):
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
def test_a_wav_that_was_never_finished_is_read_to_its_end(tmp_path, rng, claimed, whole, order):
    """A recorder that dies leaves zeros where the lengths would be; one that writes to a pipe the largest number."""
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


def test_an_rf64_that_was_never_finished_is_read_to_its_end(tmp_path, rng):
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


def test_a_whole_wav_needs_no_note_and_an_empty_one_stays_empty(tmp_path, rng):
    soundfile.write(tmp_path / "a.wav", rng.uniform(-1, 1, 1000), 8000)
    assert open_sound(tmp_path / "a.wav").note == ""
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    with (tmp_path / "empty.wav").open("ab") as file:
        file.write(b"LIST\4\0\0\0INFO")
    with pytest.raises(DataError, match="no samples"):
        open_sound(tmp_path / "empty.wav")


def test_a_flac_that_does_not_tell_its_length_is_whole(tmp_path, rng):
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
def test_an_mp3_is_as_long_as_its_frames(tmp_path, rng, tag):
    """The first frame tells how many follow; some programs and all who cut files leave it as it was."""
    path = tmp_path / "a.mp3"
    soundfile.write(path, rng.uniform(-0.5, 0.5, 20_000), 8000, format="MP3")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3] + tag)
    assert 10_000 < sum(map(len, open_sound(path).blocks())) < 15_000


@pytest.mark.parametrize("ending", ["mp3", "wav", "flac", "ogg"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"ID3\3\0\0\0\0\0\x0a" + bytes(10), "not a sound"),
        (b"hello" * 100, "not a sound"),
    ],
)
def test_odd_files_are_told_in_words(tmp_path, ending, content, says):
    (tmp_path / f"odd.{ending}").write_bytes(content)
    with pytest.raises(DataError, match=says) as refused:
        open_sound(tmp_path / f"odd.{ending}")
    assert "pipe" not in refused.value.line
    assert "psf" not in refused.value.line


def test_pipes_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(DataError, match="is a pipe or a device"):
        open_sound(tmp_path / "a.wav")


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


@pytest.mark.parametrize(
    ("samples", "says"),
    [(np.full(9, np.nan), "NaN"), (np.zeros(9), "silent"), (np.ones(2**21 + 1), "too long")],
)
def test_bad_impulse_responses_are_refused(tmp_path, samples, says):
    soundfile.write(tmp_path / "room.wav", samples, 8000, subtype="FLOAT")
    with pytest.raises(DataError, match=says):
        read_impulse(tmp_path / "room.wav")


def test_numbers_beyond_floating_point_are_refused():
    with (
        pytest.raises(DataError, match="too loud"),
        rendered(convolve_sound(sound_of(np.ones(9)), [Echo(((0.0, 1.7e308),)), Echo(((0.0, 1.7e308),))])),
    ):
        pass


def test_more_than_wav_can_hold_is_refused_before_writing(tmp_path):
    huge = Rendered(io.BytesIO(), frames=2**31, channels=2, peak=0.5)
    with pytest.raises(UsageError, match=r"write a \.flac"):
        write_sound(tmp_path / "a.wav", huge, 48000, Encoding("WAV", "PCM_16"))
    assert not list(tmp_path.iterdir())


def test_more_channels_than_the_format_takes(tmp_path):
    with (
        rendered([np.zeros((10, 9))]) as result,
        pytest.raises(UsageError, match="does not take 9 channels"),
    ):
        write_sound(tmp_path / "a.flac", result, 8000, Encoding("FLAC", "PCM_16"))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said(monkeypatch):
    class Full(io.BytesIO):
        def write(self, _data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sounds.tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(ResourceError, match="TMPDIR"), rendered([np.ones((4, 1))]):
        pass


# ------------------------------------------------------------------------------ default, and figures


def test_the_default_sound_is_a_sound():
    sound = default_sound()
    assert (sound.rate, sound.channels) == (44100, 1)
    samples = np.concatenate(list(sound.blocks()))
    assert len(samples) / sound.rate == pytest.approx(3.4, abs=0.01)
    assert np.abs(samples).max() == pytest.approx(0.5)
    np.testing.assert_array_equal(samples, default_sound().source)


def period_of(part, shortest, longest):
    likeness = np.correlate(part, part, "full")[len(part) - 1 :]
    return shortest + np.argmax(likeness[shortest:longest])


@pytest.mark.parametrize("pitch", [220.0, 440.0])
def test_a_pluck_has_its_pitch_and_dies_away(pitch):
    string = sounds.pluck(pitch, 1.0, 44100)
    assert 44100 / period_of(string[:8820], 60, 250) == pytest.approx(pitch, rel=0.01)
    assert np.abs(string[:4410]).max() > 3 * np.abs(string[-4410:]).max()
    assert abs(string.mean()) < 1e-3


def test_the_voice_falls():
    voice = spoken_chirp(1.0, 16000)
    assert period_of(voice[1600:3200], 50, 250) < period_of(voice[13000:14600], 50, 250) / 1.2


def test_a_short_waveform_is_the_lowest_and_highest_of_each_stretch(rng):
    samples = rng.standard_normal((1000, 2))
    blocks = [samples[:333], samples[333:]]
    shape = waveform(blocks, 48000, 1250, columns=25)
    assert shape.shape == (25, 3)
    for column in range(20):
        part = samples[50 * column : 50 * column + 50]
        np.testing.assert_array_equal(shape[column, :2], [part.min(), part.max()])
        assert shape[column, 2] == pytest.approx(np.sqrt(np.square(part).mean()))
    assert np.isnan(shape[20:]).all()


def test_a_steady_voice_is_drawn_without_a_comb():
    rate, frames = 16000, 64000
    times = np.arange(frames)[:, None] / rate
    clicks = np.where((times * 100) % 1 < 0.05, 1.0, 0.0)  # 100 pulses a second: a period of 10 ms
    shape = waveform([clicks], rate, frames)
    assert frames / len(shape) / rate < 0.010 < PERIOD_SECONDS  # single stretches do miss the pulse
    np.testing.assert_array_equal(shape[:, 1], 1.0)
    assert shape[5:-5, 2] == pytest.approx(np.sqrt(0.05), rel=0.3)


def test_a_sound_is_drawn_on_one_time_axis():
    before, after = np.ones((100, 1)), np.ones((150, 2))
    figure = draw_sound("clap", [before], "with echo", [after], 100, 150)
    for axes in figure.axes:
        assert axes.get_xlim() == (0, 1.5)
        assert axes.get_ylabel() == "Amplitude"


@pytest.mark.parametrize("alpha", [0.01, 0.5, 5.0])
def test_every_alpha_is_drawn_on_the_same_axis_with_its_gain_and_delay(alpha):
    values = sine_closed_form(alpha, tutorial_times())
    original, kernel, answer = draw_echo(alpha, values).axes
    assert original.get_ylim() == answer.get_ylim() == (-1.1, 1.1)
    np.testing.assert_array_equal(answer.lines[0].get_ydata(), values)
    assert kernel.lines[0].get_ydata()[0] == pytest.approx(alpha)
    # Once the start has died away: an independent look at a late period of the answer.
    late = sine_closed_form(alpha, 2000 + np.linspace(0, 1, 4001))
    gain, delay = late.max(), (late.argmax() / 4000 - 0.25) % 1
    said = answer.get_title(loc="left")
    assert f"{gain:#.2g} times" in said
    assert f"{delay:.2f} s later" in said
    enlarged = [line for line in answer.lines if "enlarged" in line.get_label()]
    assert len(enlarged) == (gain < 0.2)


def test_laws_are_drawn_equal_and_what_breaks_is_not():
    figure = draw_laws()
    inputs, laws = figure.axes[:4], figure.axes[4:]
    assert [axes.get_title(loc="left").replace("$", "")[:8] for axes in inputs] == [
        "Signal f",
        "Signal h",
        "Kernel g",
        "Kernel k",
    ]
    notes = {axes.get_title(loc="left").strip(): axes.texts[0].get_text() for axes in laws}
    assert not any("e-" in note for note in notes.values()), "a power of ten has a true minus sign"
    numbers = {
        law: note.rpartition(" to " if " to " in note else "within ")[2] for law, note in notes.items()
    }
    difference = {
        law: float(number.strip("$}").replace(r" \times 10^{", "e")) for law, number in numbers.items()
    }
    broken = {law for law, size in difference.items() if size > 0.1}
    assert broken == {law for law in notes if law.startswith("Not ")}
    assert len(broken) == 2
    assert all(size < 1e-12 for law, size in difference.items() if law not in broken)
    assert len(difference) == 7


def test_the_sliding_kernel_moves(tmp_path):
    from PIL import Image

    path = animate_sliding(tmp_path / "a.gif", 2.0, frames=3)
    with Image.open(path) as image:
        assert image.n_frames == 3
        assert image.format == "GIF"
        frames = []
        for index in range(3):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")))
    assert not np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[1], frames[2])
    assert (frames[0][:5, :5] == 255).all(), "the paper is white"
