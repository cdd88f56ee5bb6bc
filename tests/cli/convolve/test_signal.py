"""``decanet convolve signal``: figures, sounds, numbers and one-line errors."""

import json

import numpy as np
import pytest
import soundfile

from decanet.cli import run
from decanet.convolution.signals import TUTORIAL_ALPHAS, sine, sine_closed_form, tutorial_times


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


def sound(*arguments):
    return signal("sound", *arguments)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_tutorial_gives_thirteen_figures_and_a_table(here, capsys, drawn):
    assert signal("--json") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert list(drawn) == [f"convolve-signal/echo-alpha-{alpha:g}.png" for alpha in TUTORIAL_ALPHAS]
    for alpha, figure in zip(TUTORIAL_ALPHAS, drawn.values()):
        original, kernel, result = figure.axes
        assert rf"\alpha={alpha:g}$" in kernel.get_title()
        np.testing.assert_array_equal(original.lines[0].get_ydata(), sine(tutorial_times()))
        expected = sine_closed_form(alpha, tutorial_times())
        np.testing.assert_allclose(result.lines[0].get_ydata(), expected, atol=1e-12)
        assert (original.get_xlabel(), original.get_ylabel()) == ("Time (s)", "Amplitude")
    assert report["files"] == list(drawn)
    assert [row["alpha"] for row in report["alphas"]] == list(TUTORIAL_ALPHAS)
    for row in report["alphas"]:
        assert row["max_error"]["recursion"] < 1e-9
        assert row["max_error"]["quadrature"] < 1e-9
    assert "max error" in printed.err


def test_alphas_and_the_folder_can_be_chosen_and_the_values_saved(here, drawn):
    assert signal("--alpha", 3, "--alpha", 0.25, "--figures", "f", "--save-array", "a.npy") == 0
    assert list(drawn) == ["f/echo-alpha-3.png", "f/echo-alpha-0.25.png"]
    values = np.load("a.npy")
    np.testing.assert_allclose(values[1], sine_closed_form(0.25, tutorial_times()), atol=1e-12)


def test_the_sheet_draws_every_alpha(drawn):
    assert signal("sheet", "--alpha", 3, "--alpha", 0.25, "--out", "all.svg") == 0
    panels = drawn["all.svg"].axes
    for axes, alpha in zip(panels, (3, 0.25), strict=True):
        assert rf"\alpha={alpha:g}$" in axes.get_title()
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), sine(tutorial_times()))
        expected = sine_closed_form(alpha, tutorial_times())
        np.testing.assert_allclose(axes.lines[1].get_ydata(), expected, atol=1e-12)
        assert axes.get_xlabel() == "Time (s)"


def test_the_sheet_of_the_tutorial_is_written_as_a_file(here):
    assert signal("sheet", "--alpha", 2, "--out", "echo.svg") == 0
    assert names(here) == ["echo.svg"]
    assert "<svg" in (here / "echo.svg").read_text()


def test_laws_and_animation_draw_their_figures(drawn, capsys):
    assert signal("laws", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"files": ["laws.png"]}
    assert "Linearity" in [axes.get_title(loc="left").strip() for axes in drawn["laws.png"].axes]
    assert signal("animation", "--alpha", 3, "--out", "moments.png") == 0
    figure = drawn["moments.png"]
    assert len(figure.axes) == 2 * 6
    times = [
        axes.get_title(loc="left").partition(":")[0] for axes in figure.axes if axes.get_title(loc="left")
    ]
    assert times == ["t = 0.83 s", "t = 1.67 s", "t = 2.50 s", "t = 3.33 s", "t = 4.17 s", "t = 5.00 s"]


def test_an_echo_is_applied_to_a_sound_file(here, voice, capsys):
    assert sound("voice.wav", "--echo", "0.25:0.5", "--echo", "0.5:0.25", "--out", "echo.wav") == 0
    out = capsys.readouterr().out
    assert "0.5 after 0.25 s, 0.25 after 0.5 s" in out
    assert "of full scale" in out
    info = soundfile.info("echo.wav")
    assert (info.frames, info.subtype, info.channels) == (12000, "PCM_24", 2)


def test_a_name_with_brackets_is_printed_unchanged(here, voice, capsys):
    voice.rename(here / "take[red].wav")
    assert sound("take[red].wav", "--echo", "0.3:0.5", "--out", "out[bold].wav") == 0
    out = capsys.readouterr().out
    assert "take[red].wav" in out
    assert "out[bold].wav" in out


def test_a_result_that_overflows_is_refused_in_one_line(here, voice, capsys):
    assert sound("voice.wav", "--echo", "0:1e308", "--echo", "0:1e308", "--out", "a.wav") == 3
    assert capsys.readouterr().err.splitlines() == [
        "error[data]: the result exceeds the range of floating-point numbers; use weaker echoes"
    ]
    assert names(here) == ["voice.wav"]
    assert sound("voice.wav", "--echo", "0:1e300", "--out", "a.wav") == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 120


def test_without_a_name_the_result_lies_in_the_current_folder(here, voice):
    assert sound("voice.wav", "--decay", 100) == 0
    assert names(here) == ["voice-convolved.wav", "voice.wav"]


