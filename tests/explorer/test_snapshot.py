"""The explorer as files; tests/explorer/test_browser.py opens them."""

import json
import re
from pathlib import Path

import pytest
import torch

from decanet.core.errors import UsageError
from decanet.explorer.server import STATIC
from decanet.explorer.session import Session
from decanet.explorer.snapshot import LARGEST, LAYERS, export, graph


def test_python_and_javascript_know_the_same_layers() -> None:
    text = (STATIC / "lib" / "engine.js").read_text(encoding="utf-8")
    block = re.search(r"export const LAYERS = \{(.*?)\};", text, re.DOTALL)
    assert block is not None
    assert {part.split(":")[0].strip() for part in block[1].split(",") if part.strip()} == set(LAYERS)
    explained = (STATIC / "lib" / "arithmetic.js").read_text(encoding="utf-8")
    block = re.search(r"const EXPLAINERS = \{(.*?)\};", explained, re.DOTALL)
    assert block is not None
    parts = re.sub(r"\([^)]*\)", "", block[1]).split(",")
    assert {part.split(":")[0].strip() for part in parts if part.strip()} == set(LAYERS)


def test_the_files_are_few_and_small_and_ask_for_nothing(session: Session, tmp_path: Path) -> None:
    page, size = export(session, tmp_path / "pages", "zh")
    files = {file.name: file for file in page.parent.iterdir()}
    assert sorted(files) == ["data.js", "explorer.css", "explorer.js", "index.html"]
    assert size == sum(file.stat().st_size for file in files.values()) < LARGEST
    data = json.loads(
        files["data.js"].read_text("utf-8").removeprefix("globalThis.DECANET_SNAPSHOT=").rstrip(";\n")
    )
    assert data["language"] == "zh"
    assert data["network"]["network"]["reference"] == "decanet_s"
    for file in files.values():
        addresses = set(re.findall(r"https?://[\w./]+", file.read_text("utf-8")))
        assert addresses <= {"http://www.w3.org/2000/svg"}, file.name


def test_unknown_layers_are_refused_in_one_line(tmp_path: Path) -> None:
    for name in ("small_vit", "cuda_convnet_18"):
        session = Session(name, torch.device("cpu"), tmp_path, tmp_path)
        with pytest.raises(UsageError, match="the browser cannot run"):
            export(session, tmp_path / "pages")
    assert not (tmp_path / "pages").exists()


def test_a_network_that_is_too_large_is_refused(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decanet.explorer.snapshot.LARGEST", 1_000_000)
    with pytest.raises(UsageError, match=r"take 2\.\d MB, more than 1;"):
        export(session, tmp_path / "pages")
    assert not (tmp_path / "pages").exists()


def test_the_graph_has_every_weight_once(session: Session, asked: dict[str, str]) -> None:
    found = graph(session.recording(asked))
    numbers = [number for step in found["steps"] for number in step["weights"].values()]
    assert sorted(numbers) == list(range(len(found["weights"])))
    parameters = sum(p.numel() for p in session.network({}).model.parameters())
    buffers = sum(w.numel() for w in found["weights"]) - parameters
    assert buffers > 0  # the running statistics
