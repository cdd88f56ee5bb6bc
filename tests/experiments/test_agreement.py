"""Agreement of a network's doubts with people's, on made-up answers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from decanet.core.errors import DataError
from decanet.evaluation.metrics import Predictions
from decanet.experiments.agreement import compare_with_people, cross_entropy, entropy, load_people


def predictions(logits: np.ndarray, labels: np.ndarray) -> Predictions:
    return Predictions(torch.softmax(torch.tensor(logits), 1).float(), torch.tensor(labels))


@pytest.fixture
def made_up(tmp_path: Path) -> tuple[Path, Predictions]:
    """Answers of 50 people to 400 images, and a network that is too sure of what they answer."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (400, 10))
    people = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    counts = np.array([rng.multinomial(50, row) for row in people])
    np.save(tmp_path / "counts.npy", counts)
    labels = np.array([rng.choice(10, p=row) for row in people])
    return tmp_path / "counts.npy", predictions(3 * logits, labels)


def test_a_network_that_doubts_as_people_do_agrees_once_it_is_calibrated(
    made_up: tuple[Path, Predictions],
) -> None:
    found = compare_with_people(made_up[1], made_up[0])
    assert found["human_correlation"] is not None
    assert found["human_correlation"] > 0.7
    assert found["human_loss_calibrated"] < found["human_loss"]  # type: ignore[operator]
    people = load_people(made_up[0], 400, 10)
    assert found["human_loss_calibrated"] == pytest.approx(entropy(people).mean(), rel=0.1)
    assert 0 <= found["people_doubt_network_does_not"] <= 400  # type: ignore[operator]


def test_entropy_and_cross_entropy_are_scipys() -> None:
    rng = np.random.default_rng(1)
    p, q = (rng.dirichlet(np.ones(10), 20) for _ in range(2))
    assert np.allclose(entropy(p), stats.entropy(p, axis=1))
    assert cross_entropy(p, q) == pytest.approx(
        (stats.entropy(p, axis=1) + stats.entropy(p, q, axis=1)).mean()
    )


def test_a_file_of_something_else_is_an_error(tmp_path: Path) -> None:
    np.save(tmp_path / "other.npy", np.ones((5, 3)))
    with pytest.raises(DataError, match=r"\(400, 10\) counts"):
        load_people(tmp_path / "other.npy", 400, 10)
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(DataError, match="cannot be read"):
        load_people(tmp_path / "text.npy", 400, 10)
