"""The public Python names: which there are, what importing them costs, and that each does what its command does."""

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import decanet
from decanet.cli import run as command_line
from decanet.convolution.images import convolve, correlate
from decanet.convolution.kernel_lookup import find_kernel
from decanet.data import ImageData
from decanet.training.start import TrainingResult
from tests.conftest import MakeFolder

PUBLIC = [
    "DecanetError",
    "__version__",
    "convolve_image",
    "create_model",
    "evaluate",
    "fuse",
    "list_models",
    "list_recipes",
    "load_data",
    "load_model",
    "predict",
    "summarize",
    "train",
]
# Seconds on the digits: LeNet-5 for 16x16 images.
SETTINGS = {
    "model.name": "lenet5_modern",
    "data.image_size": 32,
    "optimizer.name": "adam",
    "precision": "float32",
    "batch_size": 50,
    "tta": "none",
    "progressive_sizes": [],
}


def test_the_public_names_are_these() -> None:
    assert decanet.__all__ == dir(decanet) == PUBLIC
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        decanet.trian  # noqa: B018


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_every_public_name_is_documented_and_typed(name: str) -> None:
    public = getattr(decanet, name)
    assert inspect.getdoc(public)
    if inspect.isfunction(public):
        signature = inspect.signature(public)
        assert all(p.annotation is not p.empty for p in signature.parameters.values())
        assert signature.return_annotation is not signature.empty


