"""Prove that a refactoring changed no number: an old commit and this tree, run on the same machine, bit for bit.

    python scripts/same_numbers.py OLD [--only recipes|networks|convolution] [--match TEXT]

OLD is any commit; it is checked out beside, in a temporary git worktree. Both trees then compute, each in a process of
its own and on one thread:

recipes
    the SHA-256 of the weights after 20 steps on the digits, for every recipe, the papers' included;
networks
    the SHA-256 of the outputs and of all gradients for one seeded batch, for every registered network;
convolution
    every number that the convolution commands print as ``--json``, but for times.

The exit code is 0 when all are equal, and 1 otherwise; what differs is listed. Where a refactoring renames something,
the names of both trees stand in the tables below (``first_of``).
"""

import argparse
import hashlib
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STEPS, BATCH = 20, 4
SIZES = (32, 64, 96, 160, 224, 299)  # the smallest that a network takes
TIMES = ("seconds", "milliseconds", "rate_per_second", "files")  # keys that may differ
CONVOLUTION = (
    "convolve signal",
    "convolve signal --demo --echo 0.3:0.5 --out a.wav",
    "convolve signal --demo --reverb 0.5 --seed 3 --out b.wav",
    "convolve image",
    "convolve image --kernel gaussian:sigma=2.5 --out c.png",
    "convolve statistics",
    "convolve arithmetic --input 224 --kernel 11 --stride 4 --padding 2",
    "convolve arithmetic --input 13 --pool --kernel 3 --stride 2 --ceil-mode",
    "convolve train --epochs 2",
)


# ------------------------------------------------------------------------------------------- in each tree


def first_of(*places: str) -> Any:
    """The first of ``module:name`` that this tree has."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise LookupError(
        f"this tree has none of {', '.join(places)}: add the new name to scripts/same_numbers.py"
    )


def digest(tensors: dict[str, Any]) -> str:
    """SHA-256 over names, shapes and bytes."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        total.update(tensor.detach().contiguous().numpy().tobytes())
    return total.hexdigest()


class Silent:
    """Hears everything that a training or a loader says, and says nothing."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


def smallest(name: str, **options: Any) -> int:
    """The smallest of ``SIZES`` at which a network can be run."""
    import torch

    entry = first_of("decanet.models:model_entry")(name)
    create = first_of("decanet.models:create_model")
    with torch.device("meta"):
        model = create(name, **options).eval()
    for size in SIZES:
        try:
            model(torch.empty(1, entry.input_size[0], size, size, device="meta"))
        except Exception:  # every network has its own way to refuse
            continue
        return size
    raise LookupError(f"{name} takes none of {SIZES}")


def recipes(match: str) -> dict[str, str]:
    """Recipe to the digest of its weights after ``STEPS`` steps."""
    import torch

    load_recipe = first_of("decanet.training.recipes:load_recipe")
    override = first_of("decanet.core.recipe_files:override", "decanet.core.recipe:override")
    run_training = first_of("decanet.training.session:run_training")
    resolve = first_of("decanet.training.session:resolve")
    run_folder = first_of("decanet.core.run_folder:RunFolder", "decanet.core.results:RunFolder")
    alone = first_of("decanet.core.runtime:Ranks")()
    data = first_of("decanet.data:load_data")("digits", cache=Path(tempfile.gettempdir()), report=Silent())
    found = {}
    for name in first_of("decanet.training.recipes:list_recipes")():
        if match not in name:
            continue
        recipe = load_recipe(name)
        size = smallest(recipe.model.name, **recipe.model.options)
        keep = round(BATCH * STEPS / len(data.train), 6)
        settings = [
            f"batch_size={BATCH}", f"epochs={keep}", f"data.image_size={size}", "precision=float32", "log_every=1000",
            "tta=none", "validation=0", "progressive_sizes=[]", "selection.keep=1", "data.mean=null",
            "data.std=null", "augmentation.resize=null", "clip_gradient=1", "schedule.shape=constant",
            f"optimizer.lr={min(recipe.optimizer.lr, 1e-3)}",
        ]  # fmt: skip
        resolved = resolve(override(recipe, settings), data, torch.device("cpu"))
        with tempfile.TemporaryDirectory() as folder:
            run = run_folder(Path(folder) / "run")
            run_training(
                resolved, data, run, device=torch.device("cpu"), ranks=alone, watcher=Silent(), resume=False
            )
            found[name] = digest(first_of("safetensors.torch:load_file")(run.weights))
        print(name, found[name][:12], file=sys.stderr, flush=True)
    return found


def networks(match: str) -> dict[str, str]:
    """Network to the digest of its outputs and gradients."""
    import torch

    found = {}
    for name in first_of("decanet.models:list_models")():
        if match not in name:
            continue
        torch.manual_seed(0)
        model = first_of("decanet.models:create_model")(name).train()
        entry, size = first_of("decanet.models:model_entry")(name), smallest(name)
        images = torch.randn(2, entry.input_size[0], size, size, generator=torch.Generator().manual_seed(1))
        torch.manual_seed(2)  # dropout
        output = model(images)
        logits = [output] if isinstance(output, torch.Tensor) else [output.logits, *output.aux]
        sum(each.float().square().mean() for each in logits).backward()  # type: ignore[union-attr]
        values = {f"output {index}": each for index, each in enumerate(logits)}
        values |= {f"grad {key}": p.grad for key, p in model.named_parameters() if p.grad is not None}
        found[name] = digest(values)
        print(name, found[name][:12], file=sys.stderr, flush=True)
    return found


def convolution(match: str) -> dict[str, Any]:
    """Command to what it prints as JSON, without times."""
    run = first_of("decanet.cli:run")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for line in CONVOLUTION:
            if match not in line:
                continue
            said = io.StringIO()
            with redirect_stdout(said):
                code = run([*line.split(), "--json"])
            found[line] = timeless(json.loads(said.getvalue())) if code == 0 else f"exit code {code}"
        os.chdir(ROOT)
    return found


def timeless(value: Any) -> Any:
    """``value`` without its times."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if not any(time in k for time in TIMES)}
    return [timeless(v) for v in value] if isinstance(value, list) else value


