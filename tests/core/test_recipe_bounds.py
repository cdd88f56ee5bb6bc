"""Any recipe file gives a recipe or an error of one line, at once."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from decanet.core import _recipe_bounds as bounds
from decanet.core.errors import UsageError
from decanet.core.recipe import (
    Adam,
    Augmentation,
    Data,
    Model,
    Muon,
    Recipe,
    RmsProp,
    Schedule,
    Selection,
    Sgd,
)
from decanet.core.recipe_files import override, parse_recipe, read_recipe, to_toml

SMALL = {
    "model": {"name": "decanet_s"}, "batch_size": 500, "epochs": 2, "optimizer": {"name": "adam"},
}  # fmt: skip
PARTS = {
    "model": [Model], "data": [Data], "augmentation": [Augmentation], "schedule": [Schedule],
    "selection": [Selection], "optimizer": [Sgd, Adam, RmsProp, Muon],
}  # fmt: skip


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


NUMBERS = [
    0,
    -0.0,
    -1,
    1,
    2.5,
    1e-320,
    1e18,
    1e308,
    -1e308,
    math.nan,
    math.inf,
    2**31,
    2**63,
    2**64,
    10**4000,
]
TEXTS = ["", "x", "0.1", "x" * 10_000, "\0", "\ud800", "caf\udce9", "../../x", "a\nb", b"x"]
LISTS = [[], [None], [1], [1, 2, 3], [0, 0, 0], [[0.5, 1e18]], [[0.5]], ["a", "b"], nested(100), nested(2000)]
TABLES = [{}, {"name": 1}, {"a b": 1}, {"a": None}, {"": {}}]
ODD: list[Any] = [None, True, False, *NUMBERS, *TEXTS, *LISTS, *TABLES]


def every_field() -> Iterator[dict[str, Any]]:
    """Yield a recipe for every field and odd value."""
    for field, value in itertools.product(Recipe.model_fields, ODD):
        yield {**SMALL, field: value}
    for part, kinds in PARTS.items():
        for kind in kinds:
            least = (
                {"name": kind.model_fields["name"].default, "lr": 0.1}
                if part == "optimizer"
                else SMALL.get(part, {})
            )
            for field, value in itertools.product(kind.model_fields, ODD):
                yield {**SMALL, part: {**least, field: value}}  # type: ignore[dict-item]


def test_odd_values_in_every_field_give_a_recipe_or_an_error_of_one_short_line(tmp_path: Path) -> None:
    taken, lines = 0, []
    path = tmp_path / "written.toml"
    for values in every_field():
        try:
            recipe = parse_recipe(values, "here")
        except UsageError as error:
            lines.append(error.line)
            continue
        taken += 1
        path.write_text(to_toml(recipe), encoding="utf-8", errors="surrogateescape")
        assert read_recipe(path) == recipe
    assert taken > 200
    assert len(lines) > 1500
    assert max(map(len, lines)) < 1500
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epochs = " + "[" * 5000, "nested deeper"),
        ("model.options.x = " + "[" * 400 + "]" * 400, "nested deeper"),
        ("epochs = " + "9" * 5000, "is not TOML"),
        ("epochs = " + "9" * 4000, "more than 64 bits"),
        ("a." * 30_000 + "a = 1", "a key of more than 50 parts"),
        ("[" + "a." * 30_000 + "a]", "a key of more than 50 parts"),
        ("x = 1 #" + "x" * 200_000, "it has more than 100000"),
        ("epochs = 1979-05-27", "is of type date"),
        ("epochs = nan", "epochs must be a finite number, got nan"),
        ('name = "../../../x"', "name: a name has at most 80 letters"),
        (
            "data.std = [0.2, 0.0, 0.2]",
            "data.std.1: input should be greater than or equal to 0.000001, got 0.0",
        ),
        ("data.std = [0.2, 0.2]", "data.std.2 is missing"),
        ("".join(f"k{i} = 1\n" for i in range(1000)), "and 98"),
        ("k" * 300 + " = 1", "a key of 300 characters"),
    ],
)
def test_hostile_files_are_refused_at_once(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        read_recipe(path)
    assert message in caught.value.line
    assert len(caught.value.line) < 5000


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs=" + "[" * 100_000, "recursion"),
        ("epochs=" + "[" * 500 + "]" * 500, "nested deeper"),
        ("epochs=" + "9" * 5000, "digits"),
        ("epochs=1e308", "less than or equal to 1000000000"),
        ("epochs=NaN", "finite"),
        ("epochs=-0.0", "greater than 0"),
        ("data.image_size=1e18", "less than or equal to 8192"),
        ("augmentation.crop_padding=1e6", "less than or equal to 8192"),
        ("augmentation.resize=1e7", "less than or equal to 8192"),
        ("seed=18446744073709551616", "more than 64 bits"),
        ("seed=9223372036854775808", "more than 64 bits"),
        ("a." * 50_000 + "a=1", "at most 100 characters"),
        ("data.name=" + "x" * 10_000, "is a text of 10000 characters"),
        ("data.name=", "give a data set's name"),
        ("name=a/b", "letters, digits"),
        ("name=..", "letters, digits"),
        ("data.std=[0,0,0]", "data.std.0"),
        ("model.options.x=[{\"a b\": 1}]", "not a valid name of an option"),
        ("model.options.x=[null]", "cannot be null"),
        ("model.options.num_classes=3", "num_classes is not an option"),
        ("model.options.weights=stranger.pth", "weights is not an option"),
        ("augmentation.mixup=1e-320", "must be 0 or at least 1e-06"),
        ("optimizer.betas=[1,1]", "less than 1"),
        ("optimizer={\"name\":\"sgd\",\"lr\":1,\"momentum\":0,\"nesterov\":true}", "needs momentum above 0"),
    ],
)  # fmt: skip
def test_hostile_settings_are_refused_at_once(setting: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        override(parse_recipe(SMALL, "here"), [setting])
    assert message in caught.value.line
    assert len(caught.value.line) < 1000


def test_a_negative_zero_is_zero() -> None:
    recipe = parse_recipe({**SMALL, "label_smoothing": -0.0, "clip_gradient": -0.0}, "here")
    assert str(recipe.label_smoothing) == str(recipe.clip_gradient) == "0.0"


@pytest.mark.parametrize(
    ("stem", "name"),
    [("mine", "mine"), ("my recipe (2)", "my-recipe-2-"), ("猫", "猫"), (".x", "x"), ("$", "custom")],
)
def test_a_recipe_without_a_name_is_named_after_its_file(stem: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{stem}.toml"
    path.write_text(to_toml(parse_recipe(SMALL, "here")).replace('name = "custom"\n', ""), encoding="utf-8")
    assert read_recipe(path).name == name
    assert bounds.NAME.fullmatch(name)


def test_a_path_with_bytes_that_are_not_utf8_is_kept(tmp_path: Path) -> None:
    recipe = override(parse_recipe(SMALL, "here"), ["data.name=./caf\udce9"])
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(recipe), encoding="utf-8", errors="surrogateescape")
    assert b"caf\xe9" in path.read_bytes()
    assert read_recipe(path) == recipe
