"""Building a network by name: what is refused, in one line."""

from typing import Any

import pytest

from decanet.core.errors import UsageError
from decanet.models import create_model


def test_a_network_has_the_papers_number_of_classes_by_default() -> None:
    assert create_model("lenet5_modern").output.out_features == 10
    assert create_model("lenet5_modern", num_classes=3).output.out_features == 3


def test_a_network_knows_its_name_and_has_no_notes_without_weights() -> None:
    model = create_model("lenet5_modern")
    assert (model.decanet_name, model.decanet_notes) == ("lenet5_modern", [])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [("resnet20_cifra", {}, "unknown model 'resnet20_cifra'.*resnet20_cifar"),
     ("alexnet", {"dropuot": 0.1}, "no option 'dropuot'.*dropout"),
     ("lenet5", {"dropout": 0.1}, r"no option 'dropout' \(it has none\)"),
     ("lenet5", {"num_classes": 0}, "at least 1 class, got num_classes=0")],
)  # fmt: skip
def test_unknown_names_and_options_are_refused_with_the_nearest_known_ones(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        create_model(name, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [("alexnet", {"dropout": "much"}), ("alexnet", {"dropout": -1}), ("resnet18", {"shortcut": "Z"}),
     ("se_resnet50", {"reduction": 0}), ("convnext_t", {"drop_path": [1]}), ("alexnet", {"dropout": {"a": 1}})],
)  # fmt: skip
def test_options_with_which_a_network_cannot_be_built_are_refused_in_one_line(
    name: str, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as refused:
        create_model(name, num_classes=10, **options)
    assert "\n" not in refused.value.line
