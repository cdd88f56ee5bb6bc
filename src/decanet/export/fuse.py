"""Fold batch normalization into the convolution before it: fewer operations in evaluation, the same outputs.

In evaluation, batch normalization (S. Ioffe, C. Szegedy, arXiv:1502.03167) multiplies each channel by a constant and
adds another: y = s (x - mean) + beta, s = gamma / sqrt(variance + eps). A convolution followed by it equals one
convolution whose filters are multiplied by s and whose bias is beta + s (bias - mean).

Which normalization follows which convolution is read from the flow of data through the network, not from the names or
the order of its attributes: a convolution is folded only where its output goes into one normalization and nowhere else.
"""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from decanet.anatomy.meta_forward import forward_on_meta, input_size_for, meta_inputs


def fuse(model: nn.Module, input_size: tuple[int, int, int] | None = None) -> nn.Module:
    """Return a copy of ``model`` for evaluation with batch normalizations folded into the convolutions before them.

    The original is left as it is. The copy is in evaluation mode and is not meant to be trained. Its outputs agree with
    those of the original up to rounding.

    Args:
        model: a network whose running statistics are those of evaluation.
        input_size: (C, H, W) of an image that fits; a registered network's own by default.

    Raises:
        UsageError: no input size, or none given for a network that is not registered.
        DataError: an image of that size does not fit.
    """
    fused = copy.deepcopy(model).eval()
    for conv_path, norm_path in foldable(fused, input_size_for(model, input_size)):
        conv, norm = fused.get_submodule(conv_path), fused.get_submodule(norm_path)
        _fold(conv, norm)  # type: ignore[arg-type]  # foldable gives these types only
        parent, _, attribute = norm_path.rpartition(".")
        setattr(fused.get_submodule(parent), attribute, nn.Identity())
    return fused


def foldable(model: nn.Module, input_size: tuple[int, int, int]) -> list[tuple[str, str]]:
    """Return the attribute paths (convolution, normalization) that :func:`fuse` folds, in the order they run."""
    observer = _Observer()
    handles = []
    for path, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(observer.after_convolution(path)))
        elif isinstance(module, nn.BatchNorm2d) and module.track_running_stats:
            handles.append(module.register_forward_pre_hook(observer.before_normalization(path)))
    inputs = meta_inputs(model, input_size)  # alive until the end, so that no id is used twice
    try:
        forward_on_meta(model, inputs, observer)
    finally:
        for handle in handles:
            handle.remove()
    return observer.pairs()


@torch.no_grad()
def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None  # foldable takes only normalizations with running statistics
    assert variance is not None
    # In double precision, so that the only rounding is the last one.
    scale = (variance.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    shift = -mean.double() * scale
    if norm.bias is not None:
        shift = shift + norm.bias.double()
    if conv.bias is not None:
        shift = shift + conv.bias.double() * scale
    conv.weight.copy_(conv.weight.double() * scale[:, None, None, None])
    conv.bias = nn.Parameter(shift.to(conv.weight.dtype))


class _Observer(TorchDispatchMode):
    """Observes which convolution's output goes into which normalization, and how often each tensor is used."""

    def __init__(self) -> None:
        super().__init__()
        self._keep: list[Tensor] = []  # an id stays unique while its tensor lives
        self._uses: Counter[int] = Counter()
        self._runs: Counter[str] = Counter()
        self._convolution_of: dict[int, str] = {}
        self._pairs: list[tuple[str, str, int]] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # see ShapesOnly: PyTorch would import its compiler

    def after_convolution(self, path: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> None:
            self._runs[path] += 1
            self._convolution_of[id(output)] = path

        return hook

    def before_normalization(self, path: str) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            self._runs[path] += 1
            if (convolution := self._convolution_of.get(id(args[0]))) is not None:
                self._pairs.append((convolution, path, id(args[0])))

        return hook

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for tensor in tree_leaves((args, kwargs)):
            if isinstance(tensor, Tensor):
                self._uses[id(tensor)] += 1
        output = func(*args, **(kwargs or {}))
        self._keep += [tensor for tensor in tree_leaves(output) if isinstance(tensor, Tensor)]
        return output

    def pairs(self) -> list[tuple[str, str]]:
        """Convolutions and normalizations that run once and are joined by a tensor that nothing else reads."""
        return [
            (conv, norm)
            for conv, norm, tensor in self._pairs
            if self._uses[tensor] == 1 and self._runs[conv] == self._runs[norm] == 1
        ]
