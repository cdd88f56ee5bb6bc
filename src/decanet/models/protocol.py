"""The protocol of the networks: what each declares besides being an ``nn.Module``.

Insight, fine-tuning and export rely on these names and on nothing else. There is no base class: the file of a paper
writes them out, and ``tests/models/test_contract.py`` checks them for every registered network.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor


class Outputs(NamedTuple):
    """Outputs of a network with auxiliary classifiers in training mode; in eval mode it returns the logits alone.

    The loss is ``loss(logits) + model.aux_weight * sum(loss(a) for a in aux)``. Only a network that returns ``Outputs``
    has the attribute ``aux_weight``.

    Attributes:
        logits: of the main classifier, (N, num_classes).
        aux: of each auxiliary classifier, from the lowest to the highest, (N, num_classes) each.
    """

    logits: Tensor
    aux: tuple[Tensor, ...]


@runtime_checkable
class Network(Protocol):
    """A classifier in two parts: the layers that compute feature maps, and the classifier on top of them.

    In eval mode ``forward(x)`` equals ``forward_head(forward_features(x))`` bit for bit. With
    ``isinstance(model, Network)`` mypy knows a module's methods.
    """

    @property
    def stages(self) -> Mapping[str, str]:
        """The paper's name of each stage -> dotted path of its submodule, in the order of execution.

        A forward pass calls each of these submodules once, so a forward hook on ``model.get_submodule(path)`` gets the
        output of the stage: of a convolutional layer before its activation. An activation that works in place
        overwrites this output afterwards; a hook that keeps it must clone it.
        """

    @property
    def head_layers(self) -> tuple[str, ...]:
        """Dotted paths of the layers with one output for each class: the last one, then the auxiliary ones.

        Their parameters are the head. Fine-tuning with frozen features trains these parameters alone.
        """

    def forward_features(self, x: Tensor) -> Tensor:
        """Compute the last feature maps, (N, C, H, W); a Transformer's are tokens, (N, tokens, width)."""

    def forward_head(self, x: Tensor) -> Tensor:
        """Classify what ``forward_features`` returns: pooling, fully connected layers; (N, num_classes)."""

    def forward(self, x: Tensor) -> Tensor | Outputs:
        """Classify images (N, C, H, W): (N, num_classes), or ``Outputs`` in training mode."""

    def reset_head(self, num_classes: int) -> None:
        """Replace the head by one for ``num_classes`` classes, initialized as a new network's.

        The new parameters are drawn from PyTorch's default generator; they have the device and the dtype of the old
        ones. All other parameters and buffers stay as they are.

        Raises:
            UsageError: ``num_classes`` is less than 1.
        """


def named_stages(*names: str) -> dict[str, str]:
    """``stages`` of a network whose submodules have the paper's names."""
    return {name: name for name in names}
