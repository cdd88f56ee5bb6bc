"""What a registered network promises besides being an ``nn.Module``."""

from typing import NamedTuple

from torch import Tensor


class Outputs(NamedTuple):
    """Outputs of a network with auxiliary classifiers in training mode; in eval mode it returns the logits alone.

    The loss is ``loss(logits) + model.aux_weight * sum(loss(a) for a in aux)``.

    Attributes:
        logits: of the main classifier, (N, num_classes).
        aux: of each auxiliary classifier, from the lowest to the highest, (N, num_classes) each.
    """

    logits: Tensor
    aux: tuple[Tensor, ...]
