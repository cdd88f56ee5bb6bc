"""Forward passes on PyTorch's "meta" device, which computes shapes and no numbers."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class ShapesOnly(TorchDispatchMode):
    """Mode that speeds up construction and forward passes on the meta device.

    PyTorch infers many shapes by running the Python decomposition of an operation, which takes most of the time of such
    a pass. This mode computes the shapes of common operations directly and leaves every other case, errors included, to
    PyTorch.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Otherwise PyTorch imports its compiler, to exclude this class from it, which doubles the time of the import.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    @staticmethod
    def run(func: Any, args: Any, kwargs: Any) -> Any:
        """Return the output of ``func``."""
        known = _KNOWN.get(func.overloadpacket.__name__)
        result = known(*args) if known else None
        return func(*args, **kwargs) if result is None else result


def _empty(like: Tensor, shape: Sequence[int]) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, device="meta")


def _same(x: Tensor, *_: Any) -> Tensor:
    return _empty(x, x.shape) if x.is_contiguous() else torch.empty_like(x)


def _changed(x: Tensor, *others: Any) -> Tensor | None:
    return x if _broadcast(x, *others) == x.shape else None


def _joined(x: Tensor, *others: Any) -> Tensor | None:
    shape = _broadcast(x, *others)
    if shape == x.shape:
        return _same(x)
    return _empty(x, shape) if all(t.is_contiguous() for t in (x, *others) if isinstance(t, Tensor)) else None


def _broadcast(*values: Any) -> torch.Size:
    shapes = [value.shape for value in values if isinstance(value, Tensor)]
    return shapes[0] if len(shapes) == 1 else torch.broadcast_shapes(*shapes)


def _normalized(x: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    return _same(x), _empty(x, (0,)), _empty(x, (0,))  # the statistics are for the backward pass


def _product(left: Tensor, right: Tensor, *_: Any) -> Tensor | None:
    if left.shape[-1] != right.shape[-2] or left.shape[:-2] != right.shape[:-2]:
        return None
    return _empty(left, (*left.shape[:-1], right.shape[-1]))


def _added_product(_: Tensor, left: Tensor, right: Tensor) -> Tensor | None:
    return _product(left, right)


def _stacked(tensors: Sequence[Tensor], axis: int = 0) -> Tensor | None:
    rest = {(*t.shape[:axis], *t.shape[axis:][1:]) for t in tensors}
    plain = all(t.ndim < 4 or t.is_contiguous() for t in tensors)  # feature maps may be channels_last
    if axis < 0 or len(rest) > 1 or not plain:
        return None
    length = sum(t.shape[axis] for t in tensors)
    return _empty(tensors[0], (*tensors[0].shape[:axis], length, *tensors[0].shape[axis + 1 :]))


def _mean(x: Tensor, axes: Sequence[int] | None = None, keep: bool = False) -> Tensor | None:
    if axes is None or sorted(axis % x.ndim for axis in axes) != list(range(x.ndim - len(axes), x.ndim)):
        return None  # only the last axes, as in global pooling
    kept = x.shape[: -len(axes)]
    return _empty(x, (*kept, *(1 for _ in axes)) if keep else kept)


def _unfolded(x: Tensor, *settings: Sequence[int]) -> Tensor:
    places = math.prod(_places(x, *settings))
    return _empty(x, (x.shape[0], x.shape[1] * math.prod(settings[0]), places))


def _convolved(x: Tensor, weight: Tensor, *more: Any) -> Tensor | None:
    _bias, stride, padding, dilation, transposed, _output_padding, groups = more
    if (
        transposed
        or x.shape[1] != weight.shape[1] * groups
        or not (x.is_contiguous() and weight.is_contiguous())
    ):
        return None
    places = _places(x, weight.shape[2:], dilation, padding, stride)
    return _empty(x, (x.shape[0], weight.shape[0], *places)) if min(places) > 0 else None


def _max_pooled(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil: bool = False,
) -> tuple[Tensor, Tensor] | None:
    kernel, stride, padding, dilation = (
        [*values] * (2 // len(values)) for values in (kernel, stride or kernel, padding, dilation)
    )
    unusual = (
        x.ndim != 4 or not x.is_contiguous() or any(2 * p > k for p, k in zip(padding, kernel, strict=True))
    )
    places = [] if ceil or unusual else _places(x, kernel, dilation, padding, stride)
    if not places or min(places) < 1:
        return None
    return _with_indices(x, places)


def _adaptive_max_pooled(x: Tensor, places: Sequence[int]) -> tuple[Tensor, Tensor] | None:
    return _with_indices(x, places) if x.ndim == 4 and x.is_contiguous() else None


def _with_indices(x: Tensor, places: Sequence[int]) -> tuple[Tensor, Tensor]:
    pooled = _empty(x, (*x.shape[:2], *places))
    return pooled, torch.empty(pooled.shape, dtype=torch.int64, device="meta")


def _places(x: Tensor, *settings: Sequence[int]) -> list[int]:
    return [
        (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for size, kernel, dilation, padding, stride in zip(x.shape[2:], *settings, strict=True)
    ]


_KNOWN: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("add", "div", "mul", "sub"), _joined),
    **dict.fromkeys(("gelu", "pow", "relu", "sigmoid", "tanh", "_softmax", "_safe_softmax"), _same),
    **dict.fromkeys(("add_", "clamp_", "div_", "erfinv_", "fill_", "mul_", "sub_"), _changed),
    **dict.fromkeys(("normal_", "relu_", "uniform_", "zero_"), _changed),
    **dict.fromkeys(("native_batch_norm", "native_layer_norm"), _normalized),
    **dict.fromkeys(("mm", "bmm"), _product),
    **dict.fromkeys(("addmm", "baddbmm"), _added_product),
    "adaptive_max_pool2d": _adaptive_max_pooled,
    "cat": _stacked,
    "convolution": _convolved,
    "im2col": _unfolded,
    "max_pool2d_with_indices": _max_pooled,
    "mean": _mean,
}