def test_importing_decanet_and_looking_up_its_functions_imports_no_torch() -> None:
    code = (
        "import sys, decanet; dir(decanet); assert not {'torch', 'numpy', 'decanet.api'} & set(sys.modules)\n"
        "decanet.train, decanet.evaluate, decanet.predict, decanet.DecanetError; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return decanet.load_data("digits")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    out = tmp_path_factory.mktemp("runs") / "digits"
    return decanet.train("quick", data="digits", out=out, epochs=3, seed=1, settings=SETTINGS, progress=False)


def test_train_writes_the_run_that_the_command_writes(run: TrainingResult, tmp_path: Path) -> None:
    assert run.accuracy > 0.7
    assert run.values == json.loads((run.path / "result.json").read_text())
    assert {"curves.png", "confusion.png", "most_confident.png"} <= {
        f.name for f in (run.path / "figures").iterdir()
    }
    arguments = [
        "train",
        "quick",
        "--data",
        "digits",
        "--out",
        str(tmp_path / "run"),
        "--epochs",
        "3",
        "--seed",
        "1",
    ]
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    assert command_line([*arguments, *settings]) == 0
    files = [path / "model.safetensors" for path in (run.path, tmp_path / "run")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_evaluate_takes_a_model_a_reference_or_loaded_data(run: TrainingResult, digits: ImageData) -> None:
    for evaluation in (
        decanet.evaluate(run.model),
        decanet.evaluate(run.path),
        decanet.evaluate(str(run.path), "digits"),
        decanet.evaluate(run.model, digits),
    ):
        assert evaluation.top1 == run.accuracy
    assert decanet.evaluate(run.model, tta="none").trained.tta == "none"


def test_predict_takes_paths_arrays_and_pillow_images(
    run: TrainingResult, digits: ImageData, tmp_path: Path
) -> None:
    pixels = digits.test.pixels([0], 32)[0].permute(1, 2, 0).numpy()
    image = Image.fromarray(pixels)
    image.save(tmp_path / "digit.png")
    (expected,) = decanet.predict(tmp_path / "digit.png", run.model, top=2)
    assert len(expected) == 2
    probabilities = decanet.evaluate(run.model, digits).predictions.probabilities[0]
    assert expected[0][0] == digits.classes[int(probabilities.argmax())]
    assert expected[0][1] == pytest.approx(probabilities.max().item(), abs=1e-3)
    for found in decanet.predict([pixels, image, str(tmp_path / "digit.png"), tmp_path], run.path, top=2):
        assert [name for name, _ in found] == [name for name, _ in expected]
        assert [value for _, value in found] == pytest.approx([value for _, value in expected], abs=1e-5)
    with pytest.raises(decanet.DecanetError, match=r"there is no image nowhere\.png"):
        decanet.predict("nowhere.png", run.model)
    with pytest.raises(decanet.DecanetError, match=r"uint8 \(H, W, 3\), got float32"):
        decanet.predict(pixels.astype(np.float32), run.model)


def test_predict_knows_imagenets_classes_where_weights_are_installed_else_ten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from skimage.data import chelsea

    from decanet.evaluation import reference

    if reference.installed_weights():
        ((best, *_),) = decanet.predict(chelsea())
        assert best[0] in {"tabby", "tiger cat", "Egyptian cat"}
    monkeypatch.setattr(reference, "installed_weights", list)
    ((best, *_),) = decanet.predict(chelsea())
    assert best[0] == "cat"


class Network(nn.Module):
    """Somebody's own network: it has no name, no stages and no builder."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
        self.head = nn.Linear(8 * 16, classes)

    def forward(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, classes)
        return self.head(self.features(x).flatten(1))


def test_ones_own_network_is_trained_evaluated_and_loaded(digits: ImageData, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network()
    settings = {key: value for key, value in SETTINGS.items() if not key.startswith(("model", "data"))}
    settings |= {"optimizer.lr": 0.01}
    run = decanet.train(
        "quick", data=digits, model=network, out=tmp_path / "run", epochs=6, settings=settings, progress=False
    )
    assert run.accuracy > 0.5
    assert run.values["model"].endswith("test_api.Network")
    assert run.model.model is network
    assert decanet.summarize(network, (3, 28, 28)).params == run.values["params"]
    evaluation = decanet.evaluate(network, digits, image_size=run.model.spec.image_size)
    assert evaluation.top1 == run.accuracy
    loaded = decanet.load_model(run.path, model=Network())
    assert torch.equal(loaded.model.head.weight, network.head.weight)
    with pytest.raises(decanet.DecanetError, match="a module of your own"):
        decanet.load_model(run.path)
    with pytest.raises(decanet.DecanetError, match="data= is needed"):
        decanet.evaluate(network)


def test_an_interrupted_run_of_ones_own_network_resumes_bit_for_bit(
    digits: ImageData, tmp_path: Path
) -> None:
    settings = {key: value for key, value in SETTINGS.items() if not key.startswith(("model", "data"))}
    settings |= {"log_every": 1}

    def network() -> Network:
        torch.manual_seed(0)
        return Network()

    def press_ctrl_c_after_three_lines() -> None:
        metrics, deadline = tmp_path / "cut" / "metrics.jsonl", time.monotonic() + 120
        while time.monotonic() < deadline and not (metrics.exists() and metrics.read_text().count("\n") >= 3):
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    def train(out: str) -> TrainingResult:
        return decanet.train(
            data=digits, model=network(), out=tmp_path / out, epochs=3, settings=settings, progress=False
        )

    whole = train("whole")
    pressing = threading.Thread(target=press_ctrl_c_after_three_lines)
    pressing.start()
    with pytest.raises(decanet.DecanetError, match="resume it: "):
        train("cut")
    pressing.join()
    resumed = decanet.train(resume=tmp_path / "cut", model=network(), progress=False)
    assert resumed.accuracy == whole.accuracy
    assert torch.equal(resumed.model.model.head.weight, whole.model.model.head.weight)


def test_resume_takes_everything_from_the_run(tmp_path: Path) -> None:
    with pytest.raises(decanet.DecanetError, match="takes everything from the run"):
        decanet.train("quick", resume=tmp_path)
    with pytest.raises(decanet.DecanetError, match="is not a run"):
        decanet.train(resume=tmp_path, progress=False)


def test_unknown_settings_are_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(decanet.DecanetError, match=r"did you mean optimizer\.lr"):
        decanet.train(
            "quick", data="digits", settings={"optimizer.lrr": 1}, out=tmp_path / "run", progress=False
        )


def test_load_data_takes_folders(make_folder: MakeFolder) -> None:
    data = decanet.load_data(make_folder({"cats": 5, "dogs": 5}), image_size=24)
    assert data.classes == ("cats", "dogs")
    assert (len(data.train), len(data.test), data.train.stored_size) == (8, 2, 24)


def test_convolve_image_correlates_unless_told_to_flip_the_kernel(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((9, 11))
    kernel = np.arange(9.0).reshape(3, 3)
    assert np.array_equal(decanet.convolve_image(image, kernel, flip=True), convolve(image, kernel))
    assert np.array_equal(decanet.convolve_image(image, "emboss"), correlate(image, find_kernel("emboss")))
    Image.fromarray(np.full((5, 5), 51, np.uint8)).save(tmp_path / "gray.png")
    result = decanet.convolve_image(tmp_path / "gray.png", "box", padding="none", stride=(1, 2))
    assert result.shape == (3, 2)
    assert result == pytest.approx(0.2, abs=1e-6)


def test_the_references_of_the_readme_have_weights() -> None:
    from decanet.evaluation.reference import parse_reference
    from decanet.models import model_entry

    references = re.findall(
        r"\b\w+@\w+", (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    )
    assert len(references) > 2
    for reference in set(references) - {"NAME@SOURCE"}:
        found = parse_reference(reference)
        assert found.source in {weights.library for weights in model_entry(found.name).pretrained}
