"""Weights files as people have them: whatever a script wrapped around the tensors, the same network comes out."""

import argparse
import pathlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from decanet.core.errors import CheckpointError
from decanet.models import create_model

State = dict[str, Tensor]
NETWORK = "resnet20_cifar"


@pytest.fixture(scope="module")
def state() -> State:
    return create_model(NETWORK).state_dict()


def under(prefix: str, state: State) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def imagenet_example(state: State) -> Any:
    optimizer = torch.optim.Adam(create_model(NETWORK).parameters()).state_dict()
    return {"epoch": 3, "state_dict": under("module.", state), "best_acc1": 71.0, "optimizer": optimizer}


def lightning(state: State) -> Any:
    inside = {**under("model.", state), "criterion.weight": torch.ones(10)}
    callbacks = {"ModelCheckpoint{}": {"best_model_score": torch.tensor(0.7)}}
    return {"state_dict": inside, "hyper_parameters": {"lr": 0.1}, "callbacks": callbacks}


def plain_data_beside(state: State) -> Any:
    options = argparse.Namespace(lr=0.1, output=pathlib.Path("/somewhere"))
    return {"net": state, "acc": np.float64(93.2), "history": np.arange(3.0), "args": options}


def refers_to_itself(state: State) -> Any:
    content: dict[str, Any] = {"model": state}
    content["again"] = content
    return content


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (lambda s: s, ""),
        (OrderedDict, ""),
        (lambda s: under("module.", s), "stripped 'module.'"),
        (lambda s: under("_orig_mod.module.", s), "stripped '_orig_mod.' and 'module.'"),
        (lambda s: OrderedDict(under("backbone.", s)), "stripped 'backbone.'"),
        (imagenet_example, "took 'state_dict' and stripped 'module.'"),
        (
            lightning,
            "took 'state_dict' and stripped 'model.', and left out 1 tensor outside 'model.'",
        ),
        (plain_data_beside, "took 'net'"),
        (lambda s: {"model_state_dict": s, "optimizer_state_dict": {}, "epoch": 1}, "took 'model_state_dict'"),
        (lambda s: {"ckpt": {"model": {"weights": under("net.", s)}}}, "took 'ckpt.model.weights' and stripped"),
        (lambda s: {"n_averaged": torch.tensor(3), **under("module.", s)}, "stripped 'module.'"),
        (lambda s: {**s, "version": "1", "_extra_state": None, "total_ops": torch.ones(1)}, ""),
        (lambda s: {n.replace(".", ".module.", 1): t for n, t in s.items()}, "stripped 'module.'"),
        (refers_to_itself, "took 'model'"),
    ],
)  # fmt: skip
def test_files_of_training_scripts_load_with_a_note(
    wrap: Callable[[State], Any], message: str, state: State, tmp_path: Path
) -> None:
    file = tmp_path / "last.ckpt"
    torch.save(wrap(state), file)
    loaded = create_model(NETWORK, weights=file)
    assert all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in state.items())
    assert [note.startswith(f"{file}: {message}") for note in loaded.decanet_notes] == [True] * bool(message)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_loads(dtype: torch.dtype, state: State, tmp_path: Path) -> None:
    torch.save(
        {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}, tmp_path / "w"
    )
    loaded = create_model(NETWORK, weights=tmp_path / "w").state_dict()
    for name, tensor in state.items():
        expected = tensor.to(dtype).float() if tensor.is_floating_point() else tensor
        assert torch.equal(loaded[name], expected)


def test_safetensors_are_known_by_their_content(state: State, tmp_path: Path) -> None:
    save_file(under("model.", state), tmp_path / "pytorch_model.bin")
    loaded = create_model(NETWORK, weights=tmp_path / "pytorch_model.bin")
    assert all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in state.items())


@pytest.mark.parametrize("averaged", ["model_ema", "ema", "state_dict_ema"])
def test_averaged_weights_are_preferred(averaged: str, state: State, tmp_path: Path) -> None:
    mean = {name: torch.full_like(tensor, 2) for name, tensor in state.items()}
    torch.save({"model": state, averaged: under("module.", mean)}, tmp_path / "w.pth")
    loaded = create_model(NETWORK, weights=tmp_path / "w.pth")
    assert all((tensor == 2).all() for tensor in loaded.state_dict().values())
    assert f"took {averaged!r}" in loaded.decanet_notes[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({0: torch.ones(2)}, "holds no weights"),
        ({0: {"a": torch.ones(2)}}, "holds no weights"),
        ([torch.ones(2)], "holds no weights"),
        ({}, "holds no weights"),
        ("text", "holds no weights"),
        (nn.Linear(2, 2), "never loaded"),
        ({"model": nn.Linear(2, 2)}, "never loaded"),
        ({"state_dict": {"module.conv1.weight": torch.ones(2)}}, "another network"),
        ({"fc.bias": torch.ones(10, dtype=torch.complex64)}, "holds no weights"),
    ],
)  # fmt: skip
def test_a_file_without_weights_of_the_network_is_refused_in_one_line(
    content: Any, message: str, tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match=message) as refused:
        create_model(NETWORK, weights=tmp_path / "w.pth")
    assert "\n" not in refused.value.line


@pytest.mark.parametrize(
    "change",
    [lambda s: {**s, "layer9.weight": torch.ones(3)}, lambda s: dict(list(s.items())[:-1]),
     lambda s: {**s, "fc.weight": torch.ones(10, 7)}],
)  # fmt: skip
def test_another_network_is_still_refused(
    change: Callable[[State], State], state: State, tmp_path: Path
) -> None:
    torch.save({"state_dict": under("module.", change(state))}, tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match="another network"):
        create_model(NETWORK, weights=tmp_path / "w.pth")


def test_files_without_auxiliary_classifiers_load(tmp_path: Path) -> None:
    """What torchvision's own networks save when they are built with ``aux_logits=False``."""
    theirs = torchvision.models.googlenet(num_classes=10, aux_logits=False, init_weights=False).eval()
    torch.save({"state_dict": under("model.", theirs.state_dict())}, tmp_path / "w.pth")
    torch.manual_seed(0)
    fresh = create_model("googlenet_bn", num_classes=10)
    torch.manual_seed(0)
    ours = create_model("googlenet_bn", num_classes=10, weights=tmp_path / "w.pth")
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(images), theirs(images), rtol=1e-4, atol=1e-4)
    assert torch.equal(ours.aux1.fc1.weight, fresh.aux1.fc1.weight)
    assert "has no auxiliary classifiers: they keep their initial weights" in ours.decanet_notes[1]


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty; download"),
        (b"hello world", "not a weight file (|contains more than tensors"),
        (b"<!DOCTYPE html><html>404</html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\n", "git lfs pull"),
        (b"PK\x03\x04" + bytes(200), "it is damaged, truncated or not a weight file ("),
    ],
)
def test_a_file_without_weights_is_described(
    tmp_path: Path, ending: str, content: bytes, message: str
) -> None:
    file = tmp_path / f"weights{ending}"
    file.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        create_model(NETWORK, weights=str(file))
    assert any(part in str(caught.value) for part in message.split("|"))
    assert "\n" not in str(caught.value)
