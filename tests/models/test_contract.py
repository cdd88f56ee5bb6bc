"""What every network of the registry promises, whoever wrote it; mostly sizes, so without memory."""

import inspect
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from decanet.core import facts
from decanet.core.errors import DataError
from decanet.models import create_model, list_models, model_entry

NAMES = list_models()
SMALL = 500_000  # parameters; networks up to here are built with real weights too


def one_of_each_class() -> list[str]:
    """The network of the shortest name for each class that builders return."""
    found: dict[object, str] = {}
    for name in sorted(NAMES, key=lambda name: (len(name), name)):
        found.setdefault(inspect.signature(model_entry(name).build).return_annotation, name)
    return sorted(found.values())


def on_meta(name: str, num_classes: int | None = None) -> nn.Module:
    with torch.device("meta"):
        return create_model(name, num_classes=num_classes)


def pictures(name: str, count: int, *, channels: int = 0, side: int | None = None) -> torch.Tensor:
    c, h, w = model_entry(name).input_size
    return torch.empty(count, c + channels, side or h, side or w, device="meta")


@pytest.mark.parametrize("name", NAMES)
def test_shapes_in_evaluation_and_in_training(name: str) -> None:
    model = on_meta(name, num_classes=7).eval()
    assert model(pictures(name, 3)).shape == (3, 7)
    output = model.train()(pictures(name, 2))
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


@pytest.mark.parametrize("name", one_of_each_class())  # the search for the size that works takes its time
def test_a_picture_too_small_is_explained(name: str) -> None:
    model = on_meta(name).eval()
    try:
        assert model(pictures(name, 1, side=1)).shape == (1, model_entry(name).num_classes)
    except DataError as error:
        line = error.line
        assert "\n" not in line
        assert f"{name} cannot take a 1x1 picture: at layer " in line
        assert "smallest size that works is " in line


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_number_of_channels_is_explained(name: str) -> None:
    channels = model_entry(name).input_size[0]
    with pytest.raises(
        DataError, match=rf"{name} takes pictures with {channels} channels?; got {channels + 1}"
    ):
        on_meta(name).eval()(pictures(name, 1, channels=1))
