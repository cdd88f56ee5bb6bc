"""Occlusion: by how much the class's logit falls when a square of the image is hidden."""

from itertools import product

import torch
from torch import Tensor, nn

from decanet.insight.attribution.passes import batch_size, evaluate_scores


def occlusion(
    model: nn.Module,
    x: Tensor,
    target: int | Tensor,
    *,
    window: int | None = None,
    stride: int | None = None,
    baseline: float = 0.0,
) -> Tensor:
    """Return the mean fall of the logit over all squares that hide a pixel: (N, 1, S, S).

    (M. D. Zeiler and R. Fergus, ECCV 2014, section 4.2.)

    Args:
        model: the network, in evaluation mode.
        x: normalized images, (N, C, S, S).
        target: number of the class, one for all images or (N,).
        window: side of the square in pixels; an eighth of the image by default.
        stride: pixels from one square to the next; half a window by default. The last ones end at the border.
        baseline: value of hidden pixels; zero is the mean color.
    """
    size = x.shape[-1]
    window = window or max(2, size // 8)
    stride = stride or max(1, window // 2)
    # Squares beyond the border are cut off, so that each pixel is hidden at least once.
    starts = range(0, -(-max(size - window, 0) // stride) * stride + 1, stride)
    corners = list(product(starts, starts))
    falls = x.new_zeros(len(x), 1, size, size)
    counts = x.new_zeros(1, 1, size, size)
    whole = evaluate_scores(model, x, target)
    rows = batch_size(x)
    with torch.inference_mode():
        for index, image in enumerate(x):
            label = target if isinstance(target, int) else int(target[index])
            for first in range(0, len(corners), rows):
                some = corners[first : first + rows]
                hidden = image.repeat(len(some), 1, 1, 1)
                for copy, (top, left) in zip(hidden, some, strict=True):
                    copy[:, top : top + window, left : left + window] = baseline
                fallen = whole[index] - evaluate_scores(model, hidden, label)
                for fall, (top, left) in zip(fallen, some, strict=True):
                    falls[index, :, top : top + window, left : left + window] += fall
    for top, left in corners:
        counts[..., top : top + window, left : left + window] += 1
    return falls / counts
