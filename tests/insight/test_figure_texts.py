"""Texts in figures: every phrase is found with its numbers and names, and what is unknown stays."""

import re
import tomllib
from importlib import resources

import pytest
from matplotlib.figure import Figure

from decanet.insight import figure_texts
from decanet.insight.figure_texts import phrases, translate, translated

PHRASES = tomllib.loads(
    (resources.files("decanet.insight") / "texts" / "figures.toml").read_text(encoding="utf-8")
)["phrase"]


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase["en"][:30])
def test_a_phrase_is_translated_with_its_numbers_and_names(phrase: dict[str, str]) -> None:
    places = set(re.findall(r"\{(\d)\}", phrase["en"]))
    assert set(re.findall(r"\{(\d)\}", phrase["zh"])) == places
    values = [f"v{k}" for k in range(len(places))]
    assert translated(phrase["en"].format(*values)) == phrase["zh"].format(*values)


def test_every_phrase_stands_once() -> None:
    assert len({phrase["en"] for phrase in PHRASES}) == len(PHRASES) == len(phrases())


def test_numbers_names_and_line_breaks_are_kept() -> None:
    assert translated("84 images, 8.4% of its class") == "84 张图像，占其类别的 8.4%"
    assert translated("dog taken for cat") == "dog 被当作 cat"
    assert translated("block1\n9 × 9 effective 7.3") == "block1\n9 × 9，有效 7.3"
    assert translated("block1") == "block1"


def test_a_figure_is_translated_only_where_a_font_can_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.set_xlabel("accuracy (%)")
    axes.set_yticks([0, 1], ["noise", "block1"])
    translate(figure, "en")
    assert axes.get_xlabel() == "accuracy (%)"
    monkeypatch.setattr(figure_texts, "figure_language", lambda _: "en")  # no font
    translate(figure, "zh")
    assert axes.get_xlabel() == "accuracy (%)"
    monkeypatch.setattr(figure_texts, "figure_language", lambda language: language)
    translate(figure, "zh")
    assert axes.get_xlabel() == "准确率（%）"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["噪声", "block1"]
