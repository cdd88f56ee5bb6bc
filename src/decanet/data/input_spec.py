"""Input specification: the size, constants, channels and type of the images that a network takes."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.core.recipe import Rgb


@dataclass(frozen=True)
class InputSpec:
    """Describe the input of a network.

    Attributes:
        image_size: height and width in pixels.
        mean, std: constants of each channel on the scale 0..1.
        device, dtype: device and type of the network's input.
        channels: 3, or 1 for a network of gray images such as LeNet-5, which takes the mean of the three.
    """

    image_size: int
    mean: Rgb
    std: Rgb
    device: torch.device
    dtype: torch.dtype
    channels: int = 3

    def normalize(
        self, images: Tensor, cutout_mask: Tensor | None = None, image_size: int | None = None
    ) -> Tensor:
        """Return (images / 255 - mean) / std, resized to ``image_size`` (default: that of the specification).

        Args:
            images: (B, 3, H, W), on the scale 0..255.
            cutout_mask: bool (B, 1, H, W), true where pixels are replaced by the mean.
            image_size: height and width of the result in pixels.

        Returns:
            (B, channels, S, S) in channels-last memory.
        """
        image_size = image_size or self.image_size
        scale = 1 / (torch.tensor(self.std, device=images.device).view(1, 3, 1, 1) * 255)
        shift = -torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1) * 255 * scale
        if cutout_mask is None:  # bytes are resized five times as fast as floats
            images = resized(images, image_size)
        x = torch.addcmul(shift, images.float(), scale)
        if cutout_mask is not None:
            x = resized(x.masked_fill_(cutout_mask, 0.0), image_size)
        if self.channels == 1:
            x = x.mean(dim=1, keepdim=True)
        return x.to(self.dtype).contiguous(memory_format=torch.channels_last)


def resized(images: Tensor, image_size: int) -> Tensor:
    """Resize images (B, C, H, W), float32 or uint8, to ``image_size`` pixels in both directions, without aliasing."""
    if images.shape[-1] == image_size:
        return images
    # On other devices torch has this filter for floats only.
    on_bytes = images.dtype == torch.uint8 and images.device.type == "cpu"
    pixels = images if on_bytes else images.float()
    pixels = F.interpolate(pixels, size=(image_size, image_size), mode="bilinear", antialias=True)
    return pixels if pixels.dtype == images.dtype else pixels.round().to(images.dtype)
