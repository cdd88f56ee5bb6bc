"""``decanet quiz``: generated questions, with answers that are computed and derived."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from decanet.cli._shared import console


def command(
    topic: Annotated[
        str | None, Parameter(help="size, parameters, receptive, kernel or curves (default: all in turn).")
    ] = None,
    /,
    *,
    count: Annotated[int, Parameter(help="Number of questions.")] = 5,
    seed: Annotated[
        int | None, Parameter(help="Seed of the questions (default: new ones every time).")
    ] = None,
    export: Annotated[
        Path | None, Parameter(help="Write a sheet to print, with solutions, instead of asking.")
    ] = None,
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language of the questions.")] = "en",
) -> None:
    """Ask questions on the course, and derive the answers.

    For example:

    ```
    decanet quiz
    decanet quiz receptive --count 3
    decanet quiz --count 10 --seed 1 --export quiz.md --lang zh
    ```
    """
    import random

    from decanet.core.files import write_text
    from decanet.course.quiz import evaluate_answer, questions, score, sheet

    asked = questions(topic, count, random.randrange(2**31) if seed is None else seed, lang)
    out = console()
    if export is not None:
        write_text(export, sheet(asked, lang))
        out.print_line(f"wrote {export}")
        return
    right = 0
    for number, question in enumerate(asked, 1):
        out.print(f"\n{number}. {question.text}\n")
        for letter, option in zip("abcd", question.options, strict=True):
            out.print(f"  {letter}) {option}")
        try:
            answer = input("> ")
        except EOFError:  # the input ended: what was answered counts
            out.print("")
            asked = asked[: number - 1]
            break
        correct, reply = evaluate_answer(question, answer, lang)
        right += correct
        out.print(reply)
    out.print_line(score(right, len(asked), lang))
