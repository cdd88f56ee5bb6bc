"""The command as a user runs it: the tutorial, own sounds, and every wrong turn on one line."""

import importlib
import json

import numpy as np
import pytest
import soundfile

from decanet.cli import run
from decanet.convolution.signals import TUTORIAL_ALPHAS, sine_closed_form, tutorial_times


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def voice(here):
    soundfile.write(
        "voice.wav", np.random.default_rng(0).uniform(-0.9, 0.9, (8000, 2)), 8000, subtype="PCM_24"
    )
    return here / "voice.wav"


def signal(*arguments):
    return run(["convolve", "signal", *map(str, arguments)])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_tutorial_gives_thirteen_figures_and_a_table(here, capsys, monkeypatch):
    titles = {}

    def keep(figure, path):  # the next test draws two of them
        titles[str(path)] = figure.axes[1].get_title()
        return path

    importlib.import_module("decanet.convolution.figures.signals")  # it takes the real one for good
    monkeypatch.setattr("decanet.core.plotting.save_figure", keep)
    assert signal("--json") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert list(titles) == [f"convolve-signal/echo-alpha-{alpha:g}.png" for alpha in TUTORIAL_ALPHAS]
    assert all(rf"\alpha={alpha:g}$" in title for alpha, title in zip(TUTORIAL_ALPHAS, titles.values()))
    assert report["files"] == list(titles)
    assert [row["alpha"] for row in report["alphas"]] == list(TUTORIAL_ALPHAS)
    for row in report["alphas"]:
        assert row["max_error"]["recursion"] < 1e-9
        assert row["max_error"]["quadrature"] < 1e-9
    assert "max error" in printed.err


def test_own_alphas_and_folder_sheet_and_array(here, capsys):
    assert (
        signal("--alpha", 3, "--alpha", 0.25, "--figures", "f", "--out", "all.svg", "--save-array", "a.npy")
        == 0
    )
    assert names(here / "f") == ["echo-alpha-0.25.png", "echo-alpha-3.png"]
    values = np.load("a.npy")
    np.testing.assert_allclose(values[1], sine_closed_form(0.25, tutorial_times()), atol=1e-12)
    assert "all.svg" in capsys.readouterr().out
    assert "<svg" in (here / "all.svg").read_text()


def test_laws_and_strip_alone_leave_the_figures_out(here):
    assert signal("--laws", "laws.png", "--animation", "strip.png") == 0
    assert names(here) == ["laws.png", "strip.png"]


def test_an_echo_on_ones_own_sound(here, voice, capsys):
    assert signal("voice.wav", "--echo", "0.25:0.5", "--echo", "0.5:0.25", "--out", "echo.wav") == 0
    out = capsys.readouterr().out
    assert "0.5 after 0.25 s, 0.25 after 0.5 s" in out
    assert "of full scale" in out
    info = soundfile.info("echo.wav")
    assert (info.frames, info.subtype, info.channels) == (12000, "PCM_24", 2)


def test_a_name_with_brackets_is_shown_whole(here, voice, capsys):
    voice.rename(here / "take[red].wav")
    assert signal("take[red].wav", "--echo", "0.3:0.5", "--out", "out[bold].wav") == 0
    out = capsys.readouterr().out
    assert "take[red].wav" in out
    assert "out[bold].wav" in out


def test_an_absurd_echo_is_one_line(here, voice, capsys):
    assert signal("voice.wav", "--echo", "0:1e308", "--echo", "0:1e308", "--out", "a.wav") == 3
    assert capsys.readouterr().err.splitlines() == [
        "error[data]: the result is too loud for floating-point numbers; use weaker echoes"
    ]
    assert names(here) == ["voice.wav"]
    assert signal("voice.wav", "--echo", "0:1e300", "--out", "a.wav") == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 100


def test_without_out_the_result_lies_in_the_current_folder(here, voice):
    assert signal("voice.wav", "--decay", 100) == 0
    assert names(here) == ["voice-convolved.wav", "voice.wav"]


