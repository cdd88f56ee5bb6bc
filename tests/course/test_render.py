"""Rendering: formulas, commands, predictions, quotations and exercises."""

from dataclasses import replace

import pytest

from decanet.course.render import quoted, render, slug
from decanet.course.source import Chapter, load_chapter

CHAPTER = replace(load_chapter("1", "en"), body="")


def html(body: str, language: str = "en") -> str:
    chapter: Chapter = replace(CHAPTER, body=body, language=language)
    return render(chapter)


def test_formulas_are_mathml() -> None:
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">' in html("a $x^2$ b")
    assert 'display="block"' in html("$$y = \\sum_k f[k]$$")


def test_html_in_a_chapter_is_escaped_and_numbers_are_filled_in() -> None:
    assert "<script>" not in html("<script>alert(1)</script>")
    assert "89.2%" in html("{{quick.accuracy}}%")


def test_a_prediction_hides_its_answer_until_a_choice() -> None:
    page = html(
        "```predict\nWhat?\n- one\n- two\n---\nTwo, because.\n```\n\n```predict\nAnd?\n- a\n- b\n---\nb\n```"
    )
    assert page.count('type="radio"') == 4
    assert page.count('name="predict1"') == page.count('name="predict2"') == 2
    assert page.index("one") < page.index('<div class="answer">') < page.index("Two, because.")


def test_code_is_quoted_from_the_source_without_docstrings() -> None:
    source = quoted("decanet.training.schedules:lr_factor")
    assert source.startswith("def lr_factor(")
    assert '"""' not in source
    assert "math.cos(math.pi * after)" in source
    compile(source, "quoted", "exec")
    assert "class BottleneckLayer" in html("```quote decanet.models.densenet:BottleneckLayer\n```")


@pytest.mark.parametrize(("language", "title"), [("en", "Exercise"), ("zh", "练习")])
def test_an_exercise_names_its_checker_in_the_language_of_the_page(language: str, title: str) -> None:
    page = html("```exercise echo\nWhat is $y$?\n```", language)
    assert "decanet course check echo ANSWER" in page
    assert title in page


def test_a_run_shows_command_output_and_figure_with_its_text() -> None:
    lines = "lines: 21-21\nalt: seven\ncaption: *c*"
    body = f"```run echo-samples\ndecanet layers convolution-1d --out {{figure}}\n{lines}\n```"
    page = html(body)
    assert "decanet layers convolution-1d --out echo-samples.png" in page
    assert 'alt="seven"' in page
    assert "<em>c</em>" in page
    assert "data:image/png;base64," in page


def test_headings_have_addresses_in_both_scripts() -> None:
    assert slug("What must be equal") == "what-must-be-equal"
    assert '<h2 id="两个性质">' in html("## 两个性质")


def test_plain_code_stays_code() -> None:
    assert "<code>x &lt; 1\n</code>" in html("```\nx < 1\n```")
