"""Committed results: what leaves a machine tells nothing of where its files lay."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# A slash (or a drive) where a path begins: at the start of a text, or after a space, a quote, a bracket or a colon.
ABSOLUTE = re.compile(r"""(?:^|[\s'"`(\[=:,])(?:~?/[\w.]|[A-Za-z]:[\\/])""")


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def stated(file: Path) -> Iterator[str]:
    content = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        yield from texts(json.loads(content))
    elif file.suffix == ".jsonl":
        yield from texts([json.loads(line) for line in content.splitlines()])
    else:
        yield from content.splitlines()


@pytest.mark.parametrize(
    "text", ["/home/me/x", "cache (/root/x)", "~/images", "folder /work/x", r"C:\Users\me", 'at "/tmp"']
)
def test_a_path_would_be_noticed(text: str) -> None:
    assert ABSOLUTE.search(text)


def test_no_committed_result_holds_an_absolute_path() -> None:
    files = [path for path in BENCHMARKS.rglob("*") if path.suffix in {".json", ".jsonl", ".md"}]
    assert len(files) > 10
    found = [f"{file.name}: {text}" for file in files for text in stated(file) if ABSOLUTE.search(text)]
    assert not found
