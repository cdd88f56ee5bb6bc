"""Some test images as pixels, for whatever changes pixels before the network sees them."""

import hashlib
from dataclasses import replace

import torch
from torch import Tensor

from decanet.core.progress import Silent
from decanet.core.runtime import generator
from decanet.data import ImageData
from decanet.evaluation.trained import TrainedModel
from decanet.insight.attribution.passes import evaluate_probabilities
from decanet.insight.subject import normalize, split_inputs


def choose_images(trained: TrainedModel, data: ImageData, count: int) -> tuple[Tensor, Tensor]:
    """Return random images of the test split as the network sees them, uint8 (N, 3, S, S), and their labels (N,).

    They are the same for every network, except for their size.
    """
    order = torch.randperm(len(data.test), generator=generator("invariance", "images"))[:count].sort().values
    return pixels_of(trained, data, order), data.test.labels[order]


def pixels_of(trained: TrainedModel, data: ImageData, indices: Tensor) -> Tensor:
    """Return test images as the network sees them in an evaluation, uint8 (N, 3, S, S), in the order of ``indices``."""
    some = replace(data, test=data.test[indices])
    x = torch.cat(list(split_inputs(trained, some, Silent(), ""))).cpu()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (trained.spec.mean, trained.spec.std))
    return ((x * std + mean) * 255).round().clamp(0, 255).to(torch.uint8).contiguous()


def network_inputs(trained: TrainedModel, images: Tensor) -> Tensor:
    """Return the normalized input of the network for images, uint8 (N, 3, S, S)."""
    return normalize(trained, images.permute(0, 2, 3, 1).numpy())


def predict_images(trained: TrainedModel, images: Tensor) -> Tensor:
    """Return the probabilities of all classes for images, uint8 (N, 3, S, S): (N, K) on the CPU."""
    return evaluate_probabilities(trained.model, network_inputs(trained, images)).cpu()


def images_digest(images: Tensor, labels: Tensor) -> str:
    """Return the SHA-256 of images and their labels."""
    return hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
