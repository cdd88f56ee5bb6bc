"""Rename the keys of committed results and of the packaged weights' metadata; no number changes.

    python scripts/rename_keys.py

A renamed key gets an entry in ``KEYS``, a renamed value one in ``VALUES``. Running the script
twice changes nothing the second time.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, safe_open

from decanet.core.files import write_json, write_text
from decanet.models.weight_files import DIGEST, PACKAGED, save_weights

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
# Old key to new key; TABLE.KEY is renamed in that table only.
KEYS = {
    "test_crops": "tta",
    "judging_seconds": "evaluation_seconds",
    "rate": "lr",
    "schedule.start": "start_factor",
    "schedule.final": "end_factor",
    "ratio_spread": "ratio_quartiles",
    "share_of_step_pct": "fraction_of_step_pct",
    "share_of_matrix_rate_pct": "fraction_of_matmul_speed_pct",
    "published": "stated",
    "stated.published": "stated by others",
    "bit flip in state.pt": "bit flip in checkpoint.pt",
    "malicious state.pt": "malicious checkpoint.pt",
}
VALUES = {
    "tta": {"one": "none", "mirror": "flip", "shift": "flip_shift", "ten": "ten_crop"},
    "what": {
        "train: short side to 256, random crop of 224": "train: shorter edge to 256, random crop of 224",
        "judge: short side to 256, center": "evaluate: shorter edge to 256, center crop",
        "into memory: short side to 64, center": "into memory: shorter edge to 64, center crop",
    },
}


def new_key(key: str, table: str) -> str:
    """Return the new name of ``key``, which stands in ``table``."""
    return KEYS.get(f"{table}.{key}", KEYS.get(key, key))


def renamed(value: Any, key: str = "") -> Any:
    """Return ``value``, which stands under ``key``, with the new keys and values at every depth."""
    if isinstance(value, dict):
        return {(new := new_key(old, key)): renamed(inner, new) for old, inner in value.items()}
    if isinstance(value, list):
        return [renamed(item, key) for item in value]
    return VALUES.get(key, {}).get(value, value) if isinstance(value, str) else value


def rename_in_results(folder: Path) -> list[Path]:
    """Rewrite the JSON and JSON-lines files below ``folder``; return those that changed."""
    changed = []
    for file in sorted(folder.rglob("*.json")):
        old = json.loads(file.read_text(encoding="utf-8"))
        if (new := renamed(old)) != old:
            changed.append(write_json(file, new))
    for file in sorted(folder.rglob("*.jsonl")):
        entries = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        if (new := [renamed(entry) for entry in entries]) != entries:
            changed.append(write_text(file, "".join(json.dumps(entry) + "\n" for entry in new)))
    return changed


class Weights(torch.nn.Module):
    """The tensors of a file."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.tensors = tensors

    def state_dict(self, *_: Any, **__: Any) -> Any:
        """Return the tensors by their names in the file."""
        return self.tensors


def main() -> None:
    """Rewrite the results and the metadata of the packaged weights, and print what changed."""
    for file in rename_in_results(BENCHMARKS):
        print(file)
    for file in sorted(PACKAGED.glob("*.safetensors")):
        with safe_open(file, "pt") as opened:
            about = {key: text for key, text in opened.metadata().items() if key != DIGEST}
        settings = json.loads(about["settings"])
        resolved = renamed(settings)
        resolved["data"].setdefault("channels", 3)  # a resolved recipe states it
        if resolved != settings:
            new = {**about, "settings": json.dumps(resolved)}
            save_weights(Weights(load_file(file)), file, new, torch.bfloat16)
            print(file)


if __name__ == "__main__":
    main()
