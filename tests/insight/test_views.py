"""What holds for every view."""

import importlib
import inspect as python_inspect
import pkgutil

import pytest

from decanet.cli import inspect
from decanet.insight import views


def test_every_view_is_a_subcommand() -> None:
    commands = {m.name.replace("_", "-") for m in pkgutil.iter_modules(inspect.__path__) if m.name[0] != "_"}
    assert {*views.list_views()} <= commands


@pytest.mark.parametrize("view", views.list_views())
def test_every_view_computes_apart_from_drawing(view: str) -> None:
    module = importlib.import_module(f"{views.__name__}.{view.replace('-', '_')}")
    for function in (module.compute, module.draw):
        assert python_inspect.getdoc(function), f"{view}: {function.__name__} has no docstring"
