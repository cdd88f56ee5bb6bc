"""Entries of the registry."""

from collections.abc import Iterator

import pytest
from torch import nn

from decanet.core.errors import UsageError
from decanet.models import registry
from decanet.models.registry import list_models, model_entry, register_model


@pytest.fixture
def entries() -> Iterator[dict[str, registry.ModelEntry]]:
    """The registry's entries; what a test adds is removed."""
    list_models()
    entries = registry._MODELS._entries
    before = dict(entries)
    yield entries
    entries.clear()
    entries.update(before)


def test_an_entry_takes_name_summary_classes_and_options_from_the_builder(entries) -> None:
    recipe = model_entry("resnet20_cifar").recipe

    @register_model(input_size=(3, 8, 8), recipe=recipe)
    def tiny(num_classes: int = 5, width: int = 2) -> nn.Module:
        """A tiny network.

        More text.
        """
        return nn.Linear(width, num_classes)

    entry = model_entry("tiny")
    assert entry.build is tiny
    assert (entry.name, entry.summary) == ("tiny", "A tiny network.")
    assert (entry.num_classes, entry.options) == (5, ["width"])
    assert (entry.recipe.name, entry.recipe.model.name) == ("paper:tiny", "tiny")
    assert entry.recipe.optimizer == recipe.optimizer
    assert "tiny" in list_models()


def test_a_name_is_registered_once(entries) -> None:
    with pytest.raises(ValueError, match="'lenet5' is registered twice"):
        register_model(input_size=(1, 32, 32))(model_entry("lenet5").build)


def test_names_are_sorted_and_an_unknown_one_is_refused_with_the_nearest() -> None:
    assert list_models() == sorted(list_models())
    with pytest.raises(UsageError, match="unknown model 'resnet5'"):
        model_entry("resnet5")
