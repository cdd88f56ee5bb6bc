"""Weather: fog, and bright light."""

from collections.abc import Sequence

import torch
from torch import Tensor

from decanet.data.corruptions._registry import corruption


@corruption(
    "fog", "weather",
    small=((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    large=((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
)  # fmt: skip
def fog(x: Tensor, density: tuple[float, float], draws: Sequence[torch.Generator]) -> Tensor:
    """Clouds of a plasma fractal, added to the image; its range of values stays."""
    amount, decay = density
    height, width = x.shape[2:]
    size = 1 << (max(height, width) - 1).bit_length()
    uniform = torch.stack(
        [torch.rand(size * size - 1, generator=draw, dtype=torch.float64) for draw in draws]
    )
    clouds = plasma_fractal(2 * uniform - 1, size, decay).to(x)[:, None, :height, :width]
    brightest = x.amax(dim=(1, 2, 3), keepdim=True)
    return (x + amount * clouds) * brightest / (brightest + amount)


def plasma_fractal(draws: Tensor, size: int, decay: float) -> Tensor:
    """Height maps of the diamond-square algorithm on a torus, from 0 to 1.

    From the corners on, the center of each square and then of each diamond becomes the mean of its four neighbors plus
    noise, whose amplitude is divided by the square of ``decay`` each time the squares are halved.

    Args:
        draws: (N, size * size - 1), uniform in -1 to 1, used from the coarsest points to the finest.
        size: height and width, a power of two.
        decay: larger values give smoother maps.

    Returns:
        (N, size, size).
    """
    maps = draws.new_zeros(len(draws), size, size)
    amplitude, used, step = 100.0, 0, size

    def filled(neighbors: Tensor) -> Tensor:
        nonlocal used
        noise = draws[:, used : used + neighbors[0].numel()].view_as(neighbors)
        used += neighbors[0].numel()
        return neighbors / 4 + amplitude**2 * noise

    while step >= 2:
        half = step // 2
        corners = maps[:, ::step, ::step]
        pairs = corners + corners.roll(-1, 1)
        maps[:, half::step, half::step] = centers = filled(pairs + pairs.roll(-1, 2))
        maps[:, ::step, half::step] = filled(centers + centers.roll(1, 1) + corners + corners.roll(-1, 2))
        maps[:, half::step, ::step] = filled(centers + centers.roll(1, 2) + corners + corners.roll(-1, 1))
        step, amplitude = half, amplitude / decay
    maps -= maps.amin(dim=(1, 2), keepdim=True)
    return maps / maps.amax(dim=(1, 2), keepdim=True)


@corruption("brightness", "weather", small=(0.05, 0.1, 0.15, 0.2, 0.3), large=(0.1, 0.2, 0.3, 0.4, 0.5))
def brightness(x: Tensor, amount: float, _: Sequence[torch.Generator]) -> Tensor:
    """Add to the value of HSV, the largest of the three channels; hue and saturation stay."""
    value = x.amax(dim=1, keepdim=True)
    brighter = (value + amount).clamp_(max=1)
    return torch.where(value > 0, x * brighter / value, brighter)
