"""Linear centered kernel alignment and agreement of errors."""

import numpy as np
import pytest
import torch
from torch import nn

from decanet.core.progress import Silent
from decanet.evaluation.metrics import Predictions
from decanet.insight.similarity import centered_gram, error_agreement, linear_cka, stage_grams
from decanet.models import create_model


def features(seed: int, count: int = 40, size: int = 12) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def test_alignment_with_itself_is_one_and_rotation_and_scale_do_not_matter() -> None:
    x = features(0)
    rotation, _ = torch.linalg.qr(features(1, 12, 12))
    gram = centered_gram(x)
    assert linear_cka(gram, gram) == pytest.approx(1)
    assert linear_cka(gram, centered_gram(3.5 * x @ rotation + 7)) == pytest.approx(1, abs=1e-5)
    # An invertible linear map that is no rotation does matter.
    assert linear_cka(gram, centered_gram(x * torch.logspace(-1, 1, 12))) < 0.9


def test_alignment_is_that_of_the_definition() -> None:
    x, y = features(0).numpy(), features(3, 40, 5).numpy()
    x, y = x - x.mean(0), y - y.mean(0)
    expected = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    found = linear_cka(centered_gram(features(0)), centered_gram(features(3, 40, 5)))
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_unrelated_features_of_many_images_are_hardly_aligned() -> None:
    assert linear_cka(centered_gram(features(0, 2000)), centered_gram(features(1, 2000))) < 0.02


def test_stages_are_captured_for_all_images() -> None:
    torch.manual_seed(0)
    model = create_model("resnet20_cifar").eval()
    x = torch.randn(6, 3, 32, 32)
    grams = stage_grams(model, x, ["conv1", "fc"], Silent(), "")
    torch.testing.assert_close(grams[1], centered_gram(model(x).detach()), rtol=1e-4, atol=1e-6)
    expected = centered_gram(model.get_submodule("conv1")(x).flatten(1).detach())
    torch.testing.assert_close(grams[0], expected, rtol=1e-4, atol=1e-2)


def predictions(classes: list[int], labels: list[int]) -> Predictions:
    return Predictions(nn.functional.one_hot(torch.tensor(classes), 3).float(), torch.tensor(labels))


def test_agreement_of_errors_is_counted() -> None:
    labels = [0, 0, 1, 1, 2, 2, 0, 1]
    first = predictions([0, 1, 1, 0, 2, 0, 0, 1], labels)
    second = predictions([0, 1, 1, 2, 2, 2, 1, 1], labels)
    found = error_agreement(first, second)
    assert found["same_wrong"] == 1 / 8
    assert found["both_wrong"] == 2 / 8
    assert found["only_first"] == found["only_second"] == 1 / 8
    # Both are right on 5/8: 6/8 agree, and 25/64 + 9/64 would by chance.
    assert found["kappa"] == pytest.approx((6 / 8 - 34 / 64) / (1 - 34 / 64))
    assert error_agreement(first, first)["kappa"] == pytest.approx(1)
    perfect = predictions(labels, labels)
    assert error_agreement(perfect, perfect)["kappa"] == 1.0