def test_an_effect_without_a_sound_takes_the_default_one(here, capsys):
    assert signal("--echo", "0.3:0.5", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sound"] == "the default sound"
    assert report["files"] == ["demo-convolved.wav"]
    assert soundfile.info("demo-convolved.wav").duration == pytest.approx(3.7, abs=0.01)


def test_demo_alone_writes_the_default_sound(here):
    assert signal("--demo", "--out", "demo.flac") == 0
    assert soundfile.info("demo.flac").duration == pytest.approx(3.4, abs=0.01)


def test_a_recorded_room_of_another_rate_is_resampled_and_said(voice, capsys):
    soundfile.write("room.wav", np.array([1.0] + [0.0] * 799), 16000)
    arguments = ["voice.wav", "--impulse", "room.wav", "--save-array", "a.npy", "--out", "there.flac"]
    assert signal(*arguments) == 0
    assert "resampled from 16000 to 8000 Hz" in capsys.readouterr().out
    assert np.load("a.npy").shape == (8000 + 400 - 1, 2)


def test_reverb_is_repeatable_and_the_sound_can_be_drawn(here, voice):
    for name in ("a.npy", "b.npy"):
        assert signal("voice.wav", "--reverb", 0.5, "--seed", 4, "--save-array", name) == 0
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))
    assert names(here) == ["a.npy", "b.npy", "voice.wav"]
    assert signal("voice.wav", "--reverb", 0.5, "--out", "wave.png") == 0
    assert (here / "wave.png").stat().st_size > 10_000


def test_peak_is_reported(voice, capsys):
    assert signal("voice.wav", "--echo", "0:1", "--peak", "clip", "--json", "--out", "a.wav") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["clipped_samples"] > 0
    assert f"{report['clipped_samples']} samples were cut" in printed.err
    assert signal("voice.wav", "--echo", "0:1", "--peak", "keep", "--json", "--out", "a.wav") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["gain"], report["result_subtype"]) == (1.0, "FLOAT")
    assert soundfile.read("a.wav")[0].max() > 1.5


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["voice.wav"], 2, "say what to convolve"),
        (["voice.wav", "--demo"], 2, "not both"),
        (["voice.wav", "--echo", "3"], 2, "DELAY:STRENGTH"),
        (["voice.wav", "--echo", "a:b"], 2, "DELAY:STRENGTH"),
        (["voice.wav", "--echo", "nan:1"], 2, "0 seconds or more"),
        (["voice.wav", "--echo", "1e9:0.5"], 2, "too long"),
        (["voice.wav", "--reverb", "-1"], 2, "positive"),
        (["voice.wav", "--reverb", "1", "--seed", "-1"], 2, "seed"),
        (["voice.wav", "--decay", "0"], 2, "positive"),
        (["voice.wav", "--impulse", "none.wav"], 3, "does not exist"),
        (["voice.wav", "--decay", "5", "--out", "voice.wav"], 2, "replace the sound"),
        (["voice.wav", "--decay", "5", "--out", "a.mp3"], 2, "must end in"),
        (["voice.wav", "--decay", "5", "--out", "a.png", "--peak", "clip"], 2, "--peak"),
        (["voice.wav", "--decay", "5", "--out", "a.flac", "--peak", "keep"], 2, "write a .wav"),
        (["voice.wav", "--decay", "5", "--save-array", "a.csv"], 2, "must end in .npy"),
        (["voice.wav", "--decay", "5", "--alpha", "2"], 2, "--alpha belongs to the tutorial"),
        (["voice.wav", "--decay", "5", "--laws", "a.png"], 2, "--laws belongs to the tutorial"),
        (["none.wav", "--decay", "5"], 3, "does not exist"),
        (["nan.wav", "--decay", "5"], 3, "NaN"),
        (["--alpha", "-1"], 2, "positive"),
        (["--alpha", "nan"], 2, "positive"),
        (["--out", "a.wav"], 2, "cannot be heard"),
        (["--laws", "a.gif"], 2, "must end in"),
        (["--animation", "a.mp4"], 2, "must end in"),
        (["--peak", "clip"], 2, "--peak is about a sound"),
        (["--demo", "--peak", "loud"], 2, "peak"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(here, voice, capsys, arguments, code, says):
    soundfile.write("nan.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    before = names(here)
    assert signal(*arguments) == code
    error = capsys.readouterr().err.strip()
    line = error.splitlines()[-1]
    assert line.startswith("error[")
    assert says in line
    assert "Traceback" not in error
    assert names(here) == before
