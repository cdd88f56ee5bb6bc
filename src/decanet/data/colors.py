"""Augmentation of colors: AlexNet's noise along the principal components, and color jitter."""

import torch
from torch import Tensor

from decanet.core.runtime import generator
from decanet.data.input_spec import InputSpec


def principal_colors(images: Tensor, scale: str = "std") -> Tensor:
    """Return the principal components of RGB as columns, of length ``scale`` ("std" or "eigenvalue"): (3, 3).

    AlexNet, section 4.1, adds [p1, p2, p3][a1 l1, a2 l2, a3 l3]^T to every image and calls the l eigenvalues of the
    covariance. They are squares of colors, so that their effect depends on the scale of the pixels, here 0..1; the
    original code takes their roots (cuda-convnet2, convdata.py: pca_stdevs), and then divides the image by 1.1,
    which is not done here.
    """
    pixels = images.transpose(0, 1).reshape(3, -1).double() / 255
    eigenvalues, eigenvectors = torch.linalg.eigh(torch.cov(pixels))
    lengths = eigenvalues.clamp_min(0).sqrt() if scale == "std" else eigenvalues  # gray images: -1e-18
    return (eigenvectors * lengths).float()


def shift_colors(
    x: Tensor, colors: Tensor, strength: float, spec: InputSpec, seed: tuple[int, int], samples: Tensor
) -> Tensor:
    """Add a color, drawn from (seed, epoch, sample), to each normalized image (B, C, H, W)."""
    if not len(samples):  # the slice of a process, where a batch has fewer images than there are processes
        return x
    draws = [torch.randn(3, generator=generator(*seed, "colour", int(sample))) for sample in samples]
    shift = strength * torch.stack(draws) @ colors.T / torch.tensor(spec.std)  # (B, 3)
    if spec.channels == 1:
        shift = shift.mean(dim=1, keepdim=True)
    return x + shift[:, :, None, None].to(x)


GRAY = (0.299, 0.587, 0.114)  # luma of ITU-R BT.601, which fb.resnet.torch and Pillow take


def jitter_colors(images: Tensor, factors: Tensor, order: Tensor) -> Tensor:
    """Change brightness, contrast and saturation of each image, in its own order.

    Each change blends the image with another by a factor f, f * image + (1 - f) * other: with black for the
    brightness, with the mean of its gray values for the contrast, with its gray values for the saturation. As in
    fb.resnet.torch (datasets/transforms.lua) nothing is clipped.

    Args:
        images: (B, 3, H, W).
        factors: (B, 3), of brightness, contrast and saturation.
        order: (B, 3), each row a permutation of 0, 1, 2: the change that comes first, second and third.

    Returns:
        float32 (B, 3, H, W).
    """
    x = images.float()
    luma = torch.tensor(GRAY, device=x.device).view(1, 3, 1, 1)
    for change in order.to(x.device).T:  # (B,)
        factor = factors.to(x.device).gather(1, change[:, None]).view(-1, 1, 1, 1)
        change = change.view(-1, 1, 1, 1)
        gray = (x * luma).sum(dim=1, keepdim=True)
        other = torch.where(change == 1, gray.mean(dim=(2, 3), keepdim=True), gray) * (change > 0)
        x = other.lerp(x, factor)
    return x


def draw_jitter(strength: float, seed: int, epoch: int, samples: Tensor) -> tuple[Tensor, Tensor]:
    """Draw ``factors``, uniform in 1 - strength to 1 + strength, and ``order`` for :func:`jitter_colors`."""
    draws = [generator(seed, epoch, "color jitter", int(sample)) for sample in samples]
    factors = torch.stack([torch.rand(3, generator=g) for g in draws])
    order = torch.stack([torch.randperm(3, generator=g) for g in draws])
    return 1 + strength * (2 * factors - 1), order


def jittered(images: Tensor, strength: float, seed: tuple[int, int], samples: Tensor) -> Tensor:
    """Apply color jitter, drawn from (seed, epoch, sample), to images (B, 3, H, W); a strength of 0 changes nothing."""
    return (
        jitter_colors(images, *draw_jitter(strength, *seed, samples)) if strength and len(images) else images
    )
