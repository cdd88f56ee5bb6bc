"""The last hidden layer: what the classifier sees of an image, a vector of features."""

from pathlib import Path

import torch
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.data import ImageData
from decanet.evaluation.trained import TrainedModel
from decanet.insight.attribution.passes import batches
from decanet.insight.cache import cached, split_digest, weights_digest
from decanet.insight.capture import plain_network
from decanet.insight.subject import split_inputs


def hidden_features(model: nn.Module, x: Tensor) -> Tensor:
    """Return the input of the network's last layer for images (N, C, S, S): (N, D).

    Raises:
        UsageError: the network does not declare its last layer.
    """
    network = plain_network(model)
    head = getattr(network, "head_layers", ())
    if not head:
        raise UsageError(f"{type(network).__name__} does not declare head_layers, the path of its last layer")
    seen: list[Tensor] = []
    hook = network.get_submodule(head[0]).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with torch.inference_mode():
            for part in batches(x):
                model(x[part])
    finally:
        hook.remove()
    return torch.cat([one.mean((2, 3)) if one.ndim == 4 else one.flatten(1) for one in seen]).float()


def split_features(trained: TrainedModel, data: ImageData, split: str, cache: Path, report: Report) -> Tensor:
    """Return the last hidden features of the "train" or "test" split of ``data``, (N, D) float32; kept in the cache.

    Args:
        trained: the network.
        data: the images.
        split: "train" or "test".
        cache: folder that keeps results, see :func:`decanet.insight.cache.cached`.
        report: receives progress.
    """
    from dataclasses import replace

    chosen = data if split == "test" else replace(data, test=data.train, files={})

    def run() -> dict[str, Tensor]:
        task = f"looking at the {split} images"
        found = [
            hidden_features(trained.model, x).half().cpu()
            for x in split_inputs(trained, chosen, report, task)
        ]
        return {"features": torch.cat(found)}

    parts = (
        weights_digest(trained.model),
        split_digest(chosen),
        split,
        trained.spec.image_size,
        trained.resize,
    )
    return cached(cache, "hidden", parts, run)["features"].float()
