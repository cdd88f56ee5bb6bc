"""The benchmark of signals: errors against exact results, times of every method."""

import pytest

from decanet.benchmarking import signals
from decanet.core.errors import UsageError
from tests.benchmarking.test_images import CONDITIONS
from tests.conftest import Heard


def test_all_parts_are_measured(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        signals, "conditions", lambda: {**CONDITIONS, "environment": {**CONDITIONS["environment"]}}
    )
    monkeypatch.setattr(signals, "TUTORIAL_ALPHAS", (1.0,))
    measured = signals.measure(heard, rounds=1, memory_seconds=1, file_seconds=1, room_seconds=0.1)
    figures = measured["tutorial_figures"]
    assert figures["quadrature"]["times_faster_than_quadrature"] == 1
    assert figures["recursion"]["max_error"] < 1e-9 < figures["fft"]["max_error"] < 1e-3
    stereo = measured["stereo"]
    assert stereo["max_relative_difference"] < 1e-10
    assert stereo["methods"][signals.DECANET]["ratio"] == 1
    assert set(stereo["methods"]) == {signals.DECANET, "scipy.signal.oaconvolve", "scipy.signal.fftconvolve"}
    # The file holds the sound and the room's decay.
    assert measured["file_to_file"]["sound_seconds"] == pytest.approx(1.1, abs=0.01)
    assert measured["file_to_file"]["cpu_seconds"] > 0
    assert 20 < measured["file_to_file"]["peak_megabytes"] < 2000
    text = signals.table(measured)
    assert "| recursion |" in text
    assert "From file to file, 1 s of stereo take" in text


def test_rounds_are_checked(heard: Heard) -> None:
    with pytest.raises(UsageError, match="--rounds 0"):
        signals.measure(heard, rounds=0)
