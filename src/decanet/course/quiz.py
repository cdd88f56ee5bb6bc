"""The quiz: questions made from a seed, with answers that decanet computes and their derivation."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate2d

from decanet.convolution.arithmetic import Window, output_size
from decanet.convolution.kernel_lookup import find_kernel
from decanet.core.errors import UsageError, did_you_mean
from decanet.core.texts import Texts

PACKAGE = "decanet.course"
KERNELS = ("box", "sobel_x", "sobel_y", "laplacian_4", "sharpen", "edge", "diagonal", "emboss")
EPOCHS = (1, 5, 10, 20, 40)


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        topic: a key of :data:`TOPICS`.
        text: the question, of one or more lines.
        options: to choose from.
        right: index of the right option.
        derivation: how the answer comes about.
    """

    topic: str
    text: str
    options: tuple[str, ...]
    right: int
    derivation: str


def _choices(right: int, wrong: Sequence[int], source: random.Random) -> tuple[tuple[str, ...], int]:
    """The right number among three wrong ones, in random order."""
    others = [value for value in dict.fromkeys(wrong) if value != right and value > 0]
    step = 1
    while len(others) < 3:
        if right + step not in others:
            others.append(right + step)
        step += 1
    values = [right, *others[:3]]
    source.shuffle(values)
    return tuple(f"{value:,}" for value in values), values.index(right)


