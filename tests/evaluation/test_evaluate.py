"""Evaluation of a network on batches and splits, by one process and by several."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from decanet.core.recipe import Adam, Data, Model, Recipe
from decanet.core.runtime import Ranks, ranks_from_environment
from decanet.data import FolderSplit, ImageData, MemorySplit
from decanet.data.input_spec import InputSpec
from decanet.data.loaders import Batch
from decanet.data.loaders import folder as folder_loader
from decanet.evaluation.evaluate import evaluate_split, predict
from decanet.evaluation.metrics import Predictions
from decanet.training.distributed import process_group
from tests.conftest import MakeFolder
from tests.training.conftest import in_two_processes

CPU = torch.device("cpu")


class MeanClassifier(nn.Module):
    """Computes logits from the mean of an image, with dropout while training."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, -1.0]))
        self.dropout = nn.Dropout(0.9)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x.mean((1, 2, 3))[:, None] * self.weight)


def batches_of(x: Tensor, size: int) -> list[Batch]:
    labels = torch.arange(len(x)) % 2
    return [Batch(a, b, torch.arange(len(b))) for a, b in zip(x.split(size), labels.split(size), strict=True)]


def predict_4x4(
    model: nn.Module, batches: list[Batch], tta: str = "none", precision: str = "float32"
) -> Predictions:
    return predict(model, batches, tta=tta, image_size=4, device=CPU, precision=precision)


def test_predictions_do_not_depend_on_the_batch_size() -> None:
    x, model = torch.randn(10, 3, 4, 4, generator=torch.Generator().manual_seed(1)), MeanClassifier()
    results = [predict_4x4(model, batches_of(x, size)) for size in (3, 10)]
    torch.testing.assert_close(results[0].probabilities, results[1].probabilities)
    assert results[0].labels.tolist() == [0, 1] * 5
    expected = (x.mean((1, 2, 3))[:, None] * torch.tensor([1.0, -1.0])).softmax(1)
    torch.testing.assert_close(results[0].probabilities, expected)
    assert not results[0].probabilities.requires_grad


@pytest.mark.parametrize("training", [True, False])
def test_prediction_keeps_the_mode_of_the_model(training: bool) -> None:
    model = MeanClassifier().train(training)
    predict_4x4(model, batches_of(torch.ones(4, 3, 4, 4), 4))
    assert model.training is training
    assert model.dropout.training is training

    def broken() -> list[Batch]:
        raise RuntimeError("no images")

    with pytest.raises(RuntimeError, match="no images"):
        predict(
            model, (b for b in broken()), tta="none", image_size=4, device=CPU, precision="float32"
        )  # fmt: skip
    assert model.training is training


def test_probabilities_are_float32_in_every_precision() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    x = batches_of(torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(0)), 4)
    results = [predict_4x4(model, x, "flip", precision) for precision in ("float32", "bfloat16")]
    assert all(result.probabilities.dtype == torch.float32 for result in results)
    torch.testing.assert_close(results[0].probabilities, results[1].probabilities, atol=0.02, rtol=0)


# Several processes.

RECIPE = Recipe(
    model=Model(name="lenet5_modern"),
    data=Data(name="noise", image_size=32, channels=1, mean=(0.5,) * 3, std=(0.2,) * 3),
    batch_size=10, epochs=1, optimizer=Adam(), precision="float32", tta="flip",
)  # fmt: skip
# In batches of 500: three batches, two of which one has a single image, one, and fewer images than ranks.
COUNTS = (1203, 501, 500, 3, 1)


def noise(count: int) -> ImageData:
    generator = torch.Generator().manual_seed(count)
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    split = MemorySplit(images, torch.randint(0, 10, (count,), generator=generator))
    return ImageData("noise", tuple("0123456789"), split, split, (0.5,) * 3, (0.2,) * 3, True, "here")


def evaluate_noise(ranks: Ranks) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 8, 5, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(800, 10))
    results = [evaluate_split(model, RECIPE, noise(count), "test", CPU, ranks) for count in COUNTS]
    return [(result.probabilities, result.labels) for result in results]


def evaluate_as_one_of_two(folder: Path) -> None:
    ranks = ranks_from_environment()
    with process_group(ranks, CPU):
        torch.save(evaluate_noise(ranks), folder / f"{ranks.rank}.pt")


def test_two_processes_predict_bit_for_bit_what_one_predicts(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the two processes: sums of several threads are added in another order
    try:
        alone = evaluate_noise(Ranks())
    finally:
        torch.set_num_threads(threads)
    assert in_two_processes(evaluate_as_one_of_two, tmp_path) == (0, 0)
    for rank in (0, 1):
        together = torch.load(tmp_path / f"{rank}.pt")
        for count, expected, found in zip(COUNTS, alone, together, strict=True):
            assert len(found[1]) == count
            assert torch.equal(found[0], expected[0]), f"probabilities of {count} images in process {rank}"
            assert torch.equal(found[1], expected[1]), f"labels of {count} images in process {rank}"


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_evaluation_counts_every_image_once(
    kind: str, world_size: int, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts of the ranks, one after the other, are the batches of one process."""
    monkeypatch.setattr(folder_loader, "default_workers", lambda: 0)
    data: ImageData = noise(1203)
    if kind == "folder":
        paths = sorted(make_folder({"a": 60, "b": 61}, size=(8, 8)).rglob("*.png"))
        listed = tuple((path, number % 2) for number, path in enumerate(paths))
        data = ImageData(
            "f", ("a", "b"), FolderSplit(listed), FolderSplit(listed), (0.5,) * 3, (0.2,) * 3, True, "here"
        )
    spec = InputSpec(8, (0.5,) * 3, (0.2,) * 3, CPU, torch.float32)
    parts = [
        [*data.evaluation_batches("test", spec, ranks=Ranks(rank, world_size))] for rank in range(world_size)
    ]
    batches = [batch for part in parts for batch in part]
    assert torch.cat([batch.samples for batch in batches]).tolist() == list(range(len(data.test)))
    alone = [*data.evaluation_batches("test", spec)]
    for batch, expected in zip(batches, alone, strict=True):
        assert torch.equal(batch.images, expected.images)
        assert torch.equal(batch.labels, expected.labels)
    lengths = [len(part) for part in parts]
    assert max(lengths) - min(lengths) <= 1
