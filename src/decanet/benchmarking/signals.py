"""Convolution of signals: three computations of the tutorial's figures, and sounds beside scipy.

Three parts:

- ``tutorial_figures``: the tutorial's 13 alphas of 500 points each by quadrature, FFT and recursion; largest error
  against the closed form, and processor time;
- ``stereo``: minutes of stereo noise at 48 kHz and a 2-second stereo room, in memory, by decanet's overlap-add and by
  scipy.signal's oaconvolve and fftconvolve, which take turns; medians;
- ``file_to_file``: minutes of stereo at 48 kHz and 24 bits through a 2-second room, from file to file, in a process
  of its own: its processor time and peak memory.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import fftconvolve, oaconvolve

from decanet.benchmarking.timing import about, conditions, markdown_table
from decanet.convolution.impulse_responses import ExponentialDecay
from decanet.convolution.method_comparison import timed
from decanet.convolution.signals import (
    TUTORIAL_ALPHAS,
    convolve_fft,
    convolve_quadrature,
    convolve_recursion,
    sine,
    sine_closed_form,
    tutorial_times,
)
from decanet.convolution.sound_convolution import overlap_add
from decanet.core.errors import UsageError
from decanet.core.progress import Report

SAMPLE_RATE = 48000
DECANET = "decanet overlap-add"

FILE_TO_FILE = """
import resource, sys, time
from decanet.convolution.sound_convolution import convolve_sound
from decanet.convolution.sound_output import encoding_for, rendered, write_sound
from decanet.convolution.sounds import open_sound, read_impulse
source, room, out = sys.argv[1:]
sound = open_sound(source)
with rendered(convolve_sound(sound, [read_impulse(room)])) as result:
    write_sound(out, result, sound.sample_rate, encoding_for(out, sound))
try:
    with open("/proc/self/status") as status:  # ru_maxrss begins with the parent's memory on Linux
        kilobytes = int(status.read().partition("VmHWM:")[2].split()[0])
