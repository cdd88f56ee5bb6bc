"""Training by several processes, started by torchrun, with the same recipe and the same global batch.

Each process takes its slice of every global batch, and the gradients are averaged (DistributedDataParallel). Batch
normalization uses the statistics of the global batch, on the CPU as well as on GPUs, so that the result does not depend
on the number of processes.
"""

import contextlib
import datetime
import re
import traceback
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from decanet.core.errors import DistributedError
from decanet.core.runtime import Ranks

TIMEOUT = datetime.timedelta(minutes=10)  # of every exchange between the processes
LOST = "gloo|nccl|connection (closed|reset)|timed out|timeout|broken pipe"  # in messages about a lost process


def lost_process(error: BaseException) -> DistributedError | None:
    """Return a DistributedError if ``error`` reports the loss of another process, else None."""
    reported = isinstance(error, dist.DistError) or re.search(LOST, str(error).lower())
    if reported and isinstance(error, RuntimeError) and dist.is_initialized():
        return DistributedError("another process of this training was lost or does not answer")
    return None


@contextlib.contextmanager
def process_group(ranks: Ranks, device: torch.device) -> Iterator[None]:
    """Join the process group for the duration of the block; no result of :func:`distribute` may outlive it.

    Raises:
        DistributedError: the other processes cannot be reached, or one was lost.
    """
    if ranks.world_size == 1:
        yield
        return
    import torch._dynamo  # DDP imports it; imported while a group exists, it would keep that group alive

    backend = "nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)  # NCCL exchanges Python objects through the current device
    try:
        dist.init_process_group(backend, timeout=TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise DistributedError(f"cannot join the other processes ({error}); start with torchrun") from None
    try:
        yield
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # their variables include the DDP module
        lost = lost_process(error)
        if lost is None:
            raise
        raise lost from error
    finally:
        # A thread of Gloo that still holds a tensor when the interpreter shuts down aborts the process
        # (pytorch/pytorch, pull request 179291). The group joins its threads when nothing refers to it any more.
        dist.destroy_process_group()


def distribute(model: nn.Module, ranks: Ranks, device: torch.device) -> nn.Module:
    """Wrap ``model`` for training by several processes; with one process return the model itself."""
    if ranks.world_size == 1:
        return model
    use_global_statistics(model)
    return nn.parallel.DistributedDataParallel(
        model, device_ids=[device.index] if device.type == "cuda" else None
    )


def use_global_statistics(model: nn.Module) -> None:
    """Make every batch normalization of ``model`` use the statistics of the global batch, in place."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = GlobalBatchNorm2d  # parameters, buffers and names stay as they are


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization over the global batch; torch's SyncBatchNorm does the same on GPUs only."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W), normalized by the statistics of all processes' images together."""
        if not self.training:
            return super().forward(x)
        wide = x if x.dtype == torch.float64 else x.float()
        count = torch.full((1,), float(x.numel() // x.shape[1]), dtype=wide.dtype, device=x.device)
        sums = torch.cat([wide.sum((0, 2, 3)), wide.square().sum((0, 2, 3)), count])
        sums = _AllReduce.apply(sums)
        total = sums[-1]
        mean, square = (sums[:-1] / total).split(x.shape[1])
        variance = (square - mean.square()).clamp_min(0)
        with torch.no_grad():
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            weight = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked.item()
            assert self.running_mean is not None
            assert self.running_var is not None
            self.running_mean.lerp_(mean, weight)
            self.running_var.lerp_(variance * total / (total - 1), weight)
        scale = torch.rsqrt(variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale if self.bias is None else self.bias - mean * scale
        return (wide * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)).to(x.dtype)


class _AllReduce(torch.autograd.Function):
    """Sum over all processes, whose gradient is the sum of the gradients of all processes."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def]  # noqa: ARG004
        x = x.clone()
        dist.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def]  # noqa: ARG004
        gradient = gradient.clone()
        dist.all_reduce(gradient)
        return gradient


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float, fraction: float) -> Tensor:
    """Return this process's part of the mean cross-entropy over the global batch.

    Args:
        fraction: images here times the world size, over images in the global batch; DDP divides by the world size.
    """
    wide = logits if logits.dtype == torch.float64 else logits.float()
    loss = F.cross_entropy(wide, labels, label_smoothing=smoothing)
    return loss * fraction
