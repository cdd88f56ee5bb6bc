"""Attribution by gradients: gradient x input, integrated gradients, SmoothGrad."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from decanet.insight.attribution.passes import batch_size, evaluate_gradients, evaluate_scores

FIRST_STEPS, MOST_STEPS = 16, 1024  # of integrated gradients
RELATIVE, ABSOLUTE = 0.01, 1e-3  # largest residual of completeness
SAMPLES, NOISE = 32, 0.15  # of SmoothGrad: the paper's figures use 10 to 20% noise


def input_x_gradient(model: nn.Module, x: Tensor, target: int | Tensor) -> Tensor:
    """Return the input times the gradient of the class's logit: (N, C, S, S).

    It is the first-order estimate of how much the logit would fall if a pixel became the mean color, which is zero
    in a normalized input (A. Shrikumar et al., arXiv:1605.01713).

    Args:
        model: the network, in evaluation mode.
        x: normalized images, (N, C, S, S).
        target: number of the class, one for all images or (N,).
    """
    return x * evaluate_gradients(model, x, target)


@dataclass(frozen=True)
class IntegratedGradients:
    """The result of :func:`integrated_gradients`.

    Attributes:
        attribution: (N, C, S, S).
        steps: number of gradients that were averaged for each image.
        difference: (N,) the logit of the image minus that of the baseline.
        residual: (N,) by how much the sum of the attribution misses ``difference``, absolute.
    """

    attribution: Tensor
    steps: int
    difference: Tensor
    residual: Tensor

    @property
    def complete(self) -> bool:
        """Whether each residual is at most 1% of the difference, or 0.001."""
        return bool((self.residual <= (RELATIVE * self.difference.abs()).clamp_min(ABSOLUTE)).all())


def integrated_gradients(
    model: nn.Module,
    x: Tensor,
    target: int | Tensor,
    *,
    steps: int | None = None,
    baseline: Tensor | float = 0.0,
) -> IntegratedGradients:
    """Average the gradient on the straight line from the baseline to the image, times their difference.

    The attributions of an image add up to the difference of the logits ("completeness"): exactly for the integral, up
    to a residual for the sum of ``steps`` gradients at Gauss and Legendre's points (M. Sundararajan et al., ICML
    2017, equation 1 and proposition 1).

    Args:
        model: the network, in evaluation mode.
        x: normalized images, (N, C, S, S).
        target: number of the class, one for all images or (N,).
        steps: number of points; by default doubled from 16 until the result is ``complete``, at most 1,024.
        baseline: an input that says nothing; zero is the mean color.
    """
    if steps is None:
        steps = FIRST_STEPS
        while not (found := integrated_gradients(model, x, target, steps=steps, baseline=baseline)).complete:
            if steps == MOST_STEPS:
                break
            steps *= 2
        return found
    points, weights = np.polynomial.legendre.leggauss(steps)  # for the interval from -1 to 1
    start = torch.as_tensor(baseline, dtype=x.dtype, device=x.device).expand_as(x)
    total = torch.zeros_like(x)
    rows = max(1, batch_size(x) // len(x))
    for first in range(0, steps, rows):
        alphas = x.new_tensor(0.5 * (1 + points[first : first + rows])).view(-1, 1, 1, 1, 1)
        shares = x.new_tensor(0.5 * weights[first : first + rows]).view(-1, 1, 1, 1, 1)
        inputs = torch.lerp(start[None], x[None], alphas)  # (rows, N, C, S, S)
        targets = target if isinstance(target, int) else target.repeat(len(alphas))
        gradients = evaluate_gradients(model, inputs.flatten(0, 1), targets).view(inputs.shape)
        total += (shares * gradients).sum(0)
    attribution = (x - start) * total
    both = torch.cat([x, start])
    targets = target if isinstance(target, int) else target.repeat(2)
    of_image, of_baseline = evaluate_scores(model, both, targets).chunk(2)
    difference = of_image - of_baseline
    residual = (attribution.flatten(1).sum(1, dtype=torch.float64) - difference).abs()
    return IntegratedGradients(attribution, steps, difference, residual.to(difference.dtype))


def smooth_grad(
    model: nn.Module,
    x: Tensor,
    target: int | Tensor,
    *,
    samples: int = SAMPLES,
    noise: float = NOISE,
    seed: int = 0,
) -> Tensor:
    """Average the gradient over noisy copies of the image: (N, C, S, S).

    The gradient of a ReLU network jumps from pixel to pixel; its mean over a neighborhood does not (D. Smilkov et al.,
    arXiv:1706.03825, section 3).

    Args:
        model: the network, in evaluation mode.
        x: normalized images, (N, C, S, S).
        target: number of the class, one for all images or (N,).
        samples: number of noisy copies.
        noise: standard deviation of the noise, as a fraction of the range of the image's values.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    found = []
    for index, image in enumerate(x):
        spread = noise * (image.max() - image.min())
        copies = image + spread * torch.randn(samples, *image.shape, generator=generator).to(image)
        label = target if isinstance(target, int) else int(target[index])
        found.append(evaluate_gradients(model, copies, label).mean(0))
    return torch.stack(found)
