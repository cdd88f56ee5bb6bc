"""A run's folder becomes a trained network, or a refusal in one line."""

import json
from pathlib import Path

import pytest
import torch

from decanet.core.errors import CheckpointError, UsageError
from decanet.core.recipe_files import to_toml
from decanet.core.run_folder import RUN_FORMAT, RunFolder
from decanet.evaluation.runs import load_run
from decanet.evaluation.specification import input_spec
from decanet.models import create_model
from decanet.models.weight_files import save_weights
from tests.evaluation._runs import CLASSES, CPU, recipe, write_run


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic that this machine is fastest in would make results depend on it."""
    monkeypatch.setattr("decanet.evaluation.specification.choose_precision", lambda *_: "float32")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return write_run(tmp_path / "run", recipe())


def test_a_run_is_loaded_with_its_classes_and_weights(run: RunFolder) -> None:
    trained = load_run(run.path, CPU)
    assert trained.classes == tuple(CLASSES)
    assert trained.recipe == recipe()
    assert not trained.model.training
    assert trained.spec.image_size == 32
    torch.manual_seed(7)
    fresh = create_model("decanet_s", num_classes=3)
    own = trained.model.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in fresh.state_dict().items())


def test_the_input_specification_follows_the_resolved_recipe() -> None:
    spec = input_spec(recipe("precision=bfloat16"), CPU)
    assert (spec.image_size, spec.dtype) == (32, torch.bfloat16)
    assert spec.mean == (0.5, 0.4, 0.3)
    assert spec.std == (0.2, 0.25, 0.3)


@pytest.mark.parametrize(("name", "precision"), [("lenet5", "float32"), ("decanet_s", "bfloat16")])
def test_a_run_is_evaluated_in_the_arithmetic_that_suits_its_network_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, precision: str
) -> None:
    monkeypatch.setattr("decanet.evaluation.specification.choose_precision", lambda *_: "bfloat16")
    write_run(tmp_path / "run", recipe(f"model.name={name}", f"data.channels={1 if name == 'lenet5' else 3}"))
    trained = load_run(tmp_path / "run", CPU)
    assert trained.precision == precision
    assert trained.recipe is not None
    assert trained.recipe.precision == precision
    assert trained.spec.dtype is getattr(torch, precision)


# What can be wrong.


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_run(path, CPU)
    assert "\n" not in caught.value.line
    return str(caught.value)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    assert "is not a run: it has no recipe.toml" in refused(tmp_path)
    assert "is not a run" in refused(tmp_path / "nowhere")


def test_a_folder_of_runs_names_its_last_run(tmp_path: Path) -> None:
    for name in ("quick-2", "quick-1"):
        write_run(tmp_path / name, recipe())
    assert refused(tmp_path).endswith(f"the last run in it is {tmp_path / 'quick-2'}")


@pytest.mark.parametrize("name", ["data.json", "model.safetensors"])
def test_a_missing_file_is_named(run: RunFolder, name: str) -> None:
    (run.path / name).unlink()
    assert name in refused(run.path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("recipe.toml", "batch_size = "),
        ("recipe.toml", "batch_size = 3\n"),
        ("recipe.toml", ""),
        ("data.json", "{"),
        ("data.json", '{"format": 1}'),
        ("data.json", "{}"),
        ("data.json", "[]"),
        ("data.json", '{"format": 1, "classes": 3}'),
        ("data.json", '{"format": 1, "classes": "cat"}'),
        ("data.json", '{"format": 1, "classes": [1, 2, 3]}'),
        ("data.json", '{"format": 1, "classes": [null, [], {}]}'),
        ("data.json", "[" * 5000),
        ("data.json", "9" * 6000),
        ("model.safetensors", "x"),
        ("model.safetensors", ""),
    ],
)
def test_a_damaged_file_is_named(run: RunFolder, name: str, content: str) -> None:
    (run.path / name).write_text(content)
    assert name in refused(run.path)


def test_a_run_of_an_older_format_is_refused_with_the_command_that_trains_it_again(run: RunFolder) -> None:
    run.data.write_text(json.dumps({"classes": CLASSES}))
    assert refused(run.path).endswith(f"train again: decanet train {recipe().name}")


def test_an_unresolved_recipe_is_refused(run: RunFolder) -> None:
    run.recipe.write_text(to_toml(recipe("data.mean=null")))
    assert "recipe.toml" in refused(run.path)


def test_weights_of_another_network_are_refused(run: RunFolder) -> None:
    save_weights(create_model("decanet_m", num_classes=3), run.weights, {})
    line = refused(run.path)
    assert "model.safetensors contains the weights of another network than decanet_s" in line


def test_weights_for_another_number_of_classes_are_refused(run: RunFolder) -> None:
    run.data.write_text(json.dumps({"format": RUN_FORMAT, "classes": [*CLASSES, "hen"]}))
    assert "head.weight has the shape (3, 128) instead of (4, 128)" in refused(run.path)


def test_a_network_that_this_version_does_not_know_is_named(run: RunFolder) -> None:
    run.recipe.write_text(to_toml(recipe("model.name=decanet_x")))
    with pytest.raises(UsageError, match="unknown model 'decanet_x'"):
        load_run(run.path, CPU)
