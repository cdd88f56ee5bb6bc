"""Files that try to run code or to fill the memory: refused in one line, nothing is run."""

import io
import json
import os
import pickle
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.faults._zygote import run_whole
from tests.faults.conftest import Tally

pytestmark = pytest.mark.slow(reason="each file is given to a whole process")

MARK = "payload-has-run"


class Runs:
    """Unpickling this calls ``function(*arguments)``."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def payloads(mark: Path) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of files that create ``mark`` when executed, or that state wrong sizes."""
    shell = f"touch {mark}"
    calls = {
        "system": Runs(os.system, shell),
        "exec": Runs(exec, f"open({str(mark)!r}, 'w')"),
        "eval": Runs(eval, f"open({str(mark)!r}, 'w')"),
        "open": Runs(open, str(mark), "w"),
        "import": Runs(__import__, "antigravity"),
        "subprocess": Runs(subprocess.call, ["touch", str(mark)]),
    }
    for name, call in calls.items():
        weights = {"conv1.weight": torch.zeros(2), "evil": call}
        for protocol in (0, 2, 4):
            yield f"{name}-{protocol}.pkl.pth", pickle.dumps(weights, protocol)
        yield f"{name}.pth", _torch(weights)
        yield f"{name}-legacy.pth", _torch(weights, zip=False)
        yield f"{name}.npz", _npz(call)
    yield "module.pth", _torch(torch.nn.Linear(2, 2))
    yield "list.pt", _torch([calls["system"]])
    yield "script.pt", _script()
    yield "tar.pth", _tar(pickle.dumps(calls["system"]))
    yield "zip.pth", _zip({"archive/data.pkl": pickle.dumps(calls["system"])})
    yield "zip-slip.pth", _zip({f"../../{MARK}": b"x", "archive/data.pkl": pickle.dumps({})})
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    yield "huge-header.safetensors", struct.pack("<Q", 1 << 62) + header
    yield "negative.safetensors", _safe({"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}})
    yield (
        "overlap.safetensors",
        _safe({k: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for k in ("a", "b")}),
    )
    yield "huge-shape.safetensors", _safe({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 8]}})
    yield "deep.safetensors", struct.pack("<Q", 40000) + b"[" * 40000
    yield "pickle.safetensors", pickle.dumps(calls["system"])
    yield "empty.safetensors", b""
    yield "bomb.pth", _zip({"archive/data.pkl": b"\0" * 50_000_000})


def _torch(value: Any, *, zip: bool = True) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=zip)
    return stream.getvalue()


def _npz(call: Runs) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, evil=np.array([call], dtype=object))
    return stream.getvalue()


def _script() -> bytes:
    """The layout of TorchScript: a zip with code in it."""
    code = b"def forward(self, x):\n  return x\n"
    names = {
        "data.pkl": pickle.dumps({}),
        "constants.pkl": pickle.dumps(()),
        "code/__torch__.py": code,
        "version": b"3",
    }
    return _zip({f"archive/{name}": content for name, content in names.items()})


def _tar(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        entry = tarfile.TarInfo("pickle")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _zip(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _safe(header: Any) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(8)


def test_no_weights_file_runs_anything(tmp_path: Path, tally: Tally) -> None:
    mark = tmp_path / MARK
    images = tmp_path / "data" / "tench"
    images.mkdir(parents=True)
    from PIL import Image

    Image.new("RGB", (40, 40), "red").save(images / "red.png")
    for name, content in payloads(mark):
        file = tmp_path / name
        file.write_bytes(content)
        arguments = ["evaluate", str(file), "--arch", "resnet18", "--data", str(tmp_path / "data")]
        ended = run_whole(arguments, tmp_path / "here")
        assert ended.code == 4, (name, ended)
        assert ended.in_one_line(), (name, ended.err)
        assert ended.error.startswith("error[checkpoint]: "), (name, ended.err)
        assert not mark.exists(), name
        assert not (tmp_path.parent / MARK).exists(), name
        tally("malicious weights file", "refused in one line, nothing run")
        file.unlink()
    assert tally.total("malicious weights file") >= 45


@pytest.mark.parametrize("file", ["checkpoint.pt", "model.safetensors"])
def test_no_file_of_a_run_runs_anything(tmp_path: Path, recipe: Path, tally: Tally, file: str) -> None:
    run, mark = tmp_path / "run", tmp_path / MARK
    assert run_whole(["train", str(recipe), "--out", str(run), "--epochs", "1"], tmp_path / "here").code == 0
    arguments = ["predict", str(tmp_path / "red.png"), "--model", str(run)]
    if file == "checkpoint.pt":  # a run that is not finished
        (run / "result.json").unlink()
        arguments = ["train", "--resume", str(run)]
    from PIL import Image

    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    for name, content in list(payloads(mark))[::4]:
        (run / file).write_bytes(content)
        ended = run_whole(arguments, tmp_path / "here")
        assert ended.code == 4, (name, ended)
        assert ended.in_one_line(), (name, ended.err)
        assert not mark.exists(), name
        tally(f"malicious {file}", "refused in one line, nothing run")
