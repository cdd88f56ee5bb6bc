"""What every registered network and its entry promise; mostly shapes, so on the meta device."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import BaseModel
from safetensors.torch import load_file, save_file
from torch import nn

from decanet.core import facts
from decanet.core.errors import DataError
from decanet.core.recipe_files import to_toml
from decanet.models import create_model, list_models, model_entry
from decanet.models.meta_device import ShapesOnly
from tests.models._checks import on_meta, on_meta_in_eval_mode

NAMES = list_models()
SMALL = 500_000  # parameters; networks up to this size are also built with numbers


def images(name: str, count: int, *, channels: int = 0, image_size: int | None = None) -> torch.Tensor:
    c, h, w = model_entry(name).input_size
    return torch.empty(count, c + channels, image_size or h, image_size or w, device="meta")


def error_for(model: nn.Module, x: torch.Tensor) -> str | None:
    try:
        with ShapesOnly():
            model(x)
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", NAMES)
def test_shapes_of_the_outputs_in_eval_and_training_mode(name: str) -> None:
    model = on_meta(name, num_classes=7).eval()
    with ShapesOnly():
        assert model(images(name, 3)).shape == (3, 7)
        output = model.train()(images(name, 2))
    logits = output if isinstance(output, torch.Tensor) else output.logits
    assert logits.shape == (2, 7)
    for auxiliary in () if isinstance(output, torch.Tensor) else output.aux:
        assert auxiliary.shape == (2, 7)


@pytest.mark.parametrize("name", NAMES)
def test_the_entry_describes_the_network_and_its_paper_and_facts_exist(name: str) -> None:
    entry = model_entry(name)
    assert entry.build.__name__ == name
    assert entry.summary.endswith(".")
    assert len(entry.summary) < 110
    assert not entry.paper or entry.paper in facts.papers()
    assert not entry.facts or facts.architecture(entry.facts).paper in facts.papers()
    assert not entry.too_small_use or entry.too_small_use in NAMES
    assert entry.input_size[0] in (1, 3)
    assert on_meta_in_eval_mode(name).forward.__doc__, "forward states its shapes"
    assert inspect.getmodule(entry.build).__doc__


@pytest.mark.parametrize("name", NAMES)
def test_weights_survive_a_file(name: str, tmp_path: Path) -> None:
    model = on_meta_in_eval_mode(name)
    state = model.state_dict()
    # A safetensors file cannot contain one tensor under two names.
    assert len({tensor.untyped_storage()._cdata for tensor in state.values()}) == len(state)
    if sum(p.numel() for p in model.parameters()) > SMALL:
        return
    real, other = create_model(name), create_model(name)
    save_file(real.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in real.state_dict().items())


@pytest.mark.parametrize("name", NAMES)
def test_the_error_for_a_small_image_names_the_smallest_size_that_works(name: str) -> None:
    model = on_meta_in_eval_mode(name)
    error = error_for(model, images(name, 1, image_size=1))
    if error is None:
        return
    stated = re.fullmatch(
        rf"{name} cannot take a 1x1 image: at layer .+ the feature map that arrives is .+ and does not fit; "
        r"the smallest size that works is (\d+)x\1(; for small images use \w+)?",
        error,
    )
    assert stated, error
    smallest = int(stated[1])
    assert error_for(model, images(name, 1, image_size=smallest)) is None
    with ShapesOnly(), pytest.raises((RuntimeError, ValueError)):  # without the explanation, which takes time
        inspect.unwrap(type(model).forward)(model, images(name, 1, image_size=smallest - 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_number_of_channels_is_explained(name: str) -> None:
    channels = model_entry(name).input_size[0]
    error = error_for(on_meta_in_eval_mode(name), images(name, 1, channels=1))
    assert error is not None
    assert re.fullmatch(rf"{name} takes images with {channels} channels?; got {channels + 1}", error)


WITH_RECIPE = [name for name in NAMES if model_entry(name).recipe is not None]
AS_THE_PAPER = {"densenet40_12_cifar", "densenet_bc100_12_cifar"}  # no departure is known


@pytest.mark.parametrize("name", WITH_RECIPE)
def test_a_papers_recipe_declares_its_departures(name: str) -> None:
    recipe = model_entry(name).recipe
    assert bool(recipe.departures) == (name not in AS_THE_PAPER)
    assert "departures = [" in to_toml(recipe)  # what train --dry-run prints and a run keeps
    source = inspect.getsource(inspect.getmodule(model_entry(name).build))
    assert "not kept" not in source.lower().replace("\n    #", "")  # users do not read comments


@pytest.mark.parametrize("name", WITH_RECIPE)
def test_a_papers_recipe_has_no_unknown_keys(name: str) -> None:
    """``model_copy`` does not validate what it updates."""

    def unknown(value: Any) -> set[str]:
        if not isinstance(value, BaseModel):
            return set()
        inner = (unknown(each) for each in value.__dict__.values())
        return (value.__dict__.keys() - type(value).model_fields.keys()).union(*inner)

    assert not unknown(model_entry(name).recipe)
