"""Prove that a refactoring changed no number: compare an old commit with this tree on one machine, bit for bit.

    python scripts/same_numbers.py OLD [--only recipes|own|networks|convolution] [--match TEXT]

OLD is any commit; it is checked out in a temporary git worktree. Each tree computes in a process of its own, on one
thread, in float32:

recipes
    SHA-256 of the weights after 20 steps on the digits, for every recipe, the papers' included. Batch size, image size
    and learning rate are small, so that all of them take minutes;
own
    the same for the recipes of decanet's own networks with their schedule, growing images and selection of images;
networks
    SHA-256 of the outputs and of all gradients for one seeded batch, for every registered network;
convolution
    all numbers that the convolution commands print as ``--json``, except times.

The exit code is 0 if all numbers are equal, else 1; the differences are listed. The numbers of OLD are kept in the
system's temporary folder for the next run on the same machine. Where a refactoring renames something, add the new name
to the tables below: what stands first is looked for first. The names of parameters are not compared, their values are.
"""

import argparse
import hashlib
import importlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from inspect import signature
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STEPS, BATCH = 20, 4
OWN_STEPS, OWN_BATCH = 60, 60  # 2.5 epochs of the digits: enough for the selection to leave images out
SIZES = (32, 64, 96, 160, 224, 299, 24)  # the first at which a network can be run is taken
VERSION = 1  # goes up with every change of what is computed: kept numbers are then computed anew

# ----------------------------------------------------------------------------------------- names in old and new trees

PLACES = {
    "create_model": ("decanet.models.factory:create_model", "decanet.models:create_model"),
    "model_entry": ("decanet.models.registry:model_entry", "decanet.models:model_entry"),
    "list_models": ("decanet.models.registry:list_models", "decanet.models:list_models"),
    "load_recipe": ("decanet.training.recipes:load_recipe",),
    "list_recipes": ("decanet.training.recipes:list_recipes",),
    "override": ("decanet.core.recipe_files:override", "decanet.core.recipe:override"),
    "resolve": ("decanet.training.resolve:resolve", "decanet.training.session:resolve"),
    "run_training": ("decanet.training.session:run_training",),
    "RunFolder": ("decanet.core.run_folder:RunFolder", "decanet.core.results:RunFolder"),
    "Ranks": ("decanet.core.runtime:Ranks",),
    "load_data": ("decanet.data:load_data",),
    "run": ("decanet.cli:run",),
}

# Values that hold for every recipe, by the spellings of their key; a key that a tree does not have is left out.
SETTINGS = (
    ("precision=float32",),
    ("log_every=1000",),
    ("validation=0",),
    ("tta=none", "test_crops=one"),
)
REDUCED = (
    ("progressive_sizes=[]",),
    ("selection.keep=1",),
    ("data.mean=null",),
    ("data.std=null",),
    ("augmentation.resize=null",),
    ("clip_gradient=1",),
    ("schedule.shape=constant",),
)

# Commands by their spellings, the old one last; "--json" is added.
CONVOLUTION = (
    ("convolve signal --save-array figures.npy",),
    ("convolve signal sound --echo 0.3:0.5 --out a.wav", "convolve signal --demo --echo 0.3:0.5 --out a.wav"),
    (
        "convolve signal sound --reverb 0.5:3 --out b.wav",
        "convolve signal --demo --reverb 0.5 --seed 3 --out b.wav",
    ),
    (
        "convolve signal sound --decay 20 --echo 0:9 --peak clip --out c.wav",
        "convolve signal --demo --decay 20 --echo 0:9 --peak clip --out c.wav",
    ),
    ("convolve image",),
    ("convolve image --kernel gaussian:sigma=2.5 --save-array c.npy --out c.png",),
    (
        "convolve image --kernel sharpen --color --stride 2 --padding reflect --save-array d.npy",
        "convolve image --kernel sharpen --colour --stride 2 --padding reflect --save-array d.npy",
    ),
    ("convolve image --kernel emboss --convolve --padding circular --dilation 3 --save-array e.npy",),
    ("convolve image --kernel gabor_bank:orientations=3 --padding none",),
    ("convolve image sheet --stride 3 --out g.png", "convolve image --all --stride 3 --out g.png"),
    ("convolve statistics",),
    ("convolve arithmetic --input 224 --kernel 11 --stride 4 --padding 2",),
    ("convolve arithmetic --input 13 --pool --kernel 3 --stride 2 --ceil-mode",),
    ("convolve train --epochs 2",),
)
ARRAYS = (".npy", ".wav")  # files of these kinds are compared byte by byte
TIMES = ("seconds", "per_second", "files")  # keys with these words are left out: their values may differ
KEYS = {  # renamed keys of the JSON output, old to new
    "picture": "image",
    "rate": "sample_rate",
    "neighbours_across": "neighbors_across",
    "neighbours_down": "neighbors_down",
}


