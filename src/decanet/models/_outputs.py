"""What a network with auxiliary classifiers returns while it trains."""

from typing import NamedTuple

from torch import Tensor


class Outputs(NamedTuple):
    """The outputs in training mode; in eval mode such a network returns the logits alone.

    The loss is ``loss(logits) + model.aux_weight * sum(loss(a) for a in aux)``.

    Attributes:
        logits: of the main classifier, (N, num_classes).
        aux: of each auxiliary classifier, from the lowest to the highest, (N, num_classes) each.
    """

    logits: Tensor
    aux: tuple[Tensor, ...]