PARTS = {"recipes": recipes, "networks": networks, "convolution": convolution}


# ------------------------------------------------------------------------------------------- between them


def compute(tree: Path, part: str, match: str) -> dict[str, Any]:
    """The numbers of one tree, in a process that sees only its source."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree / "src"),
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    command = [sys.executable, __file__, "--compute", part, "--match", match]
    done = subprocess.run(command, env=environment, cwd=tree, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """What differs between two trees' numbers, by path."""
    if isinstance(old, dict) and isinstance(new, dict):
        missing = [
            f"{where}/{key} is only in the {'old' if key in old else 'new'} tree"
            for key in old.keys() ^ new.keys()
        ]
        return missing + [
            d for key in old.keys() & new.keys() for d in differences(old[key], new[key], f"{where}/{key}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [d for index, pair in enumerate(zip(old, new)) for d in differences(*pair, f"{where}/{index}")]
    return [] if old == new else [f"{where}: {str(old)[:60]} became {str(new)[:60]}"]


def main() -> int:
    """Compare, or compute in one tree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", nargs="?", help="the commit to compare with")
    parser.add_argument("--only", choices=PARTS, action="append", help="compare this part only")
    parser.add_argument("--match", default="", help="compare what has this text in its name only")
    parser.add_argument("--compute", choices=PARTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.compute:
        stdout, sys.stdout = sys.stdout, sys.stderr  # only the numbers may go there
        found = PARTS[given.compute](given.match)
        json.dump(found, stdout)
        return 0
    if given.old is None:
        parser.error("name a commit to compare with")
    found_differences = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "old"
        subprocess.run(
            ["git", "worktree", "add", "--detach", "-q", str(tree), given.old], cwd=ROOT, check=True
        )
        try:
            for part in given.only or PARTS:
                old, new = compute(tree, part, given.match), compute(ROOT, part, given.match)
                differing = differences(old, new, part)
                found_differences += differing
                print(f"{part}: {len(old)} compared, {len(differing)} differences", flush=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)
    print("\n".join(found_differences))
    return 1 if found_differences else 0


if __name__ == "__main__":
    sys.exit(main())
