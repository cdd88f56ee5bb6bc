"""DecaNet: the project's own network, with what the decade taught in one readable file.

Follows the airbench family (K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv:2404.00498), which
follows D. Page's ResNet-9 and hlb-CIFAR10. Each lesson and its source:

- small kernels, stacked (VGG, 2014);
- batch normalization after each convolution (Ioffe and Szegedy, 2015);
- identity shortcuts (ResNet, 2015): in the small network around each convolution that keeps the shape of its input; and
  in all sizes the convolutions are *initialized* as the identity ("dirac"), so that at first even a deep network
  forwards its input;
- global pooling instead of large fully connected layers (NiN, 2013);
- GELU, which is smooth where ReLU has a corner (as in ViT and ConvNeXt);
- a first layer that is not trained but computed: it whitens small patches of the training images.

Sizes: ``decanet_s`` (32-64-128) trains in a minute on a laptop; ``decanet_m`` (64-256-256) and ``decanet_l``
(128-384-384) in minutes, with a third convolution in the last block, where feature maps are small and it costs little.
Identity shortcuts help the small network and make no difference to the medium one (measured: benchmarks/LOG.md).
"""

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import register_model

WHITEN_KERNEL = 2  # 2x2 patches of 3 channels have 12 principal directions


class Residual(nn.Sequential):
    """Its layers with an identity shortcut around them: (N, C, H, W) -> (N, C, H, W). Nothing follows the addition."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return x + super().forward(x)


class Block(nn.Sequential):
    """conv - pool - norm - GELU, then conv - norm - GELU for each further convolution: (N, C_out, H/2, W/2).

    Args:
        residual: whether the further convolutions have identity shortcuts.
    """

    def __init__(self, in_channels: int, out_channels: int, convolutions: int, residual: bool) -> None:
        layers: dict[str, nn.Module] = {
            "conv1": _conv(in_channels, out_channels), "pool": nn.MaxPool2d(2), "norm1": _norm(out_channels),
            "gelu1": nn.GELU(approximate="tanh"),
        }  # fmt: skip
        for i in range(2, convolutions + 1):
            further: dict[str, nn.Module] = {
                f"conv{i}": _conv(out_channels, out_channels), f"norm{i}": _norm(out_channels),
                f"gelu{i}": nn.GELU(approximate="tanh"),
            }  # fmt: skip
            layers |= {f"residual{i}": Residual(OrderedDict(further))} if residual else further
        super().__init__(OrderedDict(layers))


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """3x3 convolution, initialized as the identity on as many channels as there are inputs and outputs."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)
    with torch.no_grad():
        identity = conv.weight[:in_channels].zero_()
        identity[:, :, 1, 1].fill_diagonal_(1)
    return conv


def _norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalization with a trainable bias but no trainable scale, which the next convolution can learn."""
    # In a training of some hundred steps the weights change until the end: the running statistics must follow quickly.
    norm = nn.BatchNorm2d(channels, momentum=0.4)
    norm.weight.requires_grad_(False)
    return norm


class DecaNet(nn.Module):
    """Whitening, three blocks, global max pooling, a head that scales its logits."""

    stages: ClassVar = named_stages("whiten", "block1", "block2", "block3", "head")
    head_layers: ClassVar = ("head",)

    def __init__(
        self,
        num_classes: int = 10,
        widths: tuple[int, int, int] = (32, 64, 128),
        convolutions: tuple[int, int, int] = (2, 2, 2),
        residual: bool = False,
    ) -> None:
        super().__init__()
        directions = 2 * 3 * WHITEN_KERNEL**2  # each principal direction and its negative: 24
        # Nothing here is trained: no gradient is computed for the largest feature map of the network.
        self.whiten = nn.Conv2d(3, directions, kernel_size=WHITEN_KERNEL, bias=False)
        self.whiten.weight.requires_grad_(False)
        # With each direction there is its negative, so ReLU loses nothing here and costs a third of GELU.
        self.rectify = nn.ReLU(inplace=True)
        self.block1 = Block(directions, widths[0], convolutions[0], residual)
        self.block2 = Block(widths[0], widths[1], convolutions[1], residual)
        self.block3 = Block(widths[1], widths[2], convolutions[2], residual)
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.head = nn.Linear(widths[2], num_classes, bias=False)
        # Keeps the initial logits small for every width, so that one learning rate serves all sizes.
        self.head_scale = 1 / widths[2] ** 0.5

    @torch.no_grad()
    def initialize_from(self, images: Tensor) -> None:
        """Compute the whitening layer from normalized training images, float (N, 3, H, W); a few thousand suffice.

        The kernels are the eigenvectors of the covariance of all patches, each divided by the square root of its
        eigenvalue, so that the layer's outputs are uncorrelated with unit variance.
        """
        k = WHITEN_KERNEL
        # Gray images have eigenvalues of 0, from which sums in float32 can differ by more than is added below.
        covariance = torch.zeros(3 * k * k, 3 * k * k, dtype=torch.float64)  # (12, 12)
        for part in images.split(500):  # float64 of all patches would take some hundred megabytes
            patches = part.double().unfold(2, k, 1).unfold(3, k, 1)  # (n, 3, H-k+1, W-k+1, k, k)
            patches = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3 * k * k)
            covariance += patches.T @ patches / (len(patches) * len(images) / len(part))
        eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
        scale = torch.sqrt(eigenvalues.clamp_min(0) + 5e-4)
        kernels = (eigenvectors / scale).T.flip(0).reshape(-1, 3, k, k)
        self.whiten.weight.copy_(torch.cat([kernels, -kernels]))

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, widths[2], 3, 3)."""
        x = self.rectify(self.whiten(x))  # (N, 24, 31, 31)
        x = self.block1(x)  # (N, widths[0], 15, 15)
        x = self.block2(x)  # (N, widths[1], 7, 7)
        return self.block3(x)  # (N, widths[2], 3, 3)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, widths[2], 3, 3) -> (N, num_classes)."""
        x = self.pool(x).flatten(1)  # (N, widths[2])
        return self.head(x) * self.head_scale

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``head`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)


@register_model(input_size=(3, 32, 32), paper="jordan2024")
def decanet_s(num_classes: int = 10) -> DecaNet:
    """The project's own network, small (32-64-128): a minute of training on two cores."""
    return DecaNet(num_classes, (32, 64, 128), residual=True)


@register_model(input_size=(3, 32, 32), paper="jordan2024")
def decanet_m(num_classes: int = 10) -> DecaNet:
    """The project's own network, medium: the widths of the GPU speed record (64-256-256), one more convolution."""
    return DecaNet(num_classes, (64, 256, 256), (2, 2, 3))


@register_model(input_size=(3, 32, 32), paper="jordan2024")
def decanet_l(num_classes: int = 10) -> DecaNet:
    """The project's own network, large: the widths of airbench95 (128-384-384), one more convolution."""
    return DecaNet(num_classes, (128, 384, 384), (2, 2, 3))
