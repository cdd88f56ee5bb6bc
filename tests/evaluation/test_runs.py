"""A run's folder becomes a network that names images, or a one-line refusal."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from decanet.core.errors import CheckpointError, DataError, UsageError
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import override, parse_recipe, to_toml
from decanet.core.run_folder import RUN_FORMAT, RunFolder
from decanet.data.folder import fit_square
from decanet.data.image_io import open_rgb, read_rgb
from decanet.evaluation import runs
from decanet.evaluation.runs import Guesses, TrainedModel, input_spec, load_run, predict_images
from decanet.evaluation.tta import TTA
from decanet.models import create_model
from decanet.models.weight_files import save_weights

CPU = torch.device("cpu")
CLASSES = ["cat", "dog", "owl"]


def recipe(*settings: str) -> Recipe:
    values = {
        "model": {"name": "decanet_s"},
        "data": {"name": "made", "image_size": 32, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]},
        "batch_size": 8,
        "epochs": 1,
        "optimizer": {"name": "adam"},
        "precision": "float32",
        "tta": "flip",
    }
    return override(parse_recipe(values, "test"), settings)


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic that this machine is fastest in would make results depend on it."""
    monkeypatch.setattr("decanet.evaluation.specification.choose_precision", lambda *_: "float32")


def write_run(path: Path, recipe: Recipe) -> RunFolder:
    """A finished run whose network was never trained."""
    run = RunFolder(path)
    path.mkdir()
    torch.manual_seed(7)
    save_weights(create_model(recipe.model.name, num_classes=len(CLASSES)), run.weights, {})
    run.recipe.write_text(to_toml(recipe))
    run.data.write_text(json.dumps({"format": RUN_FORMAT, "classes": CLASSES}))
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return write_run(tmp_path / "run", recipe())


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Seven images of different sizes; the third cannot be read."""
    paths = []
    for index in range(7):
        noise = np.random.default_rng(index).integers(0, 256, (30 + 5 * index, 40, 3), np.uint8)
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(noise).save(paths[-1])
    paths[2].write_bytes(b"no image")
    return paths


def test_a_run_comes_back_with_its_classes_and_weights(run: RunFolder) -> None:
    trained = load_run(run.path, CPU)
    assert trained.classes == tuple(CLASSES)
    assert trained.recipe == recipe()
    assert not trained.model.training
    assert trained.spec.image_size == 32
    torch.manual_seed(7)
    fresh = create_model("decanet_s", num_classes=3)
    own = trained.model.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in fresh.state_dict().items())


def test_images_are_named_by_the_recipes_own_views(run: RunFolder, images: list[Path]) -> None:
    """Step by step: read, bring to size, normalize, judge."""
    trained = load_run(run.path, CPU)
    predicted = list(predict_images(trained, images, top=3, batch_size=4))
    assert [path for path, _ in predicted] == images
    problem = predicted.pop(2)[1]
    for path, guesses in predicted:
        assert isinstance(guesses, list)
        square = torch.from_numpy(fit_square(read_rgb(path), 32)).permute(2, 0, 1)[None]
        mean, std = (torch.tensor(c).view(1, 3, 1, 1) for c in ((0.5, 0.4, 0.3), (0.2, 0.25, 0.3)))
        with torch.no_grad():
            expected = TTA["flip"](trained.model, (square / 255 - mean) / std, 32).exp()[0]
        assert [fraction for _, fraction in guesses] == sorted(
            (fraction for _, fraction in guesses), reverse=True
        )
        for name, fraction in guesses:
            assert fraction == pytest.approx(expected[CLASSES.index(name)].item(), abs=1e-4)
    assert isinstance(problem, DataError)
    assert str(images[2]) in problem.line
    assert "\n" not in problem.line


def test_answers_do_not_depend_on_how_many_are_judged_together(run: RunFolder, images: list[Path]) -> None:
    trained = load_run(run.path, CPU)
    readable = [path for path in images if path.name != "2.png"]
    one_by_one = predictions(trained, readable, batch_size=1)
    together = predictions(trained, readable, batch_size=3)
    assert [guesses[0][0] for guesses in one_by_one] == [guesses[0][0] for guesses in together]


def predictions(
    trained: TrainedModel, paths: list[Path], top: int = 1, batch_size: int = 16
) -> list[Guesses]:
    predicted = predict_images(trained, paths, top, batch_size)
    return [guesses for _, guesses in predicted if isinstance(guesses, list)]


def test_predictions_come_as_soon_as_they_are_known(
    run: RunFolder, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(runs, "open_rgb", lambda path: opened.append(path) or open_rgb(path))
    coming = predict_images(load_run(run.path, CPU), images, top=1, batch_size=2)
    assert next(coming)[0] == images[0]
    coming.close()
    assert len(opened) <= 4, "its batch and the next one"


def test_an_image_that_does_not_fit_into_memory_leaves_the_others(
    run: RunFolder, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(image: Image.Image, *arguments: int, **options: int) -> np.ndarray:
        if image.height == 35:
            raise MemoryError
        return fit_square(image, *arguments, **options)

    monkeypatch.setattr(runs, "fit_square", exhausted)
    predicted = list(predict_images(load_run(run.path, CPU), images[:2], top=1))
    assert isinstance(predicted[0][1], list)
    assert "does not fit into the memory" in str(predicted[1][1])


@pytest.mark.parametrize(("top", "count"), [(1, 1), (2, 2), (99, 3)])
def test_as_many_guesses_as_asked_for_but_no_more_than_there_are_classes(
    run: RunFolder, images: list[Path], top: int, count: int
) -> None:
    (guesses,) = predictions(load_run(run.path, CPU), images[:1], top)
    assert len(guesses) == count


def test_without_images_there_is_nothing_to_name(run: RunFolder) -> None:
    assert list(predict_images(load_run(run.path, CPU), [], top=1)) == []


def test_images_are_resized_as_for_training_before_the_crop(images: list[Path]) -> None:
    """A recipe that resizes to 40 and crops 32 judges the center of the image at 40."""
    seen: list[torch.Tensor] = []

    class Looks(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x.flatten(1)[:, :3]

    own = recipe("augmentation.resize=40", "tta=none")
    trained = TrainedModel(Looks(), own, tuple(CLASSES), input_spec(own, CPU))
    predictions(trained, images[:1])
    square = fit_square(read_rgb(images[0]), 40)[4:36, 4:36]
    expected = trained.spec.normalize(torch.from_numpy(square.copy()).permute(2, 0, 1)[None])
    torch.testing.assert_close(seen[0], expected)


def test_the_form_follows_the_resolved_recipe() -> None:
    spec = input_spec(recipe("precision=bfloat16"), CPU)
    assert (spec.image_size, spec.dtype) == (32, torch.bfloat16)
    assert spec.mean == (0.5, 0.4, 0.3)
    assert spec.std == (0.2, 0.25, 0.3)


@pytest.mark.parametrize(("name", "precision"), [("lenet5", "float32"), ("decanet_s", "bfloat16")])
def test_a_run_is_judged_in_the_arithmetic_that_suits_its_network_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, precision: str
) -> None:
    monkeypatch.setattr("decanet.evaluation.specification.choose_precision", lambda *_: "bfloat16")
    write_run(tmp_path / "run", recipe(f"model.name={name}"))
    trained = load_run(tmp_path / "run", CPU)
    assert trained.recipe.precision == precision
    assert trained.spec.dtype is getattr(torch, precision)


# What can be wrong.


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_run(path, CPU)
    assert "\n" not in caught.value.line
    return str(caught.value)


def test_a_folder_that_is_no_run_says_so(tmp_path: Path) -> None:
    assert "is not a run: it has no recipe.toml" in refused(tmp_path)
    assert "is not a run" in refused(tmp_path / "nowhere")


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


def test_a_recipe_that_was_never_resolved_is_no_runs(run: RunFolder) -> None:
    run.recipe.write_text(to_toml(recipe("data.mean=null")))
    assert "recipe.toml" in refused(run.path)


def test_weights_of_another_network_are_refused(run: RunFolder) -> None:
    save_weights(create_model("decanet_m", num_classes=3), run.weights, {})
    line = refused(run.path)
    assert "model.safetensors holds the weights of another network than decanet_s" in line


def test_weights_for_another_number_of_classes_are_refused(run: RunFolder) -> None:
    run.data.write_text(json.dumps({"format": RUN_FORMAT, "classes": [*CLASSES, "hen"]}))
    assert "head.weight has shape (3, 128) there and (4, 128) here" in refused(run.path)


def test_a_network_that_this_version_does_not_know_is_named(run: RunFolder) -> None:
    run.recipe.write_text(to_toml(recipe("model.name=decanet_x")))
    with pytest.raises(UsageError, match="unknown model 'decanet_x'"):
        load_run(run.path, CPU)