def _size(source: random.Random, texts: Texts) -> Question:
    kernel, stride = source.choice((3, 5, 7, 11)), source.choice((1, 2, 4))
    padding, image = source.choice((0, 1, kernel // 2)), source.choice((28, 32, 56, 64, 224))
    right = output_size(image, Window(kernel, stride, padding))
    room = image + 2 * padding - kernel
    wrong = (room // stride, (image - kernel) // stride + 1, -(-room // stride) + 1, room + 1)
    options, index = _choices(right, wrong, source)
    values = {"image": image, "kernel": kernel, "stride": stride, "padding": padding}
    derivation = texts("quiz.size.why", **values, room=room, right=right)
    return Question("size", texts("quiz.size.ask", **values), options, index, derivation)


def _parameters(source: random.Random, texts: Texts) -> Question:
    inputs, outputs = source.choice((3, 16, 32, 64)), source.choice((16, 32, 64, 128))
    kernel = source.choice((1, 3, 5))
    one = kernel * kernel * inputs + 1
    right = outputs * one
    wrong = (outputs * kernel * kernel * inputs, outputs * (kernel * kernel + 1), inputs * one)
    options, index = _choices(right, wrong, source)
    values = {"inputs": inputs, "outputs": outputs, "kernel": kernel}
    derivation = texts("quiz.parameters.why", **values, one=one, right=f"{right:,}")
    return Question("parameters", texts("quiz.parameters.ask", **values), options, index, derivation)


def _receptive(source: random.Random, texts: Texts) -> Question:
    layers = [(source.choice((1, 3, 5)), source.choice((1, 1, 2))) for _ in range(3)]
    field, distance, steps = 1, 1, []
    for kernel, stride in layers:
        steps.append(f"{field} + {kernel - 1} x {distance} = {field + (kernel - 1) * distance}")
        field += (kernel - 1) * distance
        distance *= stride
    plain = 1 + sum(kernel - 1 for kernel, _ in layers)
    wrong = (sum(kernel for kernel, _ in layers), plain, layers[-1][0], field + distance)
    options, index = _choices(field, wrong, source)
    described = ", ".join(texts("quiz.receptive.layer", kernel=k, stride=s) for k, s in layers)
    derivation = texts("quiz.receptive.why", steps="; ".join(steps), right=field)
    return Question("receptive", texts("quiz.receptive.ask", layers=described), options, index, derivation)


def _kernel(source: random.Random, texts: Texts) -> Question:
    image = np.array([[source.randrange(0, 10) for _ in range(5)] for _ in range(5)], dtype=float)
    names = source.sample(KERNELS, 4)
    index = source.randrange(4)
    results = {name: correlate2d(image, _weights(name), mode="valid") for name in names}
    made = results[names[index]]
    center = image[1:4, 1:4]
    terms = " + ".join(
        f"{weight:g} x {pixel:g}"
        for weight, pixel in zip(_weights(names[index]).ravel(), center.ravel(), strict=True)
        if weight
    )
    derivation = texts("quiz.kernel.why", name=names[index], terms=terms, right=f"{made[1, 1]:.4g}")
    text = texts("quiz.kernel.ask", image=_rows(image), result=_rows(made))
    return Question("kernel", text, tuple(names), index, derivation)


def _weights(name: str) -> np.ndarray:
    return np.asarray(find_kernel(name), dtype=float)


def _rows(matrix: np.ndarray) -> str:
    return "\n".join("  " + " ".join(f"{value:7.4g}" for value in row) for row in matrix)


def _curves(source: random.Random, texts: Texts) -> Question:
    kinds = ["overfits", "underfits", "fits", "diverges"]
    source.shuffle(kinds)
    lines = []
    for letter, kind in zip("ABCD", kinds, strict=True):
        train, test = _curve(kind, source)
        lines.append(
            f"  {letter}  {texts('quiz.curves.train')} " + " ".join(f"{value:5.1f}" for value in train)
        )
        lines.append(f"     {texts('quiz.curves.test')} " + " ".join(f"{value:5.1f}" for value in test))
    epochs = ", ".join(map(str, EPOCHS))
    text = texts("quiz.curves.ask", epochs=epochs, table="\n".join(lines))
    index = kinds.index("overfits")
    return Question("curves", text, tuple("ABCD"), index, texts("quiz.curves.why", letter="ABCD"[index]))


def _curve(kind: str, source: random.Random) -> tuple[list[float], list[float]]:
    """Training and test error in percent after each of ``EPOCHS``."""
    fall = np.exp(-np.array(EPOCHS) / source.uniform(5, 9))
    match kind:
        case "overfits":
            train = 1 + 75 * fall
            test = 28 + 50 * fall**1.5 + 9 * np.linspace(0, 1, len(EPOCHS)) ** 2
        case "underfits":
            train = 58 + 25 * fall
            test = train + 1.5
        case "diverges":
            train = np.array([70, 61, 74, 90, 90]) + source.uniform(-1, 1)
            test = np.array([69, 62, 77, 90, 90]) + source.uniform(-1, 1)
        case _:
            train = 6 + 68 * fall
            test = train + 2.5
    return train.clip(0, 90).tolist(), test.clip(0, 90).tolist()


TOPICS: dict[str, Callable[[random.Random, Texts], Question]] = {
    "size": _size,
    "parameters": _parameters,
    "receptive": _receptive,
    "kernel": _kernel,
    "curves": _curves,
}


def questions(topic: str | None, count: int, seed: int, language: str = "en") -> list[Question]:
    """Return ``count`` questions on a topic, or on all in turn; the same seed gives the same questions.

    Raises:
        UsageError: the topic is unknown, or fewer than one question is asked for.
    """
    if topic is not None and topic not in TOPICS:
        hint = did_you_mean(topic, TOPICS) or f" (known: {', '.join(TOPICS)})"
        raise UsageError(f"unknown topic {topic!r}{hint}")
    if count < 1:
        raise UsageError(f"a quiz has at least one question; got {count}")
    texts, source = Texts(PACKAGE, language), random.Random(seed)
    names = [topic] if topic else list(TOPICS)
    return [TOPICS[names[number % len(names)]](source, texts) for number in range(count)]


def evaluate_answer(question: Question, answer: str, language: str = "en") -> tuple[bool, str]:
    """Return whether an answer (a letter, or the option itself) is right, and what to say to it."""
    texts = Texts(PACKAGE, language)
    letter, solution = "abcd"[question.right], question.options[question.right]
    if answer.strip().lower().rstrip(")") in {letter, solution.lower()}:
        return True, texts("quiz.right", why=question.derivation)
    return False, texts("quiz.wrong", letter=letter, answer=solution, why=question.derivation)


def score(right: int, count: int, language: str = "en") -> str:
    """Return the result of a quiz in words."""
    return Texts(PACKAGE, language)("quiz.score", right=right, count=count)


def sheet(asked: Sequence[Question], language: str = "en") -> str:
    """Return the questions as a sheet to print, in Markdown, with the solutions at its end."""
    texts = Texts(PACKAGE, language)
    parts = [f"# {texts('quiz.title')}"]
    for number, question in enumerate(asked, 1):
        options = "\n".join(
            f"- {letter}) {option}" for letter, option in zip("abcd", question.options, strict=True)
        )
        parts.append(f"## {number}\n\n```\n{question.text}\n```\n\n{options}")
    parts.append(f"# {texts('quiz.solutions')}")
    parts += [
        f"{number}. {'abcd'[question.right]}) {question.options[question.right]}: {question.derivation}"
        for number, question in enumerate(asked, 1)
    ]
    return "\n\n".join(parts) + "\n"
