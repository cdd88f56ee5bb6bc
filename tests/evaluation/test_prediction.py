"""Image files become predictions, as soon as they are known and whatever is wrong with some of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from decanet.core.errors import DataError
from decanet.core.run_folder import RunFolder
from decanet.data.decoding import fit_square
from decanet.data.image_io import open_rgb, read_rgb
from decanet.evaluation import prediction
from decanet.evaluation.prediction import TopClasses, image_files, predict_images
from decanet.evaluation.runs import load_run
from decanet.evaluation.specification import input_spec
from decanet.evaluation.trained import Provenance, TrainedModel
from decanet.evaluation.tta import TTA
from tests.conftest import Heard
from tests.evaluation._runs import CLASSES, CPU, recipe, write_run


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic that this machine is fastest in would make results depend on it."""
    monkeypatch.setattr("decanet.evaluation.specification.choose_precision", lambda *_: "float32")


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


def test_images_are_predicted_with_the_recipes_own_augmentation(run: RunFolder, images: list[Path]) -> None:
    """Step by step: read, resize, normalize, predict."""
    trained = load_run(run.path, CPU)
    predicted = list(predict_images(trained, images, top=3, batch_size=4))
    assert [path for path, _ in predicted] == images
    problem = predicted.pop(2)[1]
    for path, classes in predicted:
        assert isinstance(classes, list)
        square = torch.from_numpy(fit_square(read_rgb(path), 32)).permute(2, 0, 1)[None]
        mean, std = (torch.tensor(c).view(1, 3, 1, 1) for c in ((0.5, 0.4, 0.3), (0.2, 0.25, 0.3)))
        with torch.no_grad():
            expected = TTA["flip"](trained.model, (square / 255 - mean) / std, 32).exp()[0]
        assert [fraction for _, fraction in classes] == sorted(
            (fraction for _, fraction in classes), reverse=True
        )
        for name, fraction in classes:
            assert fraction == pytest.approx(expected[CLASSES.index(name)].item(), abs=1e-4)
    assert isinstance(problem, DataError)
    assert str(images[2]) in problem.line
    assert "\n" not in problem.line


def test_predictions_do_not_depend_on_the_batch_size(run: RunFolder, images: list[Path]) -> None:
    trained = load_run(run.path, CPU)
    readable = [path for path in images if path.name != "2.png"]
    one_by_one = predictions(trained, readable, batch_size=1)
    together = predictions(trained, readable, batch_size=3)
    assert [classes[0][0] for classes in one_by_one] == [classes[0][0] for classes in together]


def predictions(
    trained: TrainedModel, paths: list[Path], top: int = 1, batch_size: int = 16
) -> list[TopClasses]:
    predicted = predict_images(trained, paths, top, batch_size)
    return [classes for _, classes in predicted if isinstance(classes, list)]


def test_predictions_come_as_soon_as_they_are_known(
    run: RunFolder, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(prediction, "open_rgb", lambda path: opened.append(path) or open_rgb(path))
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

    monkeypatch.setattr(prediction, "fit_square", exhausted)
    predicted = list(predict_images(load_run(run.path, CPU), images[:2], top=1))
    assert isinstance(predicted[0][1], list)
    assert "does not fit into the memory" in str(predicted[1][1])


@pytest.mark.parametrize(("top", "count"), [(1, 1), (2, 2), (99, 3)])
def test_no_more_classes_are_listed_than_asked_for_or_known(
    run: RunFolder, images: list[Path], top: int, count: int
) -> None:
    (classes,) = predictions(load_run(run.path, CPU), images[:1], top)
    assert len(classes) == count


def test_no_images_give_no_predictions(run: RunFolder) -> None:
    assert list(predict_images(load_run(run.path, CPU), [], top=1)) == []


def test_images_are_resized_as_for_training_before_the_crop(images: list[Path]) -> None:
    """A recipe that resizes to 40 and crops 32 predicts the center of the image at 40."""
    seen: list[torch.Tensor] = []

    class Looks(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x.flatten(1)[:, :3]

    own = recipe("augmentation.resize=40", "tta=none")
    spec = input_spec(own, CPU)
    origin = Provenance("made", "none", "made")
    trained = TrainedModel(Looks(), tuple(CLASSES), spec, 40, "bilinear", "none", "float32", origin, own)
    predictions(trained, images[:1])
    square = fit_square(read_rgb(images[0]), 40)[4:36, 4:36]
    expected = trained.spec.normalize(torch.from_numpy(square.copy()).permute(2, 0, 1)[None])
    torch.testing.assert_close(seen[0], expected)


def test_folders_stand_for_the_images_below_them(images: list[Path], heard: Heard) -> None:
    (images[0].parent / "notes.txt").touch()
    files = image_files([images[3], images[0].parent], heard)
    assert files[0] == images[3]
    assert set(files[1:]) == set(images)
    assert heard.notes == [f"{images[0].parent}: skipped 1 file that is no image: .txt 1"]
