"""Results over test sets are computed once for each key of weights, data and settings."""

from pathlib import Path

import torch
from torch import Tensor, nn

from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.insight.cache import cached, split_digest, weights_digest


def test_a_result_is_computed_once_for_each_key(tmp_path: Path) -> None:
    calls = []

    def compute() -> dict[str, Tensor]:
        calls.append(1)
        return {"values": torch.arange(3.0)}

    for _ in range(2):
        assert torch.equal(cached(tmp_path, "errors", ("weights", 1), compute)["values"], torch.arange(3.0))
    assert len(calls) == 1
    cached(tmp_path, "errors", ("weights", 2), compute)
    assert len(calls) == 2


def test_a_damaged_file_is_computed_anew(tmp_path: Path) -> None:
    cached(tmp_path, "errors", (), lambda: {"values": torch.zeros(2)})
    (file,) = (tmp_path / "insight").iterdir()
    file.write_bytes(b"damaged")
    assert torch.equal(
        cached(tmp_path, "errors", (), lambda: {"values": torch.ones(2)})["values"], torch.ones(2)
    )


def test_the_digest_of_weights_changes_with_one_value() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    before = weights_digest(model)
    assert weights_digest(model) == before
    with torch.no_grad():
        model[1].running_mean[2] += 1e-3  # type: ignore[index, operator, union-attr]
    assert weights_digest(model) != before


def test_the_digest_of_a_split_tells_data_sets_apart() -> None:
    digits = load_data("digits", cache=Path("unused"), report=Silent())
    assert split_digest(digits) == split_digest(load_data("digits", cache=Path("unused"), report=Silent()))
    from dataclasses import replace

    assert split_digest(replace(digits, test=digits.test[:100])) != split_digest(digits)
