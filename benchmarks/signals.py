"""Convolution of signals: quadrature, FFT and recursion on the tutorial's figures; overlap-add against scipy.

    python benchmarks/signals.py [--out benchmarks/results/signals.json]

Part 1 computes the tutorial's full figure set, 13 alphas of 500 points each, by the three computations, and
states the largest error against the closed form and the processor time of each. The quick ones must be at
least 1,000 times faster than quadrature, and the recursion within 1e-9 of the closed form.

Part 2 convolves 3 minutes of stereo noise at 48 kHz with a 2-second stereo room, in memory, by decanet's
overlap-add and by scipy.signal's oaconvolve and fftconvolve, each in turn, five rounds; the median counts.

Part 3 sends 5 minutes of stereo at 48 kHz and 24 bits from file to file through a 2-second room, in a process
of its own, and states its processor time and the most memory that it held (Linux).
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import soundfile
from scipy.signal import fftconvolve, oaconvolve

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
from decanet.core.files import write_json

RATE = 48000

FILE_TO_FILE = """
import pathlib, sys, time
from decanet.convolution.sound_convolution import convolve_sound
from decanet.convolution.sound_output import encoding_for, rendered, write_sound
from decanet.convolution.sounds import open_sound, read_impulse
source, room, out = sys.argv[1:]
sound = open_sound(source)
with rendered(convolve_sound(sound, [read_impulse(room)])) as result:
    write_sound(out, result, sound.sample_rate, encoding_for(out, sound))
status = pathlib.Path("/proc/self/status").read_text()  # not getrusage, which begins with the parent's memory
print(time.process_time(), int(status.partition("VmHWM:")[2].split()[0]) / 1024)
"""


def tutorial_figures() -> dict[str, Any]:
    """Errors and times of the 13 figures' values."""
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


def three_minutes(rounds: int = 5) -> dict[str, Any]:
    """Median wall and processor seconds for 3 minutes of stereo; the largest difference from fftconvolve."""
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((180 * RATE, 2))
    room = _room(rng)
    methods = {
        "decanet_overlap_add": lambda: np.concatenate(list(overlap_add([sound], room))),
        "scipy_oaconvolve": lambda: oaconvolve(sound, room, axes=0),
        "scipy_fftconvolve": lambda: fftconvolve(sound, room, axes=0),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    reference = methods["scipy_fftconvolve"]()
    difference = float(np.abs(methods["decanet_overlap_add"]() - reference).max() / np.abs(reference).max())
    for _ in range(rounds):
        for name, compute in methods.items():
            wall, processor = time.perf_counter(), time.process_time()
            compute()
            taken[name].append((time.perf_counter() - wall, time.process_time() - processor))
    results: dict[str, Any] = {
        name: {
            "wall_seconds": statistics.median(wall for wall, _ in runs),
            "cpu_seconds": statistics.median(processor for _, processor in runs),
        }
        for name, runs in taken.items()
    }
    own = results["decanet_overlap_add"]["cpu_seconds"]
    for name in ("scipy_oaconvolve", "scipy_fftconvolve"):
        results[name]["cpu_ratio_to_decanet"] = results[name]["cpu_seconds"] / own
    return {"rounds": rounds, "largest_relative_difference": difference, **results}


def file_to_file() -> dict[str, Any]:
    """5 minutes from a WAV to a WAV: processor seconds (imports included) and peak memory."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        source, room, out = (str(Path(folder) / name) for name in ("sound.wav", "room.wav", "out.wav"))
        with soundfile.SoundFile(source, "w", RATE, 2, subtype="PCM_24") as file:
            for _ in range(300):
                file.write(rng.uniform(-0.5, 0.5, (RATE, 2)))
        soundfile.write(room, _room(rng), RATE, subtype="FLOAT")
        command = [sys.executable, "-c", FILE_TO_FILE, source, room, out]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        frames = soundfile.info(out).frames
    seconds, megabytes = (float(number) for number in printed.split())
    return {"sound_seconds": frames / RATE, "cpu_seconds": seconds, "peak_megabytes": megabytes}


def _room(rng: np.random.Generator) -> np.ndarray:
    return 0.01 * rng.standard_normal((2 * RATE, 2)) * np.exp(-np.arange(2 * RATE) / 10_000)[:, None]


def main() -> None:
    """Run all parts, print them and write them down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = Path(__file__).parent / "results" / "signals.json"
    parser.add_argument("--out", type=Path, default=default, help="where the JSON goes")
    arguments = parser.parse_args()
    report: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "environment": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        },
    }
    for name, part in (
        ("tutorial_figures", tutorial_figures),
        ("three_minutes", three_minutes),
        ("file_to_file", file_to_file),
    ):
        report[name] = part()
        print(name)
        print(json.dumps(report[name], indent=2))
    write_json(arguments.out, report)
    print(f"written to {arguments.out}")
    figures = report["tutorial_figures"]
    slow = [name for name in ("fft", "recursion") if figures[name]["times_faster_than_quadrature"] < 1000]
    if slow or figures["recursion"]["max_error"] > 1e-9:
        sys.exit(f"missed: at least 1,000 times faster than quadrature ({slow}), recursion within 1e-9")


if __name__ == "__main__":
    main()
