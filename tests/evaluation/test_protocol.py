"""What is counted, against scikit-learn; the views of an image, against torchvision."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, log_loss, top_k_accuracy_score
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import v2

from decanet.core.errors import UsageError
from decanet.data.batches import Batch
from decanet.evaluation.protocol import TTA, Predictions, autocast, predict, require_room

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def said() -> Predictions:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(400, 7, generator=generator) * 2
    return Predictions(logits.softmax(1), torch.randint(0, 7, (400,), generator=generator))


@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_top_k_is_scikit_learns(said: Predictions, k: int) -> None:
    expected = top_k_accuracy_score(said.labels, said.probabilities, k=k, labels=range(7))
    assert said.top(k) == pytest.approx(expected, abs=1e-12)


def test_with_no_more_classes_than_k_all_are_right(said: Predictions) -> None:
    assert said.top(7) == 1.0
    assert said.top(100) == 1.0


def test_the_loss_is_scikit_learns(said: Predictions) -> None:
    exact = said.probabilities.double()
    expected = log_loss(said.labels, exact / exact.sum(1, keepdim=True), labels=range(7))
    assert said.loss == pytest.approx(expected, rel=1e-6)


def test_the_loss_stays_finite_when_a_class_was_ruled_out() -> None:
    sure = Predictions(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1]))
    assert math.isfinite(sure.loss)
    assert sure.loss > 10


def test_the_confusion_is_scikit_learns(said: Predictions) -> None:
    expected = confusion_matrix(said.labels, said.probabilities.argmax(1), labels=range(7))
    assert np.array_equal(said.confusion().numpy(), expected)
    assert said.confusion().diagonal().sum().item() / 400 == pytest.approx(said.top(1))


def test_classes_that_never_occur_have_empty_rows() -> None:
    few = Predictions(torch.eye(4)[[1, 1]], torch.tensor([1, 3]))
    assert few.confusion().tolist() == [[0] * 4, [0, 1, 0, 0], [0] * 4, [0, 1, 0, 0]]


# The views. A small network without any symmetry, so that a view that is left out or weighted wrongly shows.


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 5)).double().eval()


def images(image_size: int) -> Tensor:
    return torch.randn(
        6, 3, image_size, image_size, generator=torch.Generator().manual_seed(image_size), dtype=torch.float64
    )


def center(x: Tensor) -> Tensor:
    return v2.functional.center_crop(x, [8, 8])


@pytest.mark.parametrize(
    ("name", "image_size"), [(name, 11) for name in sorted(TTA)] + [("flip_shift", 8), ("flip", 8)]
)
def test_every_view_gives_the_logarithm_of_probabilities(
    model: nn.Module, name: str, image_size: int
) -> None:
    with torch.no_grad():
        logarithms = TTA[name](model, images(image_size), 8)
    assert logarithms.shape == (6, 5)
    torch.testing.assert_close(logarithms.exp().sum(1), torch.ones(6))


@pytest.mark.parametrize("image_size", [8, 11, 12])
def test_one_view_is_the_center(model: nn.Module, image_size: int) -> None:
    x = images(image_size)
    with torch.no_grad():
        expected = F.log_softmax(model(center(x)), 1).float()
        torch.testing.assert_close(TTA["none"](model, x, 8), expected)


@pytest.mark.parametrize(
    ("name", "image_size"),
    [
        (name, image_size)
        for name in ("flip", "ten_crop")
        for image_size in (8, 11, 12)
        if name != "ten_crop" or image_size > 8
    ],
)
def test_a_image_and_its_mirror_image_are_judged_alike(model: nn.Module, name: str, image_size: int) -> None:
    x = images(image_size)
    with torch.no_grad():
        torch.testing.assert_close(TTA[name](model, x, 8), TTA[name](model, x.flip(3), 8))
        assert not torch.allclose(TTA["none"](model, x, 8), TTA["none"](model, x.flip(3), 8))


def test_mirror_is_the_mean_of_both_outputs(model: nn.Module) -> None:
    x = images(8)
    with torch.no_grad():
        expected = F.log_softmax((model(x) + model(x.flip(3))) / 2, 1).float()
        torch.testing.assert_close(TTA["flip"](model, x, 8), expected)


def test_shift_weighs_the_image_by_half_and_two_moved_copies_by_a_quarter_each(model: nn.Module) -> None:
    """arXiv:2404.00498, section 3.5, by the words: one pixel up and left, and one pixel down and right."""
    x = images(8).numpy()
    large = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    weights = [(x, 0.5), (large[:, :, :8, :8], 0.25), (large[:, :, 2:, 2:], 0.25)]
    with torch.no_grad():
        logits = torch.zeros(6, 5, dtype=torch.float64)
        for view, weight in weights:
            for copy in (view, view[..., ::-1]):
                logits += weight / 2 * model(torch.from_numpy(copy.copy()))
        torch.testing.assert_close(
            TTA["flip_shift"](model, torch.from_numpy(x), 8), F.log_softmax(logits, 1).float()
        )


@pytest.mark.parametrize("image_size", [9, 10, 13])
def test_ten_crops_are_torchvisions(model: nn.Module, image_size: int) -> None:
    x = images(image_size)
    with torch.no_grad():
        probabilities = [F.softmax(model(crop).float(), 1) for crop in v2.TenCrop(8)(x)]
        expected = torch.stack(probabilities).mean(0).log()
        torch.testing.assert_close(TTA["ten_crop"](model, x, 8), expected)


@pytest.mark.parametrize(
    ("views", "size", "fits"),
    [
        ("none", 8, True),
        ("flip", 8, True),
        ("flip_shift", 8, True),
        ("ten_crop", 8, False),
        ("ten_crop", 9, True),
    ]
    + [(views, 7, False) for views in sorted(TTA)],
)
def test_no_view_enlarges_an_image(views: str, size: int, fits: bool) -> None:
    """Enlarged by 8/7, as the ten crops once were, CIFAR-10's images cost a network 17 points of accuracy."""
    if fits:
        require_room(views, size, 8)
        return
    with pytest.raises(UsageError, match=f"these are {size}x{size}.*(take shift|resize to)"):
        require_room(views, size, 8)


