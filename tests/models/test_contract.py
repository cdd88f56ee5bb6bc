"""What every network of the registry promises, whoever wrote it; mostly sizes, so without memory."""

import functools
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from decanet.core import facts
from decanet.core.errors import DataError, UsageError
from decanet.core.recipe_files import to_toml
from decanet.models import create_model, list_models, model_entry
from decanet.models.meta_device import ShapesOnly

NAMES = list_models()
SMALL = 500_000  # parameters; networks up to here are built with real weights too


@functools.cache  # tests put it into the mode that they need, and change nothing else
def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return create_model(name)


def images(name: str, count: int, *, channels: int = 0, image_size: int | None = None) -> torch.Tensor:
    c, h, w = model_entry(name).input_size
    return torch.empty(count, c + channels, image_size or h, image_size or w, device="meta")


def why_refused(model: nn.Module, x: torch.Tensor) -> str | None:
    try:
        model(x)
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", NAMES)
def test_shapes_in_evaluation_and_in_training(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name, num_classes=7).eval()
    with ShapesOnly():
        assert model(images(name, 3)).shape == (3, 7)
        output = model.train()(images(name, 2))
    logits = output if isinstance(output, torch.Tensor) else output.logits
    assert logits.shape == (2, 7)
    for auxiliary in () if isinstance(output, torch.Tensor) else output.aux:
        assert auxiliary.shape == (2, 7)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_described_and_its_paper_and_facts_exist(name: str) -> None:
    entry = model_entry(name)
    assert entry.build.__name__ == name
    assert entry.summary.endswith(".")
    assert len(entry.summary) < 110
    assert not entry.paper or entry.paper in facts.papers()
    assert not entry.facts or facts.architecture(entry.facts).paper in facts.papers()
    assert not entry.too_small_use or entry.too_small_use in NAMES
    assert entry.input_size[0] in (1, 3)
    assert on_meta(name).forward.__doc__, "forward states its shapes"
    assert inspect.getmodule(entry.build).__doc__


@pytest.mark.parametrize("name", NAMES)
def test_its_weights_fit_into_a_file_and_come_back(name: str, tmp_path: Path) -> None:
    model = on_meta(name)
    state = model.state_dict()
    # The file format has no notion of two names for one tensor.
    assert len({tensor.untyped_storage()._cdata for tensor in state.values()}) == len(state)
    if sum(p.numel() for p in model.parameters()) > SMALL:
        return
    real, other = create_model(name), create_model(name)
    save_file(real.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in real.state_dict().items())


@pytest.mark.parametrize("name", NAMES)
def test_a_image_too_small_is_explained(name: str) -> None:
    model = on_meta(name).eval()
    refused = why_refused(model, images(name, 1, image_size=1))
    if refused is None:
        return
    stated = re.fullmatch(
        rf"{name} cannot take a 1x1 image: at layer .+ the feature map that arrives is .+ and does not fit; "
        r"the smallest size that works is (\d+)x\1(; for small images use \w+)?",
        refused,
    )
    assert stated, refused
    smallest = int(stated[1])
    assert why_refused(model, images(name, 1, image_size=smallest)) is None
    with pytest.raises((RuntimeError, ValueError)):  # without the explanation, which takes its time
        inspect.unwrap(type(model).forward)(model, images(name, 1, image_size=smallest - 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_number_of_channels_is_explained(name: str) -> None:
    channels = model_entry(name).input_size[0]
    with pytest.raises(
        DataError, match=rf"{name} takes images with {channels} channels?; got {channels + 1}"
    ):
        on_meta(name).eval()(images(name, 1, channels=1))


WITH_RECIPE = [name for name in NAMES if model_entry(name).recipe is not None]
AS_THE_PAPER = {"densenet40_12_cifar", "densenet_bc100_12_cifar"}  # nothing known departs


@pytest.mark.parametrize("name", WITH_RECIPE)
def test_every_departure_of_a_papers_recipe_stands_in_the_recipe_itself(name: str) -> None:
    recipe = model_entry(name).recipe
    assert bool(recipe.departures) == (name not in AS_THE_PAPER)
    assert "departures = [" in to_toml(recipe)  # what train --dry-run prints and a run keeps
    source = inspect.getsource(inspect.getmodule(model_entry(name).build))
    assert "not kept" not in source.lower().replace("\n    #", "")  # a comment is shown to nobody


@pytest.mark.parametrize(
    ("name", "options"),
    [("alexnet", {"dropout": "much"}), ("alexnet", {"dropout": -1}), ("resnet18", {"shortcut": "Z"}),
     ("se_resnet50", {"reduction": 0}), ("convnext_t", {"drop_path": [1]}), ("alexnet", {"dropout": {"a": 1}})],
)  # fmt: skip
def test_options_that_no_network_can_be_built_with_are_one_line(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        create_model(name, num_classes=10, **options)
    assert "\n" not in refused.value.line
