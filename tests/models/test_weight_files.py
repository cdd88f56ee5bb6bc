"""Weights files: equal bytes for equal weights, and no damage that goes unnoticed."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from decanet.core.errors import CheckpointError
from decanet.models import create_model
from decanet.models.pretrained import load_pretrained
from decanet.models.registry import model_entry
from decanet.models.weight_files import load_weights, packaged_file, read_about, read_weights, save_weights

ABOUT = {"model": "tiny", "recipe": "quick", "seed": "3", "classes": '["猫", "dog"]', "data": "digits"}


def tiny(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))  # floats, whole numbers and a scalar


def test_equal_weights_are_equal_files(tmp_path: Path) -> None:
    files = []
    for number in range(8):  # safetensors' own order of the metadata differs from call to call
        save_weights(tiny(), tmp_path / f"{number}.safetensors", ABOUT)
        files.append((tmp_path / f"{number}.safetensors").read_bytes())
    assert len(set(files)) == 1
    assert read_about(tmp_path / "0.safetensors") == ABOUT
    theirs = load_file(tmp_path / "0.safetensors")
    assert all(torch.equal(theirs[name], value) for name, value in tiny().state_dict().items())


def test_a_missing_sum_is_no_damage(tmp_path: Path) -> None:
    save_file(tiny().state_dict(), tmp_path / "model.safetensors", metadata={"recipe": "quick"})
    with pytest.raises(CheckpointError, match="contains no SHA-256") as caught:
        read_weights(tmp_path / "model.safetensors")
    assert "damaged" not in str(caught.value)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    broken = tiny()
    with torch.no_grad():
        next(broken.parameters()).fill_(torch.nan)
    save_weights(broken, tmp_path / "model.safetensors", ABOUT)
    with pytest.raises(CheckpointError, match=r"NaN or infinity in 1 of 7 tensors, for instance 0\.weight"):
        load_weights(tiny(), tmp_path / "model.safetensors")


def test_a_flipped_bit_is_refused_or_harmless(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_weights(tiny(), file, ABOUT)
    whole = file.read_bytes()
    refused = 0
    for place in range(0, len(whole), 3):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            tensors, about = read_weights(file), read_about(file)
        except CheckpointError:
            refused += 1
            continue
        assert about == ABOUT
        assert all(torch.equal(tensors[name], value) for name, value in tiny().state_dict().items())
    assert refused > 0.9 * len(whole) / 3


def test_damaged_weights_are_refused_by_every_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bytearray(packaged_file("decanet_s").read_bytes())
    whole[-1000] ^= 4
    damaged = tmp_path / "decanet_s.safetensors"
    damaged.write_bytes(whole)
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_weights(create_model("decanet_s"), damaged)
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_pretrained(create_model("decanet_s"), model_entry("decanet_s"), damaged)
    monkeypatch.setattr("decanet.models.weight_files.PACKAGED", tmp_path)
    with pytest.raises(CheckpointError, match="SHA-256"):
        create_model("decanet_s", weights="decanet")


def test_a_file_of_another_program_is_not_taken_for_a_runs(tmp_path: Path) -> None:
    save_file(tiny().state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_weights(tiny(), tmp_path / "model.safetensors")
