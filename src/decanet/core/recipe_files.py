"""Recipes in TOML files and on the command line: reading, overriding single keys, writing."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from decanet.core import _recipe_bounds as bounds
from decanet.core.errors import UsageError, did_you_mean
from decanet.core.recipe import Recipe

MOST_MISTAKES = 20  # that are listed in one line


def parse_recipe(values: Mapping[str, Any], source: str) -> Recipe:
    """Validate a mapping as a recipe.

    Args:
        values: the recipe's keys, nested as in its TOML file.
        source: where they stand, for the message.

    Raises:
        UsageError: lists the mistakes, with the nearest known keys.
    """
    if wrong := bounds.too_much(values):
        raise UsageError(f"recipe {_shortened(source)}: {wrong}")
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        found = error.errors()
        mistakes = [_describe(mistake) for mistake in found[:MOST_MISTAKES]]
        if len(found) > MOST_MISTAKES:
            mistakes.append(f"and {len(found) - MOST_MISTAKES} more")
        raise UsageError(f"recipe {_shortened(source)}: {'; '.join(mistakes)}") from None


def _shortened(text: str, longest: int = 200) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _describe(mistake: Mapping[str, Any]) -> str:
    # pydantic puts the optimizer's name into the location of its keys, where no user wrote it.
    where = [str(part) for part in mistake["loc"]]
    if where and where[0] == "optimizer" and len(where) > 2:
        del where[1]
    key = ".".join(where)
    if mistake["type"] == "extra_forbidden":
        hint = did_you_mean(key, known_keys()) or f" (known here: {', '.join(_siblings(where[:-1]))})"
        return f"unknown key {key}{hint}"
    if mistake["type"] == "missing":
        return f"{key} is missing"
    message = mistake["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    value = mistake.get("input")
    shown = "" if isinstance(value, dict) else f", got {_shortened(repr(value), 80)}"
    return f"{key}: {message}{shown}"


def known_keys() -> list[str]:
    """Return all dotted keys of a recipe, those of all optimizers included."""
    keys = []
    for name in Recipe.model_fields:
        keys.append(name)
        keys += [f"{name}.{child}" for child in _siblings([name])]
    return keys


def _siblings(path: Sequence[str]) -> list[str]:
    """Keys of the table at ``path``, of all optimizers; the recipe's own for an empty path."""
    if not path:
        return list(Recipe.model_fields)
    field = Recipe.model_fields.get(path[0])
    kinds = get_args(field.annotation) or (field.annotation,) if field else ()
    tables = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return sorted({key for table in tables for key in table.model_fields})


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file. Raises UsageError when the file is missing, not TOML or not a recipe."""
    try:
        with path.open("rb") as file:  # the path may be a device that never ends
            content = file.read(bounds.MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"no recipe file {path}") from None
    except OSError as error:
        raise UsageError(f"cannot read recipe {path}: {error}") from None
    if len(content) > bounds.MOST_BYTES:
        raise UsageError(
            f"cannot read recipe {path}: it has more than {bounds.MOST_BYTES} bytes, and a recipe has some thousands"
        )
    # Editors on Windows write a byte order mark. A path in the recipe may hold bytes that are not UTF-8.
    text = content.decode("utf-8-sig", errors="surrogateescape")
    try:
        if bounds.too_many_dots(text):
            raise UsageError(f"recipe {path} has a key of more than {bounds.MOST_DOTS} parts")
        values = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"recipe {path} is nested deeper than {bounds.DEEPEST} levels") from None
    except ValueError as error:  # TOMLDecodeError, or a number with thousands of digits
        _require_utf8(content, path)
        raise UsageError(f"recipe {path} is not TOML: {_shortened(str(error))}") from None
    return parse_recipe({"name": bounds.as_name(path.stem), **values}, str(path))


def _require_utf8(content: bytes, path: Path) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read recipe {path}: {error}") from None


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Return the recipe with ``key=value`` settings applied, as ``--set`` takes them.

    Keys are dotted; values are JSON or plain strings. A key that holds a string takes every value as a string:
    ``data.name=2024`` is the folder 2024, not a number. Another ``optimizer.name`` drops the old optimizer's keys.

    >>> override(recipe, ["optimizer.lr=0.1", "epochs=3"])  # doctest: +SKIP

    Raises:
        UsageError: lists the mistakes, with the nearest known keys.
    """
    values = recipe.model_dump()
    settings = list(settings)
    mistakes = []
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"--set takes key=value, for instance optimizer.lr=0.1; got {_shortened(setting)!r}"
            )
        if len(key) > bounds.LONGEST_KEY:
            raise UsageError(
                f"--set takes a key of at most {bounds.LONGEST_KEY} characters; got {key[:40]!r}..."
            )
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
            raise UsageError(f"--set {key.strip()}: {_shortened(str(error))}") from None
        *path, last = key.strip().split(".")
        where: Any = values
        for part in path:
            where = where.get(part) if isinstance(where, dict) else None
        if not isinstance(where, dict):
            mistakes.append(f"{'.'.join(path)!r} has no keys below it{did_you_mean(key, known_keys())}")
            continue
        if isinstance(where.get(last), str) and not isinstance(value, str):
            value = text
        if path == ["optimizer"] and last == "name" and where.get("name") != value:
            where.clear()
        where[last] = value
    source = "--set " + " ".join(settings)
    try:
        changed = parse_recipe(values, source)
    except UsageError as error:
        raise UsageError("; ".join([str(error), *mistakes])) from None
    if mistakes:
        raise UsageError(f"recipe {_shortened(source)}: {'; '.join(mistakes)}")
    return changed if settings else recipe


def agrees(declared: Any, resolved: Any) -> bool:
    """Whether ``resolved``, the stored settings of a run, has all values of a recipe that leaves some open.

    Both are as ``recipe.model_dump(mode="json")`` returns them; what is None or "auto" in ``declared`` may have any
    value.
    """
    if isinstance(declared, Mapping):
        return isinstance(resolved, Mapping) and all(
            agrees(value, resolved.get(key)) for key, value in declared.items()
        )
    return declared in (None, "auto") or declared == resolved


def to_toml(recipe: Recipe) -> str:
    """Return the recipe as TOML, which :func:`read_recipe` reads back to an equal value."""
    top, tables = [], []
    for key, value in recipe.model_dump(mode="json").items():
        if isinstance(value, dict):
            lines = [f"{k} = {_toml_value(v)}" for k, v in value.items() if v is not None]
            tables.append(f"\n[{key}]\n" + "\n".join(lines))
        elif value is not None:
            top.append(f"{key} = {_toml_value(value)}")
    return "\n".join(top + tables) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml_value(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        if value and all(isinstance(v, str) for v in value):  # sentences: a line each
            return "[\n" + "".join(f"  {_toml_value(v)},\n" for v in value) + "]"
        return "[" + ", ".join(_toml_value(v) for v in value) + "]"
    # JSON and TOML write strings, numbers and booleans alike, except for one character that TOML escapes.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
