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

from decanet.core.files import write_json
from decanet.models.weight_files import DIGEST, PACKAGED, save_weights

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
KEYS = {"test_crops": "tta", "judging_seconds": "evaluation_seconds"}
VALUES = {"tta": {"one": "none", "mirror": "flip", "shift": "flip_shift", "ten": "ten_crop"}}


def renamed(value: Any, key: str = "") -> Any:
    """``value``, which stands under ``key``, with the new keys and values at every depth."""
    if isinstance(value, dict):
        return {KEYS.get(k, k): renamed(v, KEYS.get(k, k)) for k, v in value.items()}
    if isinstance(value, list):
        return [renamed(item, key) for item in value]
    return VALUES.get(key, {}).get(value, value) if isinstance(value, str) else value


class Weights(torch.nn.Module):
    """Tensors as they lie in a file."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.tensors = tensors

    def state_dict(self, *_: Any, **__: Any) -> Any:
        """The tensors by their names in the file."""
        return self.tensors


def main() -> None:
    for file in sorted(RESULTS.rglob("*.json")):
        old = json.loads(file.read_text())
        if (new := renamed(old)) != old:
            write_json(file, new)
            print(file)
    for file in sorted(PACKAGED.glob("*.safetensors")):
        with safe_open(file, "pt") as opened:
            about = {key: text for key, text in opened.metadata().items() if key != DIGEST}
        settings = json.loads(about["settings"])
        if renamed(settings) != settings:
            new = {**about, "settings": json.dumps(renamed(settings))}
            save_weights(Weights(load_file(file)), file, new, torch.bfloat16)
            print(file)


if __name__ == "__main__":
    main()
