"""Evaluation of a network on a split. With several processes each evaluates its part of the batches."""

from collections.abc import Iterable

import torch
from torch import nn

from decanet.core.collectives import gather_over_ranks
from decanet.core.recipe import Recipe
from decanet.core.runtime import Ranks, autocast
from decanet.data import ImageData
from decanet.data.loaders import Batch
from decanet.evaluation.metrics import Predictions
from decanet.evaluation.specification import input_spec
from decanet.evaluation.tta import TTA, central_crop_size


def evaluate_split(
    model: nn.Module,
    recipe: Recipe,
    data: ImageData,
    split: str,
    device: torch.device,
    ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
) -> Predictions:
    """Evaluate ``model`` on the "test" or "validation" split of ``data`` with the recipe's test-time augmentation.

    Every process of ``ranks`` must call this function. Each evaluates its part of the batches, which are the same
    whatever the number of processes: all return the same predictions, equal bit for bit to those of one process.

    Args:
        recipe: resolved.
    """
    spec = input_spec(recipe, device)
    batches = data.evaluation_batches(
        split,
        spec,
        validation=recipe.validation,
        resize=recipe.augmentation.resize,
        crop=central_crop_size(recipe.tta, spec.image_size),
        ranks=ranks,
    )
    return predict(
        model,
        batches,
        tta=recipe.tta,
        image_size=spec.image_size,
        device=device,
        precision=recipe.precision,
        ranks=ranks,
    )


@torch.inference_mode()
def predict(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    tta: str,
    image_size: int,
    device: torch.device,
    precision: str,
    ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
) -> Predictions:
    """Run ``model`` in evaluation mode on ``batches`` and return the predictions of all processes.

    Args:
        batches: of this process; there may be none in some processes.
        tta: a key of :data:`~decanet.evaluation.tta.TTA`.
        image_size: of the network, in pixels.
        precision: "float32" or "bfloat16".

    Returns the predictions in the order of the ranks, and of the batches within a rank. The mode of ``model``
    (training or evaluation) stays as it was.
    """
    was_training = model.training
    model.eval()
    parts = []
    try:
        with autocast(device, precision):
            for batch in batches:
                probabilities = TTA[tta](model, batch.images, image_size).exp()
                parts.append((probabilities.cpu(), batch.labels.cpu()))
    finally:
        model.train(was_training)
    gathered = [part for parts in gather_over_ranks(parts, ranks) for part in parts]
    return Predictions(torch.cat([p for p, _ in gathered]), torch.cat([labels for _, labels in gathered]))
