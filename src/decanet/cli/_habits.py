"""Options and orders of arguments that people know from other programs, and what to write here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from decanet.core.errors import did_you_mean
from decanet.core.printable import decanet_line, shell_line

# From what is typed, without dashes, to candidates: options, keys of the recipe, or (with dashes) whole options. The
# first one that the command has is suggested.
HABITS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("o", "output", "output_dir", "outdir", "save", "save_dir"), ("out", "figures", "figure")),
    **dict.fromkeys(("out", "f", "figure", "plot", "fig"), ("figures", "figure", "out")),
    **dict.fromkeys(("e", "epoch", "n_epochs", "num_epochs", "max_epochs"), ("epochs",)),
    **dict.fromkeys(("d", "dataset", "data_path", "input_dir"), ("data",)),
    **dict.fromkeys(("m", "a", "arch", "model", "net", "network"), ("model", "weights", "model.name")),
    **dict.fromkeys(("learning_rate", "rate"), ("lr", "optimizer.lr")),
    **dict.fromkeys(("b", "bs", "batch"), ("batch_size",)),
    **dict.fromkeys(("opt", "optimizer", "optim"), ("optimizer.name",)),
    **dict.fromkeys(("wd",), ("optimizer.weight_decay",)),
    **dict.fromkeys(("img_size", "imgsz", "size", "image"), ("data.image_size",)),
    **dict.fromkeys(("lr_scheduler", "scheduler", "schedule"), ("schedule.shape",)),
    **dict.fromkeys(("amp", "bf16", "fp16", "half"), ("--set precision=bfloat16",)),
    **dict.fromkeys(("gpu", "cuda"), ("--device cuda",)),
    **dict.fromkeys(("cpu",), ("--device cpu",)),
    **dict.fromkeys(("k", "topk", "top_k", "n"), ("top",)),
    **dict.fromkeys(("s", "random_seed"), ("seed",)),
    **dict.fromkeys(("t", "num_threads"), ("threads",)),
    **dict.fromkeys(("c", "config", "cfg", "checkpoint", "ckpt", "r"), ("resume",)),
    **dict.fromkeys(("j", "format"), ("json",)),
    "colour": ("color",), "grey": ("gray",),
    "crops": ("tta",),
}  # fmt: skip
# Names that other programs give to the option for a trained network, which is a model reference here.
REFERENCES = {
    "m",
    "model",
    "net",
    "network",
    "w",
    "weights",
    "c",
    "ckpt",
    "checkpoint",
    "resume",
    "run",
    "pretrained",
}
SOURCES = ("torchvision", "timm")


def right_option(typed: str, value: str | None, options: Sequence[str], recipe_keys: Sequence[str]) -> str:
    """Return what to write instead of an unknown option: ``"; write --out x"``, the nearest option, or "".

    Args:
        typed: the unknown option, ``--lr`` or ``-o``.
        value: its value; None where there is none.
        options: the command's own, ``--out``.
        recipe_keys: dotted keys that its ``--set`` takes; empty for a command without ``--set``.
    """
    name = typed.lstrip("-").replace("-", "_").lower()
    if "--arch" in options and name in REFERENCES:  # the commands that take a trained network
        if value and value.partition(":")[0] in SOURCES:
            return "; write " + shell_line("--model", f"NAME@{value}")
        return "; write " + shell_line("--model", value or "REF")
    sections = {key.partition(".")[0] for key in recipe_keys if "." in key}
    values = [key for key in recipe_keys if key not in sections]
    keys = {short: key for key in reversed(values) for short in (key, key.rpartition(".")[2])}
    for candidate in (*HABITS.get(name, ()), name):
        option = f"--{candidate.replace('_', '-')}"
        if option in options:
            return "; write " + shell_line(option, *([value] if value else []))
        if candidate.startswith("--") and candidate.split()[0] in options:
            return f"; write {candidate}"
        if candidate in keys and candidate != "name":
            return "; write " + shell_line("--set", f"{keys[candidate]}={value or 'VALUE'}")
    return did_you_mean(typed, options)


def unknown_option(app: Any, error: Any, arguments: Sequence[str]) -> str:
    """Return one line on an unknown option of a command of ``app``, from cyclopts' ``error`` on ``arguments``."""
    chain = error.command_chain or ()
    for name in chain:
        app = app[name]
    options = sorted(
        {n for argument in app.assemble_argument_collection() for n in argument.names if n[:2] == "--"}
    )
    keys: list[str] = []
    if "--set" in options:
        from decanet.core.recipe_files import known_keys

        keys = known_keys()
    typed, _, value = (error.token.keyword or error.token.value).partition("=")
    for place, argument in enumerate(arguments):
        if argument.startswith(f"{typed}="):
            value = argument.partition("=")[2]
        elif argument == typed and not "".join(arguments[place + 1 : place + 2]).startswith("-"):
            value = "".join(arguments[place + 1 : place + 2])
    command = " ".join(["decanet", *chain])
    return f"{command} has no option {typed}{right_option(typed, value or None, options, keys)} (see {command} --help)"


def run_before_images(paths: Sequence[Path]) -> str | None:
    """Return what to write where the first argument of ``decanet predict`` is a run; None where it is not."""
    run, images = paths[0], paths[1:] or [Path("cat.jpg")]
    if not (run / "recipe.toml").exists():
        return None
    return f"{run} is a run, not an image; write: {decanet_line('predict', *images[:3], '--model', run)}"
