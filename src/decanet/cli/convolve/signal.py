"""``decanet convolve signal``: the tutorial's sine and its echoes, or a sound of one's own in a room."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from decanet.cli._shared import JsonFlag, console, print_json
from decanet.core.errors import UsageError

if TYPE_CHECKING:
    from decanet.convolution.sound_convolution import SoundKernel
    from decanet.convolution.sounds import Sound

FIGURE_ENDINGS = (".png", ".svg", ".pdf")
SOUND_ENDINGS = (".wav", ".flac", ".ogg")


def command(
    sound: Path | None = None,
    /,
    *,
    echo: Annotated[list[str] | None, Parameter(negative=())] = None,
    reverb: float | None = None,
    impulse: Path | None = None,
    decay: float | None = None,
    demo: Annotated[bool, Parameter(negative=())] = False,
    peak: Literal["fit", "normalize", "clip", "keep"] | None = None,
    seed: int = 0,
    alpha: Annotated[list[float] | None, Parameter(negative=())] = None,
    figures: Path | None = None,
    laws: Path | None = None,
    animation: Path | None = None,
    out: Path | None = None,
    save_array: Path | None = None,
    json: JsonFlag = False,
) -> None:
    """Convolve a sound with an echo, a room or a decay; without a sound, run the tutorial's program.

    For example the tutorial's 13 figures; an echo after 0.3 s, half as strong, to hear and to see; a hall, on the
    built-in sound; a recorded room; the laws; the kernel that slides over the signal:

    ```
    decanet convolve signal
    decanet convolve signal voice.wav --echo 0.3:0.5 --out voice-echo.wav
    decanet convolve signal voice.wav --echo 0.3:0.5 --out voice-echo.png
    decanet convolve signal --demo --reverb 2 --out hall.wav
    decanet convolve signal voice.flac --impulse room.wav --out there.flac
    decanet convolve signal --laws laws.png
    decanet convolve signal --animation sliding.gif --alpha 2
    ```

    Args:
        sound: A sound file (WAV, FLAC, OGG), of any rate, length and number of channels.
        echo: DELAY:STRENGTH in seconds and as a factor; give it again for more echoes.
        reverb: A made-up room: noise that falls by 60 dB in so many seconds.
        impulse: A recorded impulse response; it is resampled to the sound's rate where it differs.
        decay: The tutorial's exponential kernel, alpha exp(-alpha t), for this alpha in 1/s.
        demo: Use the built-in sound: plucked notes and a gliding voice.
        peak: A result above full scale is turned down (fit, the default), cut off (clip), or kept in a
            floating-point WAV (keep); normalize always brings the loudest sample to full scale.
        seed: Of the made-up room's noise.
        alpha: An alpha of your own for the tutorial's figures, in 1/s; give it again for more.
        figures: Folder for the tutorial's figures; convolve-signal by default.
        laws: Draw the laws of convolution into this file.
        animation: Draw the flipped kernel sliding over the sine: a .gif, or a .png of six moments.
        out: The result: a sound (.wav, .flac, .ogg) or a figure (.png, .svg, .pdf), by its ending.
        save_array: The raw result as a .npy file, float64: (n, C) of a sound, (alphas, 500) of the tutorial.
    """
    effects = [echo, reverb, impulse, decay]
    _check_ending("--save-array", save_array, (".npy",))
    if sound is None and not demo and all(effect is None for effect in effects):
        if peak is not None:
            raise UsageError("--peak is about a sound; give one, or --demo")
        _check_ending("--out", out, FIGURE_ENDINGS, "the tutorial's sine of 1 Hz cannot be heard")
        _check_ending("--laws", laws, FIGURE_ENDINGS)
        _check_ending("--animation", animation, (".gif", *FIGURE_ENDINGS))
        _run_tutorial(alpha, figures, laws, animation, out, save_array, json)
        return
    for option, value in {
        "--alpha": alpha, "--figures": figures, "--laws": laws, "--animation": animation
    }.items():  # fmt: skip
        if value is not None:
            raise UsageError(
                f"{option} belongs to the tutorial's sine; leave it out, or the sound and its effects"
            )
    if sound is not None and demo:
        raise UsageError(f"give either {sound} or --demo, not both")
    if sound is not None and all(effect is None for effect in effects):
        raise UsageError(
            f"say what to convolve {sound} with: --echo 0.3:0.5, --reverb 2, --impulse room.wav or --decay 5"
        )
    _run_sound(sound, echo, reverb, impulse, decay, peak, seed, out, save_array, json)


def _check_ending(option: str, path: Path | None, endings: Sequence[str], why: str = "") -> None:
    if path is not None and path.suffix.lower() not in endings:
        reason = f" ({why})" if why else ""
        raise UsageError(f"{option} {path} must end in {', '.join(endings)}{reason}")


# ------------------------------------------------------------------------------------------ tutorial


def _run_tutorial(
    alphas: list[float] | None,
    figures: Path | None,
    laws: Path | None,
    animation: Path | None,
    out: Path | None,
    save_array: Path | None,
    json: bool,
) -> None:
    from decanet.convolution.impulse_responses import ExponentialDecay
    from decanet.convolution.signals import TUTORIAL_ALPHAS

    chosen = list(TUTORIAL_ALPHAS) if alphas is None else alphas
    for alpha in chosen:
        ExponentialDecay(alpha)  # a bad one is refused before anything is written
    report: dict[str, Any] = {"files": []}
    say = console(json).say
    only_drawings = (laws or animation) and not (figures or out or save_array)
    if not only_drawings:
        _compare(chosen, figures or Path("convolve-signal"), out, save_array, report, say)
    if laws:
        from decanet.convolution.figures.laws import draw_laws
        from decanet.core.plotting import save_figure

        report["files"].append(str(save_figure(draw_laws(), laws)))
        say(f"laws: {laws}")
    if animation:
        from decanet.convolution.figures.sliding_kernel import animate_sliding

        alpha = 2.0 if alphas is None else alphas[0]
        report["files"].append(str(animate_sliding(animation, alpha)))
        say(f"sliding kernel, alpha {alpha:g} 1/s: {animation}")
    if json:
        print_json(report)


def _compare(
    alphas: list[float],
    figures: Path,
    out: Path | None,
    save_array: Path | None,
    report: dict[str, Any],
    say: Any,
) -> None:
    import numpy as np

    from decanet.convolution.figures.signals import draw_echo, draw_echo_sheet
    from decanet.convolution.method_comparison import compare_methods, fft_convergence
    from decanet.core.files import atomic_path
    from decanet.core.plotting import save_figure

    compared = compare_methods(alphas)
    methods = list(compared[0].seconds)
    say(f"{'':8}{'max error against the closed form':<36}{'milliseconds':>22}")
    say(f"{'alpha':>6}  " + "".join(f"{method:>12}" for method in methods * 2))
    for row in compared:
        errors = "".join(f"{row.max_error[method]:12.1e}" for method in methods)
        times = "".join(f"{1e3 * row.seconds[method]:12.3f}" for method in methods)
        say(f"{row.alpha:>6g}  {errors}{times}")
    totals = {method: sum(row.seconds[method] for row in compared) for method in methods}
    for method in methods[1:]:
        say(f"{method}: {totals['quadrature'] / totals[method]:,.0f} times as fast as quadrature")
    convergence = fft_convergence(max(alphas))
    say(f"The fft sees only samples. For alpha {max(alphas):g} its error falls with the step, by the rule:")
    for step, rectangle, trapezoid in convergence:
        say(f"  step {step:.5f} s: rectangles {rectangle:.1e}, trapezoids {trapezoid:.1e}")

    values = np.stack([row.values for row in compared])
    for row in compared:
        path = figures / f"echo-alpha-{row.alpha:g}.png"
        report["files"].append(str(save_figure(draw_echo(row.alpha, row.values), path)))
    say(f"{len(compared)} {'figure' if len(compared) == 1 else 'figures'} in {figures}")
    if out:
        report["files"].append(str(save_figure(draw_echo_sheet(alphas, values), out)))
        say(f"all on one sheet: {out}")
    if save_array:
        with atomic_path(save_array) as temporary, temporary.open("wb") as file:
            np.save(file, values)
        report["files"].append(str(save_array))
        say(f"array {values.shape}: {save_array}")
    report["alphas"] = [
        {"alpha": row.alpha, "max_error": row.max_error, "seconds": row.seconds} for row in compared
    ]
    report["fft_convergence"] = [
        {"step_seconds": step, "rectangle_error": rectangle, "trapezoid_error": trapezoid}
        for step, rectangle, trapezoid in convergence
    ]


# --------------------------------------------------------------------------------------------- sound


def _run_sound(
    path: Path | None,
    echo: list[str] | None,
    reverb: float | None,
    impulse: Path | None,
    decay: float | None,
    peak: Literal["fit", "normalize", "clip", "keep"] | None,
    seed: int,
    out: Path | None,
    save_array: Path | None,
    json: bool,
) -> None:
    from decanet.convolution.sound_convolution import convolve_sound
    from decanet.convolution.sound_output import encoding_for, peak_in_words, rendered, write_sound
    from decanet.convolution.sound_output import save_array as save_samples
    from decanet.convolution.sounds import open_sound
    from decanet.convolution.synthesis import default_sound

    if out is None and save_array is None:
        ending = path.suffix.lower() if path and path.suffix.lower() in SOUND_ENDINGS else ".wav"
        out = Path(f"{path.stem if path else 'demo'}-convolved{ending}")
    _check_ending("--out", out, (*SOUND_ENDINGS, *FIGURE_ENDINGS))
    audible = out is not None and out.suffix.lower() in SOUND_ENDINGS
    if peak is not None and not audible:
        raise UsageError("--peak is about a sound file; give --out one that ends in .wav, .flac or .ogg")
    for source in (path, impulse):
        if source and out and out.exists() and source.exists() and out.samefile(source):
            raise UsageError(f"--out {out} would replace the sound that is read; give another name")

    sound = open_sound(path) if path else default_sound()
    kernels, words = _kernels(sound, echo, reverb, impulse, decay, seed)
    encoding = encoding_for(out, sound, peak or "fit") if out and audible else None
    blocks = convolve_sound(sound, kernels)
    say = console(json).say
    kept = {"PCM_16": "16 bits", "PCM_24": "24 bits"}.get(sound.subtype, sound.subtype)
    say(f"{sound.name}: {sound.rate} Hz, channels: {sound.channels}, {kept}")
    if sound.note:
        say(f"{sound.name}: {sound.note}")
    for word in words:
        say(f"convolved with {word}")
    with rendered(blocks) as result:
        seconds = result.frames / sound.rate
        report: dict[str, Any] = {
            "sound": sound.name, "rate": sound.rate, "channels": sound.channels, "subtype": sound.subtype,
            "kernels": words, "result_seconds": seconds, "result_channels": result.channels,
            "result_peak": result.peak, "files": [],
        }  # fmt: skip
        if encoding and out:
            loudness = write_sound(out, result, sound.rate, encoding, peak or "fit")
            report |= {"result_subtype": encoding.subtype, "gain": loudness.gain}
            report["clipped_samples"] = loudness.clipped_samples
            say(str(loudness))
            say(f"{out}: {seconds:.2f} s, channels: {result.channels}, {encoding.subtype}")
        elif out:
            from decanet.convolution.figures.signals import draw_sound
            from decanet.core.plotting import save_figure

            title = "Convolved with " + (" and ".join(words) or "nothing")
            save_figure(
                draw_sound(sound.name, sound.blocks(), title, result.blocks(), sound.rate, result.frames), out
            )
            say(f"{out}: {seconds:.2f} s, {peak_in_words(result.peak)}")
        if save_array:
            save_samples(save_array, result)
            say(f"array ({result.frames}, {result.channels}): {save_array}")
    report["files"] = [str(file) for file in (out, save_array) if file]
    if json:
        print_json(report)


def _kernels(
    sound: "Sound",
    echo: list[str] | None,
    reverb: float | None,
    impulse: Path | None,
    decay: float | None,
    seed: int,
) -> tuple[list["SoundKernel"], list[str]]:
    """The kernels that were asked for, and each in words."""
    from decanet.convolution.impulse_responses import Echo, ExponentialDecay, Reverb
    from decanet.convolution.sounds import read_impulse

    kernels: list[SoundKernel] = []
    words = []
    if echo is not None:
        taps = tuple(_tap(text) for text in echo)
        kernels.append(Echo(taps))
        words.append("an echo of " + ", ".join(f"{strength:g} after {delay:g} s" for delay, strength in taps))
    if reverb is not None:
        kernels.append(Reverb(reverb, seed, sound.channels))
        words.append(f"a made-up room of {reverb:g} s (seed {seed})")
    if impulse is not None:
        room = read_impulse(impulse)
        kernels.append(room)
        resampled = "" if room.rate == sound.rate else f", resampled from {room.rate} to {sound.rate} Hz"
        words.append(f"{impulse.name} ({room.reach:.2f} s{resampled})")
    if decay is not None:
        kernels.append(ExponentialDecay(decay))
        words.append(f"an exponential decay, alpha {decay:g} 1/s")
    return kernels, words


def _tap(text: str) -> tuple[float, float]:
    delay, colon, strength = text.partition(":")
    try:
        if colon:
            return float(delay), float(strength)
    except ValueError:
        pass
    raise UsageError(f"--echo takes DELAY:STRENGTH, in seconds and as a factor, like 0.3:0.5; got {text!r}")
