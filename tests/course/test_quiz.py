"""The quiz: answers against PyTorch, one right option each, and the same questions for the same seed."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from decanet.convolution.kernel_lookup import find_kernel
from decanet.core.errors import UsageError
from decanet.course.quiz import KERNELS, TOPICS, Question, questions, sheet

MANY = 40


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def right(question: Question) -> int:
    return int(question.options[question.right].replace(",", ""))


def test_sizes_are_pytorchs() -> None:
    for question in questions("size", MANY, seed=0):
        image, kernel, stride, padding = numbers(question.text)
        made = nn.Conv1d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, image))
        assert right(question) == made.shape[-1]


def test_parameters_are_pytorchs() -> None:
    for question in questions("parameters", MANY, seed=1):
        inputs, outputs, kernel, _ = numbers(question.text)
        layer = nn.Conv2d(inputs, outputs, kernel)
        assert right(question) == sum(p.numel() for p in layer.parameters())


def test_receptive_fields_are_the_support_of_the_gradient() -> None:
    for question in questions("receptive", MANY, seed=2):
        values = numbers(question.text)
        pairs = zip(values[::2], values[1::2], strict=True)
        layers = [nn.Conv1d(1, 1, kernel, stride, bias=False) for kernel, stride in pairs]
        for layer in layers:
            nn.init.ones_(layer.weight)
        x = torch.zeros(1, 1, 101, requires_grad=True)
        nn.Sequential(*layers)(x)[0, 0, 5].backward()
        assert x.grad is not None
        seen = x.grad[0, 0].nonzero().flatten()
        assert right(question) == int(seen.max() - seen.min()) + 1


def test_one_kernel_alone_made_the_second_matrix() -> None:
    for question in questions("kernel", MANY, seed=3):
        _, image, result = re.split(r"\n\n", question.text)
        before, after = (
            np.array([line.split() for line in part.splitlines()], float) for part in (image, result)
        )
        matching = []
        for name in question.options:
            weights = torch.tensor(np.asarray(find_kernel(name), float))[None, None]
            made = torch.nn.functional.conv2d(torch.tensor(before)[None, None], weights)[0, 0].numpy()
            if np.allclose(made, after, rtol=1e-3, atol=1e-3):
                matching.append(name)
        assert matching == [question.options[question.right]]


def test_the_kernels_differ_and_have_three_rows() -> None:
    weights = [np.asarray(find_kernel(name), float) for name in KERNELS]
    assert {w.shape for w in weights} == {(3, 3)}
    assert len({w.tobytes() for w in weights}) == len(KERNELS)


def test_the_overfitting_curve_is_the_one_whose_errors_part() -> None:
    for question in questions("curves", MANY, seed=4):
        rows = re.findall(r"error\s+((?:\d+\.\d\s*)+)", question.text)
        curves = [np.array(row.split(), float) for row in rows]
        gaps = [test[-1] - train[-1] for train, test in zip(curves[::2], curves[1::2], strict=True)]
        assert int(np.argmax(gaps)) == question.right
        train, test = curves[2 * question.right], curves[2 * question.right + 1]
        assert (np.diff(train) < 0).all()
        assert test[-1] > test.min()


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_options_differ_and_seeds_decide(topic: str, language: str) -> None:
    for question in questions(topic, MANY, seed=5, language=language):
        assert len(set(question.options)) == 4
        assert question.derivation
    assert questions(topic, 3, seed=6) == questions(topic, 3, seed=6)
    assert questions(topic, 3, seed=6) != questions(topic, 3, seed=7)


def test_both_languages_ask_the_same() -> None:
    for english, chinese in zip(questions(None, 10, 0, "en"), questions(None, 10, 0, "zh"), strict=True):
        assert english.options == chinese.options
        assert english.right == chinese.right
        assert numbers(english.derivation) == numbers(chinese.derivation)


def test_a_sheet_has_the_solutions_at_its_end() -> None:
    text = sheet(questions(None, 5, seed=0))
    before, _, after = text.partition("# Solutions")
    assert before.count("```") == 10
    assert len(re.findall(r"^\d\. [abcd]\)", after, re.MULTILINE)) == 5


def test_unknown_topics_and_empty_quizzes_are_errors() -> None:
    with pytest.raises(UsageError, match="did you mean kernel"):
        questions("kernels", 1, 0)
    with pytest.raises(UsageError, match="at least one question"):
        questions(None, 0, 0)
