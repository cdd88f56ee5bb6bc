"""``decanet convolve signal``: the tutorial's sine and its echoes, and convolution of sounds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter

from decanet.cli._shared import ARRAY, FIGURE, FIGURE_OR_GIF, SOUND, JsonFlag, console, print_json
from decanet.cli.convolve._options import save_array
from decanet.core.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from decanet.convolution.method_comparison import Comparison
    from decanet.convolution.sound_convolution import SoundKernel
    from decanet.convolution.sounds import Sound

SUBCOMMANDS = ("sheet", "laws", "animation", "sound")
Alphas = Annotated[
    list[float] | None,
    Parameter(
        name="--alpha",
        negative=(),
        help="Decay alpha of the kernel in 1/s; repeat the option for more (default: the tutorial's 13).",
    ),
]

command = cyclopts.App(name="signal")


@command.default
def tutorial(
    *unknown: Annotated[str, Parameter(show=False)],
    alpha: Alphas = None,
    figures: Path = Path("convolve-signal"),
    array: Annotated[Path | None, Parameter(name="--save-array", validator=ARRAY)] = None,
    json: JsonFlag = False,
) -> None:
    """Convolve a sine with exponential kernels as the tutorial does, in three ways, and compare them.

    For example the tutorial's 13 figures, and those of other kernels:

    ```
    decanet convolve signal
    decanet convolve signal --alpha 3 --alpha 0.25 --figures more
    ```

    Args:
        figures: Folder for a figure of each alpha.
        array: The results as a .npy file, float64, (alphas, 500).
    """
    import numpy as np

    from decanet.convolution.figures.signals import draw_echo
    from decanet.convolution.method_comparison import compare_methods, fft_convergence
    from decanet.core.plotting import save_figure

    if unknown:
        hint = did_you_mean(unknown[0], SUBCOMMANDS) or f" (subcommands: {', '.join(SUBCOMMANDS)})"
        raise UsageError(f"decanet convolve signal has no subcommand {unknown[0]}{hint}")
    compared = compare_methods(_alphas(alpha))
    convergence = fft_convergence(max(row.alpha for row in compared))
    _print_comparison(compared, convergence, json)
    files = [
        save_figure(draw_echo(row.alpha, row.values), figures / f"echo-alpha-{row.alpha:g}.png")
        for row in compared
    ]
    if array:
        files.append(save_array(array, np.stack([row.values for row in compared])))
    _finish(
        files,
        json,
        alphas=[{"alpha": row.alpha, "max_error": row.max_error, "seconds": row.seconds} for row in compared],
        fft_convergence=[
            {"step_seconds": step, "rectangle_error": rectangle, "trapezoid_error": trapezoid}
            for step, rectangle, trapezoid in convergence
        ],
    )


@command.command
def sheet(
    *,
    alpha: Alphas = None,
    out: Annotated[Path, Parameter(validator=FIGURE)] = Path("echo.png"),
    json: JsonFlag = False,
) -> None:
    """Draw the tutorial's sine and its convolution for all alphas on one sheet.

    ```
    decanet convolve signal sheet --out echo.png
    ```

    Args:
        out: The figure (.png, .svg, .pdf).
    """
    from decanet.convolution.figures.signals import draw_echo_sheet
    from decanet.convolution.impulse_responses import ExponentialDecay
    from decanet.convolution.signals import convolve_recursion, sine, tutorial_times
    from decanet.core.plotting import save_figure

    alphas = _alphas(alpha)
    values = convolve_recursion(sine, [ExponentialDecay(alpha) for alpha in alphas], tutorial_times())
    _finish([save_figure(draw_echo_sheet(alphas, values), out)], json)


@command.command
def laws(
    *, out: Annotated[Path, Parameter(validator=FIGURE)] = Path("laws.png"), json: JsonFlag = False
) -> None:
    """Draw the laws of convolution, and two systems that break them.

    ```
    decanet convolve signal laws --out laws.png
    ```

    Args:
        out: The figure (.png, .svg, .pdf).
    """
    from decanet.convolution.figures.laws import draw_laws
    from decanet.core.plotting import save_figure

    _finish([save_figure(draw_laws(), out)], json)


@command.command
def animation(
    *,
    alpha: float = 2.0,
    out: Annotated[Path, Parameter(validator=FIGURE_OR_GIF)] = Path("sliding.gif"),
    json: JsonFlag = False,
) -> None:
    """Draw the flipped kernel that slides over the sine, and the integral of the product.

    ```
    decanet convolve signal animation --alpha 2 --out sliding.gif
    ```

    Args:
        alpha: Decay of the kernel in 1/s.
        out: An animation (.gif), or a figure of six moments (.png, .svg, .pdf).
    """
    from decanet.convolution.figures.sliding_kernel import animate_sliding

    _finish([animate_sliding(out, alpha)], json)


@command.command
def sound(
    sound: Path | None = None,
    /,
    *,
    echo: Annotated[list[str] | None, Parameter(negative=())] = None,
    reverb: str | None = None,
    impulse: Path | None = None,
    decay: float | None = None,
    mix: float = 1.0,
    peak: Literal["fit", "normalize", "clip", "keep"] | None = None,
    out: Annotated[Path | None, Parameter(validator=SOUND)] = None,
    figure: Annotated[Path | None, Parameter(validator=FIGURE)] = None,
    array: Annotated[Path | None, Parameter(name="--save-array", validator=ARRAY)] = None,
    json: JsonFlag = False,
) -> None:
    """Convolve a sound with an echo, a reverberation, a recorded impulse response or a decay.

    Several of them are applied one after the other.

    For example an echo after 0.3 s, half as strong, with a figure; a synthetic room of 2 s, for the built-in sound;
    a recorded room:

    ```
    decanet convolve signal sound voice.wav --echo 0.3:0.5 --figure echo.png
    decanet convolve signal sound --reverb 2 --out hall.wav
    decanet convolve signal sound voice.flac --impulse room.wav --out there.flac
    ```

    Args:
        sound: Sound file (WAV, FLAC, OGG) of any sample rate, length and number of channels (default: the built-in
            sound of plucked strings and a voice).
        echo: DELAY:STRENGTH, in seconds and as a factor; repeat the option for more echoes.
        reverb: SECONDS or SECONDS:SEED, a synthetic impulse response: noise that decays by 60 dB in that time.
        impulse: Sound file of a recorded impulse response, resampled to the sample rate of the sound.
        decay: Alpha in 1/s of the tutorial's exponential kernel, alpha exp(-alpha t). It is a low-pass filter without
            the sound itself, so the result is faint: it is scaled up, unless --peak or --mix say otherwise.
        mix: Fraction of the result that is convolved, 0 to 1; the rest is the original.
        peak: What is done where the result exceeds full scale: it is scaled down (fit), clipped (clip), or kept in a
            floating-point WAV (keep); normalize always scales the peak to full scale. Default: fit.
        out: The resulting sound (.wav, .flac, .ogg); NAME-convolved by default.
        figure: Waveforms before and after (.png, .svg, .pdf).
        array: The samples of the result as a .npy file, float64, (n, channels).
    """
    from decanet.convolution.impulse_responses import Echo, ExponentialDecay
    from decanet.convolution.sound_convolution import (
        convolve_sound,
        describe_kernel,
        low_pass_in_words,
        mixed,
        response_of,
    )
    from decanet.convolution.sound_output import (
        echo_at_the_loudest,
        encoding_for,
        rendered,
        save_samples,
        write_sound,
    )
    from decanet.convolution.sounds import open_sound
    from decanet.convolution.synthesis import default_sound

    if sound is not None and echo is reverb is impulse is decay is None:
        raise UsageError(
            f"{sound} needs a kernel: give --echo 0.3:0.5, --reverb 2, --impulse room.wav or --decay 5"
        )
    if out is None:
        ending = (
            sound.suffix.lower() if sound and sound.suffix.lower() in (".wav", ".flac", ".ogg") else ".wav"
        )
        out = Path(f"{sound.stem if sound else 'built-in'}-convolved{ending}")
    for source in (sound, impulse):
        if source and out.exists() and source.exists() and out.samefile(source):
            raise UsageError(f"--out {out} would replace a sound that is read; give another name")
    original = open_sound(sound) if sound else default_sound()
    kernels = _kernels(original, echo, reverb, impulse, decay)
    descriptions = [describe_kernel(kernel, original.sample_rate) for kernel in kernels]
    if not 0 <= mix <= 1:
        raise UsageError(f"--mix is a fraction of the convolved sound, 0 to 1, got {mix:g}")
    faint = decay is not None and mix == 1 and peak is None
    peak = peak or ("normalize" if faint else "fit")
    encoding = encoding_for(out, original, peak)
    blocks = convolve_sound(original, kernels)
    if mix < 1:
        blocks = mixed(original.blocks(), blocks, mix)
    print_line = console(json).print_line
    print_line(
        f"{original.name}: {original.sample_rate} Hz, channels: {original.channels}, {original.subtype}"
    )
    if original.note:
        print_line(f"{original.name}: {original.note}")
    for description in descriptions:
        print_line(
            f"convolved with {description}" + (f", mixed with {1 - mix:.0%} of the original" * (mix < 1))
        )
    for kernel in kernels:
        if isinstance(kernel, ExponentialDecay):
            for line in low_pass_in_words(kernel).splitlines():
                print_line(line)
    with rendered(blocks) as result:
        loudness = write_sound(out, result, original.sample_rate, encoding, peak)
        files = [out]
        if len(kernels) == 1 and isinstance(kernels[0], Echo) and len(kernels[0].taps) == 1 and mix == 1:
            (delay, strength) = kernels[0].taps[0]
            at, now, later, heard = echo_at_the_loudest(original, result, delay)
            print_line(
                "the kernel is two impulses (Dirac): finite values at single points would have the integral 0"
            )
            print_line(
                f"at the loudest instant, t0 = {at:.3f} s, d = {delay:g} s: F(t0 + d) = f(t0 + d) + {strength:g} f(t0)"
            )
            print_line(
                f"  = {later:.4g} + {strength:g} * {now:.4g} = {later + strength * now:.4g}; the result has {heard:.4g}"
            )
        if figure:
            from decanet.convolution.figures.signals import draw_sound
            from decanet.core.plotting import save_figure

            response = response_of(kernels, original.sample_rate)
            words = " and ".join(descriptions) + f"; {mix:.0%} of the mix" * (mix < 1)
            files.append(save_figure(draw_sound(original, result, words, response, loudness.gain), figure))
        if array:
            files.append(save_samples(array, result))
    seconds = result.frames / original.sample_rate
    print_line(f"{seconds:.2f} s, channels: {result.channels}, {encoding.subtype}, {loudness}")
    _finish(
        files, json, sound=original.name, sample_rate=original.sample_rate, channels=original.channels,
        subtype=original.subtype, kernels=descriptions, result_seconds=seconds, result_channels=result.channels,
        result_peak=result.peak, result_subtype=encoding.subtype, gain=loudness.gain,
        clipped_samples=loudness.clipped_samples,
    )  # fmt: skip


def _alphas(given: list[float] | None) -> list[float]:
    from decanet.convolution.impulse_responses import ExponentialDecay
    from decanet.convolution.signals import TUTORIAL_ALPHAS

    alphas = list(TUTORIAL_ALPHAS) if given is None else given
    for alpha in alphas:
        ExponentialDecay(alpha)  # refuses what is no alpha before anything is written
    return alphas


def _print_comparison(
    compared: "list[Comparison]", convergence: list[tuple[float, float, float]], json: bool
) -> None:
    print_line = console(json).print_line
    methods = list(compared[0].seconds)
    print_line(
        "(f * g)(t) = integral from 0 to t of f(tau) g(t - tau) d tau: it begins at 0, because f is 0 before, and"
    )
    print_line("ends at t, because the kernel is causal: no room responds to a clap before it sounds")
    print_line(f"{'':8}{'max error against the closed form':<36}{'milliseconds':>22}")
    print_line(f"{'alpha':>6}  " + "".join(f"{method:>12}" for method in methods * 2))
    for row in compared:
        errors = "".join(f"{row.max_error[method]:12.1e}" for method in methods)
        times = "".join(f"{1e3 * row.seconds[method]:12.3f}" for method in methods)
        print_line(f"{row.alpha:>6g}  {errors}{times}")
    totals = {method: sum(row.seconds[method] for row in compared) for method in methods}
    for method in methods[1:]:
        print_line(f"{method}: {totals['quadrature'] / totals[method]:,.0f} times as fast as quadrature")
    alpha = max(row.alpha for row in compared)
    print_line(
        f"The error of the FFT method decreases with the step between the samples; for alpha {alpha:g}:"
    )
    for step, rectangle, trapezoid in convergence:
        print_line(f"  step {step:.5f} s: rectangle rule {rectangle:.1e}, trapezoidal rule {trapezoid:.1e}")


def _finish(files: list[Path], json: bool, **report: Any) -> None:
    for path in files:
        console(json).print_line(f"wrote {path}")
    if json:
        print_json({**report, "files": [str(path) for path in files]})


def _kernels(
    sound: "Sound", echo: list[str] | None, reverb: str | None, impulse: Path | None, decay: float | None
) -> "list[SoundKernel]":
    from decanet.convolution.impulse_responses import Echo, ExponentialDecay, Reverb
    from decanet.convolution.sounds import read_impulse

    kernels: list[SoundKernel] = []
    if echo is not None:
        kernels.append(Echo(tuple(_tap(text) for text in echo)))
    if reverb is not None:
        kernels.append(Reverb(*_reverb(reverb), sound.channels))
    if impulse is not None:
        kernels.append(read_impulse(impulse))
    if decay is not None:
        kernels.append(ExponentialDecay(decay))
    return kernels


def _tap(text: str) -> tuple[float, float]:
    delay, colon, strength = text.partition(":")
    try:
        if colon:
            return float(delay), float(strength)
    except ValueError:
        pass
    raise UsageError(f"--echo takes DELAY:STRENGTH, in seconds and as a factor, like 0.3:0.5; got {text!r}")


def _reverb(text: str) -> tuple[float, int]:
    seconds, _, seed = text.partition(":")
    try:
        return float(seconds), int(seed or 0)
    except ValueError:
        raise UsageError(f"--reverb takes SECONDS or SECONDS:SEED, like 2 or 2:7; got {text!r}") from None