except OSError:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # macOS counts bytes
print(time.process_time(), kilobytes / 1024)
"""


def measure(
    report: Report,
    *,
    rounds: int = 5,
    memory_seconds: int = 180,
    file_seconds: int = 300,
    room_seconds: float = 2.0,
) -> dict[str, Any]:
    """Measure all three parts.

    Args:
        rounds: rounds of ``stereo``.
        memory_seconds: length of the sound that is convolved in memory.
        file_seconds: length of the sound that is convolved from file to file.
        room_seconds: length of the impulse response.

    Raises:
        UsageError: less than one round.
    """
    if rounds < 1:
        raise UsageError(f"--rounds {rounds}: at least 1")
    measured: dict[str, Any] = conditions()
    measured["environment"] |= {name: version(name) for name in ("numpy", "scipy")}
    report.note("computing the tutorial's figures")
    measured["tutorial_figures"] = measure_tutorial_figures()
    report.note(f"convolving {memory_seconds} s of stereo in memory")
    measured["stereo"] = measure_stereo(memory_seconds, room_seconds, rounds)
    report.note(f"convolving {file_seconds} s of stereo from file to file")
    measured["file_to_file"] = measure_file_to_file(file_seconds, room_seconds)
    return measured


def measure_tutorial_figures() -> dict[str, Any]:
    """Error and processor time of each computation for all 13 figures."""
    times = tutorial_times()
    kernels = [ExponentialDecay(alpha) for alpha in TUTORIAL_ALPHAS]
    exact = np.stack([sine_closed_form(alpha, times) for alpha in TUTORIAL_ALPHAS])
    methods = {
        "quadrature": lambda: np.stack([convolve_quadrature(sine, kernel, times) for kernel in kernels]),
        "fft": lambda: convolve_fft(sine(times), np.stack([kernel(times) for kernel in kernels]), times[1]),
        "recursion": lambda: convolve_recursion(sine, kernels, times),
    }
    results: dict[str, Any] = {}
    for name, compute in methods.items():
        compute()  # the first call imports and fills caches
        values, seconds = timed(compute)
        results[name] = {"max_error": float(np.abs(values - exact).max()), "cpu_seconds": seconds}
    for result in results.values():
        result["times_faster_than_quadrature"] = results["quadrature"]["cpu_seconds"] / result["cpu_seconds"]
    return results


def measure_stereo(seconds: int, room_seconds: float, rounds: int) -> dict[str, Any]:
    """Median wall-clock and processor seconds of each method; largest relative difference from fftconvolve."""
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((seconds * SAMPLE_RATE, 2))
    room = _room(rng, room_seconds)
    methods = {
        DECANET: lambda: np.concatenate(list(overlap_add([sound], room))),
        "scipy.signal.oaconvolve": lambda: oaconvolve(sound, room, axes=0),
        "scipy.signal.fftconvolve": lambda: fftconvolve(sound, room, axes=0),
    }
    reference = methods["scipy.signal.fftconvolve"]()
    difference = float(np.abs(methods[DECANET]() - reference).max() / np.abs(reference).max())
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    for _ in range(rounds):
        for name, compute in methods.items():
            wall, processor = time.perf_counter(), time.process_time()
            compute()
            taken[name].append((time.perf_counter() - wall, time.process_time() - processor))
    medians = {name: [statistics.median(values) for values in zip(*runs)] for name, runs in taken.items()}
    return {
        "sound_seconds": seconds,
        "rounds": rounds,
        "max_relative_difference": difference,
        "methods": {
            name: {"wall_seconds": wall, "cpu_seconds": cpu, "ratio": cpu / medians[DECANET][1]}
            for name, (wall, cpu) in medians.items()
        },
    }


def measure_file_to_file(seconds: int, room_seconds: float) -> dict[str, Any]:
    """Processor seconds (imports included) and peak memory from one WAV file to another."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="decanet-sounds-") as folder:
        source, room, out = (str(Path(folder) / name) for name in ("sound.wav", "room.wav", "out.wav"))
        with soundfile.SoundFile(source, "w", SAMPLE_RATE, 2, subtype="PCM_24") as file:
            for _ in range(seconds):
                file.write(rng.uniform(-0.5, 0.5, (SAMPLE_RATE, 2)))
        soundfile.write(room, _room(rng, room_seconds), SAMPLE_RATE, subtype="FLOAT")
        command = [sys.executable, "-c", FILE_TO_FILE, source, room, out]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        frames = soundfile.info(out).frames
    cpu_seconds, megabytes = map(float, printed.split())
    return {"sound_seconds": frames / SAMPLE_RATE, "cpu_seconds": cpu_seconds, "peak_megabytes": megabytes}


def _room(rng: np.random.Generator, seconds: float) -> np.ndarray:
    frames = round(seconds * SAMPLE_RATE)
    return 0.01 * rng.standard_normal((frames, 2)) * np.exp(-np.arange(frames) / 10_000)[:, None]


def table(measured: dict[str, Any]) -> str:
    """Format the measurements as Markdown."""
    figures = [
        {
            "computation": name,
            "max error": f"{row['max_error']:.1e}",
            "processor time, ms": f"{1000 * row['cpu_seconds']:.3g}",
            "times faster than quadrature": f"{row['times_faster_than_quadrature']:,.0f}",
        }
        for name, row in measured["tutorial_figures"].items()
    ]
    stereo, files = measured["stereo"], measured["file_to_file"]
    methods = [
        {
            "method": name,
            "wall clock, s": f"{row['wall_seconds']:.3f}",
            "processor time, s": f"{row['cpu_seconds']:.3f}",
            "ratio": f"{row['ratio']:.2f}",
        }
        for name, row in stereo["methods"].items()
    ]
    return (
        f"The tutorial's 13 figures of 500 points each:\n\n{markdown_table(figures)}\n\n{stereo['sound_seconds']} s of "
        f"stereo at {SAMPLE_RATE} Hz in memory; medians of {stereo['rounds']} rounds, ratios of processor time to that "
        f"of decanet:\n\n{markdown_table(methods)}\n\nFrom file to file, {files['sound_seconds']:.0f} s of stereo take "
        f"{files['cpu_seconds']:.1f} s of processor time, imports included, and {files['peak_megabytes']:.0f} MB of "
        f"memory.\n\n{about(measured)}"
    )
