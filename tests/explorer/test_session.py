"""What an explorer offers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.core.errors import DataError, UsageError
from decanet.explorer.session import LOADED, Session, describe, photograph
from decanet.models import list_models


def test_packaged_networks_come_before_untrained_ones(session: Session) -> None:
    offered = list(session.offered.values())
    groups = [each.group for each in offered]
    assert groups == sorted(groups, key=["own", "trained", "untrained"].index)
    assert set(list_models()) <= set(session.offered)


def test_only_what_is_offered_can_be_loaded(session: Session, tmp_path: Path) -> None:
    for name in ("decanet", str(tmp_path), "../runs/x", ""):
        if name:
            with pytest.raises(UsageError, match="unknown network"):
                session.network({"network": name})
    assert session.network({}).provenance.architecture == "decanet_s"


def test_few_networks_are_kept(tmp_path: Path) -> None:
    session = Session("decanet_s", torch.device("cpu"), tmp_path, tmp_path)
    first = session.network({"network": "decanet_s"})
    assert session.network({"network": "decanet_s"}) is first
    for name in ("resnet20_cifar", "alexnet_cifar", "small_vit")[:LOADED]:
        session.network({"network": name})
    assert session.network({"network": "decanet_s"}) is not first


def test_samples_fit_the_network(session: Session) -> None:
    for name, side in (("decanet_s", 28), ("alexnet", 224)):
        samples = session.samples({"network": name})
        assert [label for label, _ in samples] == ["cat", "astronaut", "coffee", "rocket"]
        assert all(pixels.shape == (side, side, 3) and pixels.dtype == np.uint8 for _, pixels in samples)
    with pytest.raises(UsageError, match="unknown photograph"):
        photograph("dog")


def test_a_damaged_file_is_named_without_its_place(session: Session) -> None:
    with pytest.raises(DataError, match="the file is no image"):
        session.square({}, b"text")


def test_the_same_image_is_run_once(session: Session, asked: dict[str, str]) -> None:
    assert session.recording(asked) is session.recording(asked)


def test_a_network_is_described(session: Session) -> None:
    found = describe(session.network({"network": "resnet20_cifar"}))
    assert found["untrained"]
    assert found["size"] == 32
    assert not describe(session.network({}))["untrained"]
