"""Some test images as pixels, for whatever changes pixels before the network sees them."""

import hashlib

import numpy as np
import torch
from torch import Tensor

from decanet.core.runtime import generator
from decanet.data import ImageData
from decanet.data.decoding import fit_square
from decanet.evaluation.trained import TrainedModel
from decanet.insight.attribution.passes import evaluate_probabilities
from decanet.insight.subject import normalize


def choose_images(trained: TrainedModel, data: ImageData, count: int) -> tuple[Tensor, Tensor]:
    """Return random images of the test split as the network sees them, uint8 (N, 3, S, S), and their labels (N,).

    They are the same for every network, except for their size.
    """
    order = torch.randperm(len(data.test), generator=generator("invariance", "images"))[:count].sort().values
    size = trained.spec.image_size
    pixels = data.test.pixels(order, trained.resize).permute(0, 2, 3, 1).numpy()
    squares = np.stack([fit_square(one, trained.resize, trained.interpolation, size) for one in pixels])
    return torch.from_numpy(squares).permute(0, 3, 1, 2).contiguous(), data.test.labels[order]


def network_inputs(trained: TrainedModel, images: Tensor) -> Tensor:
    """Return the normalized input of the network for images, uint8 (N, 3, S, S)."""
    return normalize(trained, images.permute(0, 2, 3, 1).numpy())


def predict_images(trained: TrainedModel, images: Tensor) -> Tensor:
    """Return the probabilities of all classes for images, uint8 (N, 3, S, S): (N, K) on the CPU."""
    return evaluate_probabilities(trained.model, network_inputs(trained, images)).cpu()


def images_digest(images: Tensor, labels: Tensor) -> str:
    """Return the SHA-256 of images and their labels."""
    return hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
