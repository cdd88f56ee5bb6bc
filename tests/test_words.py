"""The source uses the words of docs/GLOSSARY.md."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("words", ROOT / "scripts" / "words.py")
assert _spec
assert _spec.loader
words = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(words)


def test_the_source_has_none_of_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    code = words.main([])
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a picture", "picture"),
        ("show_pictures(x)", "show_pictures"),
        ("class MiniPictureData:", "MiniPictureData"),
        ("Judged by its views", "Judged"),
        ("def _judge():", "_judge"),
        ("a rehearsal", "rehearsal"),
        ("most_surest", "most_surest"),
        ("COLOURS = 3", "COLOURS"),
        ("normalised", "normalised"),
        ("in_grey_levels", "in_grey_levels"),
        ("toGrey()", "toGrey"),
        ("spec: Form", "Form"),
        ("class InputForm:", "InputForm"),
        ("class _Wish:", "_Wish"),
        ("selection.whole_passes(3)", "whole_passes"),
    ],
)
def test_a_word_is_found_as_a_word_and_as_a_part_of_an_identifier(text: str, word: str) -> None:
    assert list(words.found_in(f"\n{text}")) == [(2, word)]


@pytest.mark.parametrize(
    "text",
    [
        "in this form",
        "Format, Formula, PLATFORM",
        "greyhound",
        "a wish",
        "optimizer, color, gray, center",
        "prejudice",
    ],
)
def test_other_words_are_not_found(text: str) -> None:
    assert list(words.found_in(text)) == []


def test_names_of_random_streams_are_allowed_and_nothing_else_in_their_line() -> None:
    line = 'torch.randn(3, generator=generator(*seed, "colour", int(sample)))'
    assert list(words.found_in(line, "src/decanet/data/x.py")) == []
    assert list(words.found_in(f"{line}  # the colour", "src/decanet/data/x.py")) == [(1, "colour")]
    assert list(words.found_in('title = "colour"', "src/decanet/data/x.py")) == [(1, "colour")]


def test_the_exit_code_tells_whether_a_word_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.py").write_text("color = 1\n")
    assert words.main([str(tmp_path)]) == 0
    (tmp_path / "bad.py").write_text("\ncolour = 1\n")
    assert words.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{tmp_path / 'bad.py'}:2: colour\n"
