"""The built-in recipes, one module each: ``RECIPE``, and a docstring with the source and what to expect."""

import importlib
import os
import pkgutil
from pathlib import Path

from decanet.core.errors import UsageError, did_you_mean
from decanet.core.printable import decanet_line
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import read_recipe

PAPER = "paper"  # alone, the recipe of the AlexNet paper
PAPER_MODEL = "alexnet_two_tower"


def list_recipes() -> dict[str, str]:
    """Return the name of every built-in recipe with its summary; the papers' own are ``paper:MODEL``."""
    from decanet.anatomy.table import table

    found = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        documentation = importlib.import_module(f"{__name__}.{module.name}").__doc__ or ""
        found[module.name] = documentation.strip().partition("\n")[0]
    found[PAPER] = f"The recipe of the AlexNet paper, the same as {PAPER}:{PAPER_MODEL}."
    for row in table():
        name, count = row["name"], row["recipe_departures"]
        if count is not None:
            departures = f", but for {count} declared departure{'s' * (count > 1)}" if count else ""
            found[f"{PAPER}:{name}"] = f"The recipe of the paper of {name}{departures}."
    return found


def is_file(name: str) -> bool:
    """Return whether ``name`` is the path of a recipe file, not a built-in recipe."""
    return name.endswith(".toml") or "/" in name


def load_recipe(name: str) -> Recipe:
    """Return a built-in recipe by its name, or read one from a TOML file by its path.

    Raises:
        UsageError: the name is unknown, or the file is missing or invalid.
    """
    if is_file(name):
        return read_recipe(Path(os.path.expanduser(name)))
    if name == PAPER or name.startswith(f"{PAPER}:"):
        from decanet.models import model_entry

        model = name.partition(":")[2] or PAPER_MODEL
        recipe = model_entry(model).recipe
        if recipe is None:
            raise UsageError(
                f"no paper's recipe is known for {model!r}; decanet train --list shows which are"
            )
        return recipe
    built_in = {module.name for module in pkgutil.iter_modules(__path__)}
    if name not in built_in:
        if Path(name).is_dir():
            raise UsageError(
                f"{name} is a folder, not a recipe; for instance: {decanet_line('train', 'quick', '--data', name)}"
            )
        known = [*list_recipes()]
        hint = did_you_mean(name, known) or f" (known: {', '.join(k for k in known if ':' not in k)})"
        raise UsageError(
            f"unknown recipe {name!r}{hint}; a recipe of your own is a TOML file, given by its path"
        )
    recipe = importlib.import_module(f"{__name__}.{name}").RECIPE
    return recipe.model_copy(update={"name": name})