def named(what: str) -> Any:
    """An object of this tree, by its name in ``PLACES``."""
    for place in PLACES[what]:
        module, _, name = place.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise LookupError(f"this tree has none of {', '.join(PLACES[what])}: add the new place to {__file__}")


# ------------------------------------------------------------------------------------------------------ in each tree


def digest(tensors: Any) -> str:
    """SHA-256 over the shapes, types and bytes of tensors, in an order that does not depend on their names."""
    each = []
    for tensor in tensors:
        one = hashlib.sha256(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
        one.update(tensor.detach().contiguous().numpy().data)
        each.append(one.hexdigest())
    return hashlib.sha256(" ".join(sorted(each)).encode()).hexdigest()


class Silent:
    """A report and watcher that ignores every call."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


def smallest(name: str, **options: Any) -> int:
    """The first of ``SIZES`` at which a network can be trained."""
    import torch

    channels = named("model_entry")(name).input_size[0]
    with torch.device("meta"):
        model = named("create_model")(name, **options)
        # Some networks decide by random numbers in training, which the meta device does not have.
        for training in (True, False):
            for size in SIZES:
                try:
                    model.train(training)(torch.empty(2, channels, size, size))
                except Exception:  # the networks raise different errors for images that are too small
                    continue
                return size
    raise LookupError(f"{name} takes none of {SIZES}")


def train(recipe: Any, settings: list[tuple[str, ...]], data: Any) -> str:
    """Digest of the weights that a training with these settings gives."""
    import torch
    from safetensors.torch import load_file

    keys = recipe.model_dump()

    def known(setting: str) -> bool:
        table: Any = keys
        for key in setting.partition("=")[0].split("."):
            if not isinstance(table, dict) or key not in table:
                return False
            table = table[key]
        return True

    chosen = [next(filter(known, spellings), None) for spellings in settings]
    cpu = torch.device("cpu")
    resolved = named("resolve")(named("override")(recipe, filter(None, chosen)), data, cpu)
    with tempfile.TemporaryDirectory() as folder:
        run = named("RunFolder")(Path(folder) / "run")
        run_training = named("run_training")
        report = next(name for name in ("report", "watcher") if name in signature(run_training).parameters)
        run_training(
            resolved, data, run, device=cpu, ranks=named("Ranks")(), resume=False, **{report: Silent()}
        )
        return digest(load_file(run.weights).values())


def digits() -> Any:
    return named("load_data")("digits", cache=Path(tempfile.gettempdir()), report=Silent())


def recipes(wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Every recipe, reduced to what all networks can do with small images."""
    data = digits()
    epochs = round(BATCH * STEPS / len(data.train), 6)
    for name in filter(wanted, named("list_recipes")()):
        recipe = named("load_recipe")(name)
        size = smallest(recipe.model.name, **recipe.model.options)
        own = [
            (f"batch_size={BATCH}",),
            (f"epochs={epochs}",),
            (f"data.image_size={size}",),
            (f"optimizer.lr={min(recipe.optimizer.lr, 1e-3)}",),
        ]
        yield name, train(recipe, [*own, *SETTINGS, *REDUCED], data)


def own(wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """The recipes of decanet's own networks, with everything that they do."""
    data = digits()
    epochs = round(OWN_BATCH * OWN_STEPS / len(data.train), 6)
    for name in filter(wanted, named("list_recipes")()):
        recipe = named("load_recipe")(name)
        if recipe.model.name.startswith("decanet") and ":" not in name:
            yield name, train(recipe, [(f"batch_size={OWN_BATCH}",), (f"epochs={epochs}",), *SETTINGS], data)


def networks(wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Every registered network: outputs in training mode, auxiliary ones included, and gradients."""
    import torch

    for name in filter(wanted, named("list_models")()):
        torch.manual_seed(0)
        model = named("create_model")(name).train()
        size = smallest(name)
        channels = named("model_entry")(name).input_size[0]
        images = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(1))
        torch.manual_seed(2)  # dropout
        output = model(images)
        logits = [output] if isinstance(output, torch.Tensor) else [output.logits, *output.aux]
        torch.stack([each.float().square().mean() for each in logits]).sum().backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        yield name, digest([*logits, *gradients])


def convolution(wanted: Callable[[str], bool]) -> Iterator[tuple[str, Any]]:
    """Every command: its JSON without times, under today's keys, and digests of the arrays that it wrote."""
    for spellings in CONVOLUTION:
        if not wanted(spellings[-1]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for line in spellings:
                printed = io.StringIO()
                with redirect_stdout(printed):
                    code = named("run")([*line.split(), "--json"])
                if code == 0:
                    break
            else:
                raise SystemExit(f"this tree has none of {' | '.join(spellings)}")
            found = timeless(json.loads(printed.getvalue()))
            written = [path for path in sorted(Path().rglob("*")) if path.suffix in ARRAYS]
            arrays = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in written}
            yield spellings[-1], [found, arrays]
            os.chdir(ROOT)


def timeless(value: Any) -> Any:
    """``value`` without times, with today's keys, and with the numbers instead of the words of its texts."""
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if not any(time in key for time in TIMES)}
        return {KEYS.get(key, key): timeless(inner) for key, inner in kept.items()}
    if isinstance(value, str):
        return sorted(set(re.findall(r"\d+(?:\.\d+)?", value)))
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


PARTS = {"convolution": convolution, "networks": networks, "own": own, "recipes": recipes}


def work(part: str, match: str, known: set[str]) -> None:
    """Print one JSON line ``[name, value]`` for each item of a part as soon as it is computed."""
    out, sys.stdout = sys.stdout, sys.stderr  # nothing but numbers goes to the standard output
    for item in PARTS[part](lambda name: match in name and name not in known):
        print(json.dumps(item), file=out, flush=True)


# ----------------------------------------------------------------------------------------------------- between the two


def compute(tree: Path, part: str, match: str, kept: Path | None = None) -> dict[str, Any]:
    """The numbers of one tree, in a process that imports only its source; those in the file ``kept`` are taken."""
    found = dict(map(json.loads, kept.read_text().splitlines())) if kept and kept.exists() else {}
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree / "src"),
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    command = [sys.executable, __file__, "--work", part, "--match", match, "--known", json.dumps([*found])]
    with subprocess.Popen(command, env=environment, cwd=tree, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            name, value = json.loads(line)
            found[name] = value
            print(f"{tree.name} {part} {name} {str(value)[:12]}", file=sys.stderr, flush=True)
            if kept:
                with kept.open("a") as file:
                    file.write(line)
    if process.returncode:
        raise SystemExit(f"{part} failed in {tree}; see: {' '.join(command[:5])}")
    return {name: value for name, value in found.items() if match in name}


def kept_numbers(old: str, part: str) -> Path:
    """The file of an old commit's numbers on this machine; it grows by a line with each of them."""
    import torch

    commit = subprocess.check_output(["git", "rev-parse", old], cwd=ROOT, text=True).strip()
    folder = Path(tempfile.gettempdir()) / "decanet-same-numbers"
    folder.mkdir(exist_ok=True)
    return folder / f"{commit[:12]}-torch{torch.__version__}-v{VERSION}-{part}.jsonl"


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """Differences between the numbers of two trees, by path."""
    if isinstance(old, dict) and isinstance(new, dict):
        missing = [
            f"{where}/{key} is only in the {'old' if key in old else 'new'} tree" for key in old.keys() ^ new
        ]
        return missing + [
            d for key in old.keys() & new for d in differences(old[key], new[key], f"{where}/{key}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [d for index, pair in enumerate(zip(old, new)) for d in differences(*pair, f"{where}/{index}")]
    return [] if old == new else [f"{where}: {str(old)[:60]} became {str(new)[:60]}"]


def main() -> int:
    """Compare two trees, or compute in one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", nargs="?", help="the commit to compare with")
    parser.add_argument("--only", choices=PARTS, action="append", help="compare this part only")
    parser.add_argument("--match", default="", help="compare only names that contain this text")
    parser.add_argument(
        "--keep-only", action="store_true", help="compute and keep the numbers of OLD, compare nothing"
    )
    parser.add_argument("--work", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--known", type=json.loads, default=[], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.match, set(given.known))
        return 0
    if given.old is None:
        parser.error("name a commit to compare with")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "old"
        subprocess.run(
            ["git", "worktree", "add", "--detach", "-q", str(tree), given.old], cwd=ROOT, check=True
        )
        try:
            for part in given.only or PARTS:
                old = compute(tree, part, given.match, kept_numbers(given.old, part))
                if given.keep_only:
                    continue
                differing = differences(old, compute(ROOT, part, given.match), part)
                found += differing
                print(f"{part}: {len(old)} compared, {len(differing)} differences", flush=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