def test_ten_crops_of_an_image_without_room_for_corners_are_refused(model: nn.Module) -> None:
    with pytest.raises(UsageError, match="at least 9x9"):
        TTA["ten_crop"](model, images(8), 8)


# Judging batches.


class Counting(nn.Module):
    """Says of an image what its mean is; behaves otherwise while training."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, -1.0]))
        self.dropout = nn.Dropout(0.9)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x.mean((1, 2, 3))[:, None] * self.weight)


def batches_of(x: Tensor, size: int) -> list[Batch]:
    labels = torch.arange(len(x)) % 2
    return [Batch(a, b, torch.arange(len(b))) for a, b in zip(x.split(size), labels.split(size), strict=True)]


def test_predictions_do_not_depend_on_how_images_are_batched() -> None:
    x, model = torch.randn(10, 3, 4, 4, generator=torch.Generator().manual_seed(1)), Counting()
    results = [
        predict(model, batches_of(x, size), views="none", image_size=4, device=CPU, precision="float32")
        for size in (3, 10)
    ]
    torch.testing.assert_close(results[0].probabilities, results[1].probabilities)
    assert results[0].labels.tolist() == [0, 1] * 5
    expected = (x.mean((1, 2, 3))[:, None] * torch.tensor([1.0, -1.0])).softmax(1)
    torch.testing.assert_close(results[0].probabilities, expected)
    assert not results[0].probabilities.requires_grad


@pytest.mark.parametrize("training", [True, False])
def test_judging_neither_trains_nor_forgets_that_it_was_training(training: bool) -> None:
    model = Counting().train(training)
    predict(
        model,
        batches_of(torch.ones(4, 3, 4, 4), 4),
        views="none",
        image_size=4,
        device=CPU,
        precision="float32",
    )
    assert model.training is training
    assert model.dropout.training is training

    def broken() -> list[Batch]:
        raise RuntimeError("no images")

    with pytest.raises(RuntimeError, match="no images"):
        predict(model, (b for b in broken()), views="none", image_size=4, device=CPU, precision="float32")
    assert model.training is training


def test_bfloat16_is_used_for_products_only_when_asked_for() -> None:
    linear, x = nn.Linear(4, 4), torch.ones(1, 4)
    with autocast(CPU, "bfloat16"):
        assert linear(x).dtype == torch.bfloat16
    with autocast(CPU, "float32"):
        assert linear(x).dtype == torch.float32


def test_probabilities_are_float32_whatever_the_arithmetic() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    x = batches_of(torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(0)), 4)
    results = [
        predict(model, x, views="flip", image_size=4, device=CPU, precision=precision)
        for precision in ("float32", "bfloat16")
    ]
    assert all(result.probabilities.dtype == torch.float32 for result in results)
    torch.testing.assert_close(results[0].probabilities, results[1].probabilities, atol=0.02, rtol=0)
