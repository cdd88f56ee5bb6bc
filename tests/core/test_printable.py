"""Untrusted names are printed literally and without side effects on the terminal."""

import json
import subprocess

import pytest

from decanet.core.errors import DataError, did_you_mean
from decanet.core.printable import decanet_line, printable, printable_json, shell_line


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat [x] 猫 é 🦊 a\u200db", "cat [x] 猫 é 🦊 a\u200db"), ("\x1b[2J", r"\x1b[2J"), ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x9b31m", r"\x9b31m"), ("evil\u202egnp.exe", r"evil\u202egnp.exe"), ("a\u2066b", r"a\u2066b"),
        ("caf\udce9", r"caf\xe9"), ("\ud800", r"\ud800"), ("a\u2028b", r"a\u2028b"), ("\x7f", r"\x7f"), ("\0", r"\x00"),
        ("\U000e0041", r"\U000e0041"),
    ],
)  # fmt: skip
def test_control_characters_are_escaped(name: str, shown: str) -> None:
    assert printable(name) == shown
    shown.encode("utf-8")
    assert printable(f"{name}\n{name}", keep_lines=True) == "\n".join(
        printable(line) for line in f"{name}\n{name}".split("\n")
    )


@pytest.mark.parametrize("value", ["a\x1b\u202e\udce9\x9b\U000e0041é猫", {"a\udce9": ["\u2028", 1.5]}])
def test_printable_json_has_the_same_value(value: object) -> None:
    text = printable_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "word",
    ["plain", "two words", "it's", "$HOME `id`", "caf\udce9", "a\nb'c\\d", "\x1b[2J", "猫", "-n", "~/x", ""],
)
def test_a_printed_command_can_be_copied(word: str) -> None:
    line = shell_line("printf", "%s", word)
    assert line.isprintable()
    message = subprocess.run(
        ["bash", "-c", line.encode("utf-8", "surrogateescape")], capture_output=True, check=True
    )
    assert message.stdout.decode("utf-8", "surrogateescape") == word


def test_an_error_is_one_line_for_any_name() -> None:
    line = DataError("cannot read\n  a\x1b[2J  b\udce9.png:\ttruncated").line
    assert line == r"error[data]: cannot read a\x1b[2J  b\xe9.png: truncated"


def test_suggestions_for_a_long_word_are_fast() -> None:
    assert did_you_mean("a." * 50_000, ["a.b"] * 100) == ""


@pytest.mark.parametrize(
    ("program", "on_path", "begins"),
    [
        (".venv/bin/decanet", False, ".venv/bin/decanet predict"),
        ("/opt/my tools/decanet", False, "'/opt/my tools/decanet' predict"),
        (".venv/bin/decanet", True, "decanet predict"),
        ("/usr/lib/decanet/__main__.py", False, "decanet predict"),
    ],
)
def test_a_command_to_copy_works_in_the_current_shell(
    monkeypatch: pytest.MonkeyPatch, program: str, on_path: bool, begins: str
) -> None:
    monkeypatch.setattr("sys.argv", [program, "train"])
    monkeypatch.setattr("shutil.which", lambda _: program if on_path else None)
    assert decanet_line("predict", "a run") == f"{begins} 'a run'"
