"""List words that must not occur: private synonyms of the field's terms, and British spelling (docs/GLOSSARY.md).

    python scripts/words.py [--all] [PATH ...]

PATH is a file or a folder, src by default; ``--all`` adds the tests, the scripts and the documentation. The exit code
is 1 when a word was found. Words of the last column of the glossary that are ordinary English too (share, side, view)
are not listed here: they are replaced by eye where they stand for the term.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
EVERYTHING = ("src", "tests", "scripts", "docs", "README.md", "README.zh.md", "CONTRIBUTING.md", "Makefile")
TEXT = {".py", ".toml", ".md", ".json", ".html", ".css", ".js", ""}

# Anywhere in a word or an identifier, in any case.
STEMS = (
    "picture", "surest", "judg", "rehears", "whole_pass",
    "colour", "behaviour", "neighbour", "favour", "centre", "catalogue", "artefact", "labelled", "modelling", "analyse",
    "normalis", "optimis", "initialis", "localis", "regularis", "visualis", "maximis", "minimis", "generalis",
    "standardis", "summaris", "recognis", "synchronis", "parameteris", "factoris",
)  # fmt: skip
# Parts of an identifier, in this case: InputForm, but not Format.
PARTS = ("grey", "Grey", "Form", "Wish")
WRONG = re.compile(rf"(?i:{'|'.join(STEMS)})|(?:\b|(?<=_)|(?<=[a-z]))(?:{'|'.join(PARTS)})(?![a-z])")

# Exceptions: (files, expression, reason).
ALLOWED = (
    ("*.py", r'\b(seed_from|generator)\(.*?"(initialise|colours?)"', "names of random streams: renaming them would"
     " change every trained number"),
    ("src/decanet/cli/_habits.py", r"colour|grey", "options that people type"),
    ("tests/cli/test_habits.py", r"colour|grey", "options that people type"),
    ("src/decanet/data/*.py", r'"unlabelled"', "a folder's name that people use"),
    ("scripts/rename_keys.py", r".*", "holds old keys"),
    ("tests/test_rename_keys.py", r".*", "holds old keys"),
    ("scripts/same_numbers.py", r".*", "holds names of older commits"),
    ("docs/GLOSSARY.md", r".*", "names the words that are not used"),
    ("scripts/words.py", r".*", "names the words that are not used"),
    ("tests/test_words.py", r".*", "names the words that are not used"),
)  # fmt: skip


def found_in(text: str, path: str = "") -> Iterator[tuple[int, str]]:
    """Yield (line number, word) for every word in ``text`` that must not occur, in a file at ``path``."""
    if not any(map(WRONG.search, set(re.findall(r"\w+", text)))):
        return
    allowed = [expression for files, expression, _ in ALLOWED if Path(path).match(files)]
    for number, line in enumerate(text.splitlines(), start=1):
        for expression in allowed:
            line = re.sub(expression, "", line)
        yield from ((number, word) for word in re.findall(r"\w+", line) if WRONG.search(word))


def files(paths: list[Path]) -> Iterator[Path]:
    """Yield the text files at or below ``paths``."""
    for path in paths:
        below = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in below if file.is_file() and file.suffix in TEXT and file.name[0] != ".")


def main(arguments: list[str] | None = None) -> int:
    """List the words; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="file or folder (default: src)")
    parser.add_argument("--all", action="store_true", help=f"search everything: {', '.join(EVERYTHING)}")
    given = parser.parse_args(arguments)
    paths = [ROOT / name for name in EVERYTHING] if given.all else given.paths or [ROOT / "src"]
    count = 0
    for file in files([path.resolve() for path in paths]):
        where = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        for number, word in found_in(file.read_text(encoding="utf-8"), str(where)):
            print(f"{where}:{number}: {word}")
            count += 1
    print(f"{count} found", file=sys.stderr)
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
