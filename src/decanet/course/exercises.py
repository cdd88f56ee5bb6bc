"""The exercises of the chapters: answers that decanet computes, and why the usual wrong ones are wrong."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from scipy import stats

from decanet.convolution.arithmetic import Window, output_size
from decanet.core.errors import UsageError, did_you_mean
from decanet.core.texts import Texts

PACKAGE = "decanet.course"
TOLERANCE = 0.001  # relative, or absolute near 0: answers may be rounded to three digits


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        answer: computes the right answer.
        mistakes: key of a text -> the wrong answer that this mistake gives.
        whole: whether the answer is a whole number, to be given exactly.
    """

    answer: Callable[[], float]
    mistakes: Mapping[str, Callable[[], float]] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True)
class Checked:
    """What came of an answer: whether it is right, and an explanation."""

    right: bool
    explanation: str


def _echo(flipped: bool = True) -> float:
    signal, kernel = np.array([2.0, 1.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0, 0.4])
    if flipped:
        return float(np.convolve(signal, kernel)[3])
    return float(np.correlate(signal, kernel, "full")[3])


PATCH = np.array([[10.0, 20, 30], [40, 50, 60], [70, 80, 200]])


def _size(image: int, kernel: int, stride: int, padding: int) -> float:
    return (image + 2 * padding - kernel) / stride + 1


def _softmax(logits: tuple[float, ...]) -> np.ndarray:
    powers = np.exp(np.array(logits) - max(logits))
    return np.asarray(powers / powers.sum())


DIFFERENCES = (-1.2, -0.8, -1.5, -0.6, -0.9)  # points, of five seeds


def _half_width(quantile: float) -> float:
    return quantile * float(np.std(DIFFERENCES, ddof=1)) / math.sqrt(len(DIFFERENCES))


EXERCISES: dict[str, Exercise] = {
    "echo": Exercise(
        _echo,
        {"echo_forward": lambda: 2.0 + 0.4 * -1.0, "echo_dry": lambda: -1.0, "echo_wet": lambda: 0.8},
    ),
    "matrix": Exercise(
        lambda: float(PATCH.mean()),
        {"matrix_sum": lambda: float(PATCH.sum()), "matrix_median": lambda: float(np.median(PATCH))},
    ),
    "edges": Exercise(
        lambda: output_size(224, Window(kernel=11, stride=4, padding=0)),
        {
            "edges_paper": lambda: 55,
            "edges_fraction": lambda: _size(224, 11, 4, 0),
            "edges_stride": lambda: 214,
        },
        whole=True,
    ),
    "neurons": Exercise(
        lambda: 32 * (3 * 3 * 3 + 1),
        {
            "neurons_bias": lambda: 32 * 3 * 3 * 3,
            "neurons_channels": lambda: 32 * (3 * 3 + 1),
            "neurons_positions": lambda: 32 * (3 * 3 * 3 + 1) * 32 * 32,
        },
        whole=True,
    ),
    "alexnet": Exercise(
        lambda: 256 * 13 * 13 * 4096 + 4096,
        {
            "alexnet_bias": lambda: 256 * 13 * 13 * 4096,
            "alexnet_channels": lambda: 256 * 4096 + 4096,
            "alexnet_pooled": lambda: 256 * 6 * 6 * 4096 + 4096,
        },
        whole=True,
    ),
    "layers": Exercise(
        lambda: float(_softmax((2.0, 1.0, 0.0))[0]),
        {
            "layers_share": lambda: 2 / 3,
            "layers_twice": lambda: float(_softmax(tuple(_softmax((2.0, 1.0, 0.0))))[0]),
        },
    ),
    "training": Exercise(
        lambda: 10 * math.ceil(50_000 / 128),
        {
            "training_fraction": lambda: float(Fraction(500_000, 128)),
            "training_dropped": lambda: 10 * (50_000 // 128),
            "training_epoch": lambda: math.ceil(50_000 / 128),
        },
        whole=True,
    ),
    "insight": Exercise(
        lambda: 3 + 2 + 1 + 2 * 2,
        {"insight_last": lambda: 3, "insight_sum": lambda: 3 + 3 + 2 + 3, "insight_pool": lambda: 3 + 2 + 2},
        whole=True,
    ),
    "line": Exercise(
        lambda: 256 * 64 + 9 * 64 * 64 + 64 * 256,
        {"line_plain": lambda: 2 * 9 * 256 * 256, "line_middle": lambda: 9 * 64 * 64},
        whole=True,
    ),
    "ideas": Exercise(
        lambda: _half_width(float(stats.t.ppf(0.975, 4))),
        {
            "ideas_normal": lambda: _half_width(1.96),
            "ideas_deviation": lambda: float(np.std(DIFFERENCES, ddof=1)),
        },
    ),
    "depth": Exercise(
        lambda: 2 * 9 / 25,
        {"depth_once": lambda: 9 / 25, "depth_inverse": lambda: 25 / 18},
    ),
    "outlook": Exercise(
        lambda: 100 * 0.99 * 0.98,
        {"outlook_sum": lambda: 98.0 - 2.0, "outlook_ignored": lambda: 99.0},
    ),
}


def check(name: str, answer: str, language: str = "en") -> Checked:
    """Check an answer and say why it is wrong, if it is.

    Args:
        name: of an exercise.
        answer: a number; fractions (3/4), thousands (896, 37,752,832) and a percent sign are understood.
        language: of the explanation.

    Raises:
        UsageError: the exercise is unknown, or the answer is no number.
    """
    if name not in EXERCISES:
        hint = did_you_mean(name, EXERCISES) or f" (known: {', '.join(EXERCISES)})"
        raise UsageError(f"unknown exercise {name!r}{hint}")
    exercise, texts = EXERCISES[name], Texts(PACKAGE, language)
    value, right = parse_number(answer), exercise.answer()
    if _equal(value, right, exercise.whole):
        return Checked(
            True,
            texts(
                f"exercises.{name}.right", answer=f"{right:,.6g}" if not exercise.whole else f"{right:,.0f}"
            ),
        )
    for key, mistake in exercise.mistakes.items():
        if _equal(value, mistake(), exercise.whole):
            return Checked(False, texts(f"exercises.{name}.{key.partition('_')[2]}"))
    return Checked(False, texts(f"exercises.{name}.hint"))


def parse_number(text: str) -> float:
    """Return the number in an answer. Raises UsageError for what is no number."""
    plain = text.strip().replace(",", "").replace(" ", "").rstrip("%")
    try:
        return float(Fraction(plain)) if "/" in plain else float(plain)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{text!r} is no number; for instance 0.4, 3/4 or 1,024") from None


def _equal(value: float, right: float, whole: bool) -> bool:
    if whole and right == round(right):
        return value == right
    return math.isclose(value, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE / 10)