def test_without_a_sound_the_built_in_one_is_convolved(here, capsys):
    assert sound("--echo", "0.3:0.5", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sound"] == "the built-in sound"
    assert report["files"] == ["built-in-convolved.wav"]
    assert soundfile.info("built-in-convolved.wav").duration == pytest.approx(3.7, abs=0.01)


def test_without_a_kernel_the_built_in_sound_is_written(here):
    assert sound("--out", "built-in.flac") == 0
    assert soundfile.info("built-in.flac").duration == pytest.approx(3.4, abs=0.01)


def test_an_impulse_response_of_another_sample_rate_is_resampled(voice, capsys):
    soundfile.write("room.wav", np.array([1.0] + [0.0] * 799), 16000)
    arguments = ["voice.wav", "--impulse", "room.wav", "--save-array", "a.npy", "--out", "there.flac"]
    assert sound(*arguments) == 0
    assert "room.wav (0.05 s, resampled from 16000 to 8000 Hz)" in capsys.readouterr().out
    assert np.load("a.npy").shape == (8000 + 400 - 1, 2)


def test_the_seed_determines_the_reverberation(here, voice):
    for name, seed in (("a.npy", 4), ("b.npy", 4), ("c.npy", 5)):
        assert sound("voice.wav", "--reverb", f"0.5:{seed}", "--save-array", name) == 0
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))
    assert (np.load("a.npy") != np.load("c.npy")).any()


def test_the_figure_of_a_sound_shows_it_before_and_after(voice, drawn):
    assert sound("voice.wav", "--reverb", 0.5, "--figure", "wave.png") == 0
    before, _, after = drawn["wave.png"].axes
    assert before.get_title(loc="left") == "Original: voice.wav"
    assert after.get_title(loc="left") == "Convolved with a synthetic room of 0.5 s (seed 0)"
    assert before.get_xlim() == after.get_xlim() == (0, pytest.approx(1.5))


def test_peak_decides_what_happens_above_full_scale(voice, capsys):
    assert sound("voice.wav", "--echo", "0:1", "--peak", "clip", "--json", "--out", "a.wav") == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["clipped_samples"] > 0
    assert f"{report['clipped_samples']} samples were clipped" in printed.err
    assert sound("voice.wav", "--echo", "0:1", "--peak", "keep", "--json", "--out", "a.wav") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["gain"], report["result_subtype"]) == (1.0, "FLOAT")
    assert soundfile.read("a.wav")[0].max() > 1.5


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("sound voice.wav", 2, "needs a kernel"),
        ("sound voice.wav --echo 3", 2, "DELAY:STRENGTH"),
        ("sound voice.wav --echo a:b", 2, "DELAY:STRENGTH"),
        ("sound voice.wav --echo nan:1", 2, "0 seconds or more"),
        ("sound voice.wav --echo 1e9:0.5", 2, "too long"),
        ("sound voice.wav --reverb -1", 2, "positive"),
        ("sound voice.wav --reverb 1:-1", 2, "seed"),
        ("sound voice.wav --reverb long", 2, "SECONDS:SEED"),
        ("sound voice.wav --decay 0", 2, "positive"),
        ("sound voice.wav --impulse none.wav", 3, "does not exist"),
        ("sound voice.wav --decay 5 --out voice.wav", 2, "would replace a sound"),
        ("sound voice.wav --decay 5 --out a.mp3", 2, "Use a name that ends in .wav, .flac, .ogg"),
        ("sound voice.wav --decay 5 --figure a.wav", 2, "Use a name that ends in .png"),
        ("sound voice.wav --decay 5 --out a.flac --peak keep", 2, "write a .wav"),
        ("sound voice.wav --decay 5 --save-array a.csv", 2, "Use a name that ends in .npy"),
        ("sound voice.wav --decay 5 --alpha 2", 2, "has no option --alpha"),
        ("sound none.wav --decay 5", 3, "does not exist"),
        ("sound nan.wav --decay 5", 3, "NaN"),
        ("sound --peak loud", 2, "peak"),
        ("--alpha -1", 2, "positive"),
        ("--alpha nan", 2, "positive"),
        ("sheet --alpha 0", 2, "positive"),
        ("sheet --out a.wav", 2, "Use a name that ends in"),
        ("laws --out a.gif", 2, "Use a name that ends in"),
        ("laws --out .", 2, "Use a name that ends in"),
        ("animation --out a.mp4", 2, "Use a name that ends in"),
        ("animation --alpha 0", 2, "positive"),
        ("--peak clip", 2, "has no option --peak"),
        ("soud", 2, "has no subcommand soud (did you mean sound"),
        ("voice.wav", 2, "has no subcommand voice.wav"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(here, voice, capsys, arguments, code, message):
    soundfile.write("nan.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    before = names(here)
    assert signal(*arguments.split()) == code
    error = capsys.readouterr().err.strip()
    line = error.splitlines()[-1]
    assert line.startswith("error[")
    assert message in line
    assert "Traceback" not in error
    assert names(here) == before


def test_a_decay_is_scaled_up_and_explained_and_a_mix_keeps_the_sound(voice, capsys):
    assert sound("voice.wav", "--decay", 3, "--out", "d.wav") == 0
    printed = capsys.readouterr().out
    assert "low-pass filter" in printed
    assert "scaled up to 0.999" in printed
    assert sound("voice.wav", "--decay", 3, "--mix", 0.5, "--out", "m.wav") == 0
    assert "mixed with 50% of the original" in capsys.readouterr().out
    assert sound("voice.wav", "--decay", 3, "--mix", 1.5) == 2


def test_an_echo_is_shown_in_numbers(voice, capsys):
    assert sound("voice.wav", "--echo", "0.25:0.5", "--out", "e.wav") == 0
    numbers = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  = "))
    expected, found = numbers.split(" = ")[-1].split("; the result has ")
    assert float(found) == pytest.approx(float(expected), abs=1e-3)
