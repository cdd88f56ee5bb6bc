"""ViT: an image as a sequence of patches, classified without convolutions.

A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", ICLR
2021, arXiv:2010.11929.

The idea: the image is cut into patches of 16x16; each is projected linearly to a token, a position embedding is added,
and a Transformer encoder applies attention to all tokens. It has no prior for neighboring pixels, so it needs more data
than a convolutional network: trained on ImageNet alone it is less accurate (77.9%, Table 5), with 300 million images
more accurate (section 4.3).

Follows section 3.1 and the base size of Table 1: 12 layers, 768 channels, 12 heads, hidden layers of 3,072 units with
GELU, layer normalization before attention and before the perceptron (equations 1 to 4). One extra token is classified.
86,567,656 parameters with the single linear layer that the paper uses for fine-tuning; its pre-training has a hidden
layer too.

Images must be 224x224: each of the 14x14 patches has a position embedding of its own. (The paper fine-tunes on 384 with
interpolated position embeddings.)

Dropout of 0.1 follows each dense layer except query, key and value, and the position embedding (Appendix B.1). The
initialization is that of the authors' code: Glorot's uniform weights in the encoder, a Gaussian of 0.02 for the
position embedding, zeros for the class token and the last layer, so that training starts from equal logits.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decanet.core.recipe import Adam, Augmentation, Data, Model, Recipe, Schedule
from decanet.models._input_errors import explain_input_errors
from decanet.models._key_maps import rename_patterns
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import Departure, PretrainedWeights, register_model


class SelfAttention(nn.Module):
    """Multi-head self-attention (Appendix A)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)  # queries, keys and values in one product
        self.projection = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, width), kept."""
        qkv = self.qkv(x).unflatten(2, (3, self.heads, -1))  # (N, tokens, 3, heads, width / heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (N, heads, tokens, width / heads) each
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.projection(mixed.transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """Equations 2 and 3: attention and a perceptron, each with layer normalization before and a shortcut."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.expand = nn.Linear(width, hidden)
        self.gelu = nn.GELU()
        self.reduce = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, width), kept."""
        x = x + self.dropout(self.attention(self.norm1(x)))
        hidden = self.dropout(self.gelu(self.expand(self.norm2(x))))
        return x + self.dropout(self.reduce(hidden))


class ViT(nn.Module):
    """Figure 1, in the base size, for 224x224 images."""

    stages: ClassVar = named_stages("patch_embedding", "encoder", "head")
    head_layers: ClassVar = ("head",)

    def __init__(self, num_classes: int = 1000, dropout: float = 0.1) -> None:
        super().__init__()
        width, patches = 768, 14 * 14
        # A linear layer on patches that do not overlap is a convolution with stride 16.
        self.patch_embedding = nn.Conv2d(3, width, kernel_size=16, stride=16)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.empty(1, 1 + patches, width))
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.Sequential(*(EncoderLayer(width, 12, 3072, dropout) for _ in range(12)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, num_classes)
        self._initialize()

    def _initialize(self) -> None:
        """As in the authors' code."""
        nn.init.normal_(self.position, std=0.02)
        # LeCun's initialization: the projection of the patches keeps the variance of the pixels.
        nn.init.normal_(self.patch_embedding.weight, std=(3 * 16 * 16) ** -0.5)
        if self.patch_embedding.bias is not None:
            nn.init.zeros_(self.patch_embedding.bias)
        for layer in self.encoder.modules():
            if isinstance(layer, SelfAttention):
                for part in layer.qkv.weight.chunk(3):
                    nn.init.xavier_uniform_(part)
                nn.init.xavier_uniform_(layer.projection.weight)
                nn.init.zeros_(layer.qkv.bias)
                nn.init.zeros_(layer.projection.bias)
            elif isinstance(layer, EncoderLayer):
                for linear in (layer.expand, layer.reduce):
                    nn.init.xavier_uniform_(linear.weight)
                    nn.init.normal_(linear.bias, std=1e-6)
        self._initialize_head()

    def _initialize_head(self) -> None:
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> tokens (N, 197, 768), the class token first."""
        x = self.patch_embedding(x)  # (N, 768, 14, 14)
        x = x.flatten(2).transpose(1, 2)  # (N, 196, 768)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1)  # (N, 197, 768)
        return self.encoder(self.dropout(x + self.position))

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 197, 768) -> (N, num_classes), from the class token."""
        return self.head(self.norm(x[:, 0]))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``head`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        self._initialize_head()


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision's keys -> ours."""
    layer = r"^encoder\.layers\.encoder_layer_(\d+)\."
    return rename_patterns(
        state,
        (
            (r"^conv_proj\.", "patch_embedding."),
            (r"^encoder\.pos_embedding$", "position"),
            (layer + r"ln_(\d)\.", r"encoder.\1.norm\2."),
            (layer + r"self_attention\.in_proj_", r"encoder.\1.attention.qkv."),
            (layer + r"self_attention\.out_proj\.", r"encoder.\1.attention.projection."),
            (layer + r"mlp\.0\.", r"encoder.\1.expand."),
            (layer + r"mlp\.3\.", r"encoder.\1.reduce."),
            (r"^encoder\.ln\.", "norm."),
            (r"^heads\.head\.", "head."),
        ),
    )


def from_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """timm's keys -> ours."""
    layer = r"^blocks\.(\d+)\."
    return rename_patterns(
        state,
        (
            (r"^patch_embed\.proj\.", "patch_embedding."),
            (r"^cls_token$", "class_token"),
            (r"^pos_embed$", "position"),
            (layer + r"norm", r"encoder.\1.norm"),
            (layer + r"attn\.qkv\.", r"encoder.\1.attention.qkv."),
            (layer + r"attn\.proj\.", r"encoder.\1.attention.projection."),
            (layer + r"mlp\.fc1\.", r"encoder.\1.expand."),
            (layer + r"mlp\.fc2\.", r"encoder.\1.reduce."),
        ),
    )


PAPER = Recipe(
    # Appendix B.1, training on ImageNet alone: Adam with decoupled weight decay, 10,000 steps of warm-up, cosine
    # schedule, gradients clipped at 1. Images on the scale -1..1.
    model=Model(name="vit_b16"),
    data=Data(name="imagenet", image_size=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    augmentation=Augmentation(flip="random", resize=256, scale=(0.05, 1.0)),
    batch_size=4096,
    epochs=300,
    optimizer=Adam(name="adamw", lr=3e-3, weight_decay=0.3),
    schedule=Schedule(shape="cosine", warmup=10_000 * 4096 / (300 * 1_281_167)),
    precision="float32",
    clip_gradient=1.0,
    log_every=100,
    departures=(
        "learning rate, weight decay and epochs: Table 3 as recalled, not checked against the paper",
        "random resized crops and horizontal flips: Appendix B.1 states no augmentation; those of the authors' code",
        "weight decay for every parameter: the paper does not state for which",
        "the head is one linear layer; the paper's pre-training has a hidden layer",
    ),
)


@register_model(
    input_size=(3, 224, 224),
    paper="dosovitskiy2020",
    facts="vit_b16",
    recipe=PAPER,
    departures={
        "depth": Departure(
            50, "the paper counts encoder layers; each has four linear layers on its longest path"
        ),
        "encoder": Departure(
            (197, 768), "tokens have the shape (tokens, width), as in the paper's equations"
        ),
    },
    pretrained=(
        PretrainedWeights("torchvision", "vit_b_16", from_torchvision),
        PretrainedWeights("timm", "vit_base_patch16_224.augreg_in1k", from_timm),
    ),
)
def vit_b16(num_classes: int = 1000, dropout: float = 0.1) -> ViT:
    """ViT-B/16: a Transformer, without convolutions."""
    return ViT(num_classes, dropout)
