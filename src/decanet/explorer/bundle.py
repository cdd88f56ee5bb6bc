"""Joins ES modules into one classic script, which a page opened from the disk may run.

Browsers refuse modules on ``file://``. Our modules keep to a part of the language that can be joined by lines: imports
of names or of a module at the top, and ``export`` before a function or a constant.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

_IMPORT = re.compile(
    r'^import (?:\{ (?P<names>[^}]+) \}|\* as (?P<whole>\w+)) from "(?P<path>[^"]+)";$', re.MULTILINE
)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const) (?P<name>\w+))", re.MULTILINE)


def join(entries: Sequence[str], read: Callable[[str], str]) -> str:
    """Return statements that define one constant for each module that ``entries`` need; see :func:`variable`.

    Args:
        entries: paths of modules, as ``"pages/network.js"``.
        read: returns the text of a module by its path.

    Raises:
        ValueError: a module imports or exports in another way.
    """
    joined: dict[str, str] = {}

    def add(path: str) -> None:
        if path in joined:
            return
        joined[path] = ""  # keeps its place in a circle of imports, which would then fail when it runs
        text = read(path)
        needed = {match: _resolve(path, match["path"]) for match in _IMPORT.finditer(text)}
        del joined[path]
        for each in needed.values():
            add(each)
        names = [match["name"] for match in _EXPORT.finditer(text)]
        body = _EXPORT.sub("", _IMPORT.sub(lambda m: _binding(m, variable(_resolve(path, m["path"]))), text))
        if re.search(r"^(?:import|export)\b", body, re.MULTILINE):
            raise ValueError(f"{path} imports or exports in a way that cannot be joined")
        joined[path] = f"const {variable(path)} = (() => {{\n{body}return {{ {', '.join(names)} }};\n}})();\n"

    for entry in entries:
        add(entry)
    return "".join(joined.values())


def variable(path: str) -> str:
    """Return the name of the constant of a module."""
    return "module_" + re.sub(r"\W", "_", path.removesuffix(".js"))


def _binding(match: re.Match[str], source: str) -> str:
    names = match["names"]
    return f"const {{ {names} }} = {source};" if names else f"const {match['whole']} = {source};"


def _resolve(module: str, path: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(module).parent / path).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
