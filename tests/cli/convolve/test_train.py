"""``decanet convolve train``: what it prints, draws and refuses."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decanet.cli import run
from decanet.cli.convolve.train import load_digits


def test_each_epoch_is_a_line_and_the_figure_is_drawn(
    drawn: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["convolve", "train", "--epochs", "3", "--figure", "new/digits.png"]) == 0
    out = capsys.readouterr().out
    assert "1,433 training images, 364 test images; 6,138 parameters, 84,224 multiply-adds per image" in out
    epochs = re.findall(
        r"^epoch (\d)/3  loss (\d\.\d{4})  test accuracy +(\d+\.\d\d)%  +\d+ s left$", out, re.M
    )
    assert [number for number, _, _ in epochs] == ["1", "2", "3"]
    assert float(epochs[-1][2]) > 95
    assert "wrote new/digits.png" in out
    losses = drawn["new/digits.png"].subfigs[0].axes[0].lines[0].get_ydata()
    assert [f"{loss:.4f}" for loss in losses] == [loss for _, loss, _ in epochs]


def test_the_split_is_that_of_the_dataset(tmp_path: Path) -> None:
    """`decanet train --data digits` and this command hold out the same images."""
    from decanet.core.progress import Silent
    from decanet.data.datasets.digits import load

    ours, theirs = load_digits(), load(tmp_path, "auto", Silent())
    assert ours.train_images.shape == (1433, 1, 8, 8)
    assert ours.test_images.shape == (364, 1, 8, 8)
    assert ours.train_images.dtype == np.float32
    assert (ours.train_images.min(), ours.train_images.max()) == (0, 1)
    for images, labels, split in (
        (ours.train_images, ours.train_labels, theirs.train),
        (ours.test_images, ours.test_labels, theirs.test),
    ):
        np.testing.assert_array_equal(labels, split.labels.numpy())
        large = split.images[:, 0].float().reshape(-1, 8, 4, 8, 4).mean(dim=(2, 4)).numpy() / 255
        assert abs(large - images[:, 0]).mean() < 0.15
    again = load_digits()
    np.testing.assert_array_equal(ours.test_images, again.test_images)
    both = np.concatenate([ours.train_images, ours.test_images]).reshape(1797, -1)
    assert len(np.unique(both, axis=0)) > 1790


def test_json_is_alone_on_stdout_and_the_seed_determines_it(capsys: pytest.CaptureFixture[str]) -> None:
    values = []
    for _ in range(2):
        assert run(["convolve", "train", "--epochs", "1", "--seed", "7", "--json"]) == 0
        out, err = capsys.readouterr()
        assert "epoch 1/1" in err
        values.append(json.loads(out))
    first, second = values
    assert (first["seed"], first["epochs"], first["params"], first["macs"]) == (7, 1, 6138, 84224)
    assert first["test_top1"] == first["history"][-1]["test_top1"]
    for value in values:  # times differ, nothing else does
        del value["train_seconds"], value["images_per_second"], value["history"][0]["seconds"]
    assert first == second


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--epochs 0", "training needs at least 1 epoch, got 0"),
        ("--seed -1", "a seed is an integer of at least 0, got -1"),
        ("--figure image.bmp", "Use a name that ends in .png, .svg, .pdf"),
        ("--figure .", "Use a name that ends in"),
        ("--epochs many", "--epochs"),
    ],
)
def test_impossible_settings_are_refused_before_the_training(
    capsys: pytest.CaptureFixture[str], options: str, message: str
) -> None:
    assert run(["convolve", "train", *options.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


def test_a_folder_is_refused_as_a_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder.png"
    folder.mkdir()
    assert run(["convolve", "train", "--figure", str(folder)]) == 2
    assert "It is a folder" in capsys.readouterr().err
