"""Exercises: right answers, usual mistakes, and answers that are none."""

import pytest

from decanet.core.errors import UsageError
from decanet.core.texts import LANGUAGES
from decanet.course.exercises import EXERCISES, check, parse_number

ANSWERS = {  # computed by hand
    "echo": "-0.2", "matrix": "62.2", "edges": "54", "neurons": "896", "alexnet": "177,213,440", "layers": "0.665",
    "training": "3910", "insight": "10", "line": "69632", "ideas": "0.439", "depth": "18/25", "outlook": "97.02%",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EXERCISES)
def test_the_right_answer_is_right_and_explained(name: str, language: str) -> None:
    checked = check(name, ANSWERS[name], language)
    assert checked.right
    assert len(checked.explanation) > 20


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "mistake"), [(name, mistake) for name, e in EXERCISES.items() for mistake in e.mistakes]
)
def test_a_usual_mistake_is_told_apart_from_any_other(name: str, mistake: str, language: str) -> None:
    wrong = EXERCISES[name].mistakes[mistake]()
    checked = check(name, repr(wrong), language)
    assert not checked.right
    assert checked.explanation != check(name, "123456.5", language).explanation


def test_every_exercise_has_an_answer_here() -> None:
    assert ANSWERS.keys() == EXERCISES.keys()


@pytest.mark.parametrize(("text", "value"), [("3/4", 0.75), (" 1,024 ", 1024), ("97%", 97), ("-0.2", -0.2)])
def test_numbers_are_read_as_people_write_them(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["", "four", "1/0"])
def test_what_is_no_number_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="is no number"):
        parse_number(text)


def test_an_unknown_exercise_is_an_error() -> None:
    with pytest.raises(UsageError, match="did you mean echo"):
        check("ecko", "1")
