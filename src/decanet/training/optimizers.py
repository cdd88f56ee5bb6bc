"""Optimizers: torch's own, and Muon for the convolutions of the project's networks.

Muon (K. Jordan, 2024) replaces the momentum of a weight matrix by the nearest matrix with orthonormal rows, so that the
update has the same size in every direction of the gradient, where that of plain gradient descent is dominated by a few
large singular values. The nearest orthonormal matrix U V^T of G = U S V^T is computed without a decomposition, by
iterating X <- a X + b (X X^T) X + c (X X^T)^2 X, an odd polynomial that drives every singular value towards 1.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from decanet.core import recipe as spec

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # steepest at 0 while keeping singular values near 1 (Jordan, 2024)


def orthogonalize(matrices: Tensor, steps: int = 3) -> Tensor:
    """Approximate the nearest matrices with orthonormal rows, or columns if m > n: (..., m, n) -> (..., m, n)."""
    a, b, c = NEWTON_SCHULZ
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = matrices if wide else matrices.mT
    x = x / (
        x.norm(dim=(-2, -1), keepdim=True) + 1e-7
    )  # singular values at most 1, where the iteration converges
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Muon on convolution weights (O, I, k, k), each reshaped to an O x (I k k) matrix.

    Each weight keeps the norm sqrt(O), so that the learning rate is relative to it and no weight decay is needed. The
    matrices are multiplied in ``dtype``: the rounding error of bfloat16 is far below that of the iteration.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float, dtype: torch.dtype) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every weight that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight.grad)
                buffer = state["momentum"].mul_(group["momentum"]).add_(weight.grad)
                direction = weight.grad.add(buffer, alpha=group["momentum"])  # Nesterov
                matrix = direction.reshape(len(weight), -1).to(self.dtype)
                weight.mul_(len(weight) ** 0.5 / weight.norm())
                weight.add_(orthogonalize(matrix).view_as(weight).to(weight.dtype), alpha=-group["lr"])


class Optimizers:
    """Several torch optimizers as one; the full learning rate of each parameter group is kept."""

    def __init__(self, parts: list[torch.optim.Optimizer]) -> None:
        self.parts = parts
        self._full = [[group["lr"] for group in part.param_groups] for part in parts]

    def set_lr(self, factor: float) -> None:
        """Set every learning rate to ``factor`` times its full value."""
        for part, lrs in zip(self.parts, self._full, strict=True):
            for group, lr in zip(part.param_groups, lrs, strict=True):
                group["lr"] = lr * factor

    @property
    def lr(self) -> float:
        """Current learning rate of the first parameter group, for the log."""
        return self.parts[0].param_groups[0]["lr"]

    def step(self) -> None:
        """Update all parameters."""
        for part in self.parts:
            part.step()

    def zero_grad(self) -> None:
        """Delete all gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, Any]]:
        """Return the state of every optimizer, in order."""
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Continue from ``state_dict()``."""
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def build_optimizers(settings: spec.Optimizer, model: nn.Module, precision: str = "float32") -> Optimizers:
    """Build the recipe's optimizers for the trainable parameters of ``model``.

    ``precision`` is that of Muon's matrix products, "float32" or "bfloat16": on a processor without instructions for
    bfloat16, its emulation would make an update more than ten times as slow.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    weights: Any = [p for _, p in named]
    fused = weights[0].device.type in {"cpu", "cuda"}
    if not isinstance(settings, spec.Muon) and not settings.decay_vectors:
        vectors = [p for name, p in named if p.ndim < 2 or name.endswith("bias")]
        matrices = [p for name, p in named if not (p.ndim < 2 or name.endswith("bias"))]
        weights = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    match settings:
        case spec.Sgd():
            sgd = torch.optim.SGD(
                weights, lr=settings.lr, momentum=settings.momentum, nesterov=settings.nesterov,
                weight_decay=settings.weight_decay, fused=fused,
            )  # fmt: skip
            return Optimizers([sgd])
        case spec.Adam():
            kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
            adam = kind(
                weights, lr=settings.lr, betas=settings.betas, weight_decay=settings.weight_decay, fused=fused
            )
            return Optimizers([adam])
        case spec.RmsProp():
            rms = torch.optim.RMSprop(
                weights, lr=settings.lr, alpha=settings.alpha, eps=settings.eps, momentum=settings.momentum,
                weight_decay=settings.weight_decay,
            )  # fmt: skip
            return Optimizers([rms])
        case spec.Muon():
            filters = [p for _, p in named if p.ndim == 4]
            matrices = [p for _, p in named if p.ndim in {2, 3}]
            vectors = [p for _, p in named if p.ndim < 2]
            # torch.optim.SGD multiplies the weight decay by the learning rate; the recipe's does not depend on it.
            groups = [
                {"params": part, "lr": lr, "weight_decay": settings.weight_decay / lr}
                for part, lr in ((matrices, settings.head_lr), (vectors, settings.bias_lr))
                if part
            ]
            rest = torch.optim.SGD(groups, momentum=settings.sgd_momentum, nesterov=True, fused=fused)
            return Optimizers(
                [Muon(filters, settings.lr, settings.momentum, getattr(torch, precision)), rest]
            )
