"""Chapters: both languages say the same, with every command, formula and number in the same place."""

import re
import shlex

import pytest

from decanet.core.errors import UsageError
from decanet.course.exercises import EXERCISES
from decanet.course.source import Chapter, load_chapter, load_chapters, parse_block

ENGLISH, CHINESE = load_chapters("en"), load_chapters("zh")
PAIRS = list(zip(ENGLISH, CHINESE, strict=True))
both = pytest.mark.parametrize(
    ("english", "chinese"), PAIRS, ids=lambda chapter: f"{chapter.name}-{chapter.language}"
)


def prose(chapter: Chapter) -> str:
    return re.sub(r"```.*?```|\$\$.*?\$\$", "", chapter.body, flags=re.DOTALL)


def words(chapter: Chapter) -> list[str]:
    """What a reader reads: words, and in Chinese characters, with their punctuation; no output and no code."""
    text = re.sub(r"```(?:run|quote)[^\n]*\n.*?```", "", chapter.body, flags=re.DOTALL)
    if chapter.language == "en":
        return text.split()
    return re.findall(r"[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]|[A-Za-z0-9.]+", text)


def test_there_are_twelve_chapters_in_order() -> None:
    assert [chapter.number for chapter in ENGLISH] == list(range(1, 13))
    assert [chapter.name for chapter in CHINESE] == [chapter.name for chapter in ENGLISH]


@both
def test_both_languages_have_the_same_structure(english: Chapter, chinese: Chapter) -> None:
    assert len(english.headings()) == len(chinese.headings())
    assert set(english.formulas()) == set(chinese.formulas())
    blocks = [
        [(block.kind, block.name, block.lines if block.kind == "run" else ()) for block in chapter.blocks()]
        for chapter in (english, chinese)
    ]
    assert blocks[0] == blocks[1]
    assert [block.fields.get("lines") for block in english.blocks()] == [
        block.fields.get("lines") for block in chinese.blocks()
    ]


@both
def test_both_languages_insert_the_same_numbers_and_name_the_same_commands(
    english: Chapter, chinese: Chapter
) -> None:
    for pattern in (r"\{\{[\w.#-]+\}\}", r"`decanet [^`]+`"):
        assert sorted(re.findall(pattern, english.body)) == sorted(re.findall(pattern, chinese.body))


@both
def test_a_chapter_has_what_every_chapter_has(english: Chapter, chinese: Chapter) -> None:
    for chapter in (english, chinese):
        kinds = [block.kind for block in chapter.blocks()]
        assert {"run", "predict", "quote", "exercise"} <= set(kinds)
        assert chapter.question.endswith(("?", "？"))
        for block in chapter.blocks():
            if block.kind == "run" and any("{figure}" in line for line in block.lines):
                assert block.fields["alt"], block.name
                assert block.fields["caption"], block.name
            if block.kind == "predict":
                assert "---" in block.lines
                assert sum(line.startswith("- ") for line in block.lines) >= 2
    assert 1200 <= len(words(english)) <= 2000
    assert 2000 <= len(words(chinese)) <= 3500


def test_every_exercise_is_set_once_and_every_one_has_its_checker() -> None:
    for chapters in (ENGLISH, CHINESE):
        names = [b.name for chapter in chapters for b in chapter.blocks() if b.kind == "exercise"]
        assert sorted(names) == sorted(EXERCISES)


def test_chinese_sentences_have_chinese_punctuation() -> None:
    for chapter in CHINESE:
        text = re.sub(r"`[^`]*`|\$[^$]*\$|\{\{[^}]*\}\}", "", prose(chapter))
        assert not re.findall(r"[\u4e00-\u9fff][,;?!][\u4e00-\u9fff]", text), chapter.name


def test_every_command_in_the_text_is_one_that_the_command_line_knows() -> None:
    from decanet.cli import COMMANDS

    for chapter in ENGLISH:
        for command in re.findall(r"`(decanet [^`]+)`", chapter.body):
            assert shlex.split(command)[1] in COMMANDS, command


def test_chapters_are_found_by_number_and_name() -> None:
    assert load_chapter("3", "en") == load_chapter("edges", "en")
    with pytest.raises(UsageError, match="did you mean edges"):
        load_chapter("edge", "en")
    with pytest.raises(UsageError, match="unknown language"):
        load_chapters("fr")


def test_a_block_has_commands_and_fields() -> None:
    block = parse_block(
        "run", "x", "decanet layers softmax --out {figure}\nlines: 1-2\nalt: a: b\ncaption: c\n"
    )
    assert block.lines == ("decanet layers softmax --out {figure}",)
    assert block.fields == {"lines": "1-2", "alt": "a: b", "caption": "c"}
