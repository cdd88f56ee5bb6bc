"""Parameters and multiply-adds of a network, counted in forward and backward passes.

A network's cost is the sum over the tensor operations that it runs. Convolutions, matrix products and attention have a
rule that applies the formula of one layer (``decanet.convolution.arithmetic``) to the shapes of the operation; all
other operations (biases, activations, normalization, pooling) count as 0, as in the papers. One multiplication with the
addition of its product is one multiply-add: ``torch.utils.flop_counter`` counts two operations for it.

Only shapes matter: the counter works for real tensors, and for those on the "meta" device, which have no numbers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from decanet.convolution.arithmetic import Cost, convolution_cost, linear_cost
from decanet.models.factory import create_model
from decanet.models.meta_device import ShapesOnly


def cost(name: str, *, num_classes: int, input_size: tuple[int, int, int], **options: Any) -> Cost:
    """Count parameters and multiply-adds of a registered network for an image of ``input_size`` (C, H, W)."""
    with ShapesOnly(), torch.device("meta"), torch.no_grad():
        model = create_model(name, num_classes=num_classes, **options).eval()
        with MultiplyAddCounter() as counter:
            model(torch.empty(1, *input_size))
    return Cost(sum(p.numel() for p in model.parameters()), counter.macs)


class MultiplyAddCounter(TorchDispatchMode):
    """Context manager that counts the multiply-adds of everything that runs inside it.

    Attributes:
        macs: multiply-adds so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # see ShapesOnly: PyTorch would import its compiler

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.macs += multiply_adds(func.overloadpacket.__name__, args, output)
        return output


def multiply_adds(operation: str, args: Sequence[Any], output: Any) -> int:
    """Return the multiply-adds of one tensor operation, from the shapes of its arguments and its output.

    Args:
        operation: PyTorch's name of it, for instance ``"convolution"`` or ``"convolution_backward"``.
        args: its positional arguments.
        output: what it returned.
    """
    if operation.startswith("_scaled_dot_product"):
        return _attention_backward(args) if operation.endswith("_backward") else _attention(*args[:3])
    rule = _RULES.get(operation)
    return rule(args, output) if rule else 0


def _convolution(args: Sequence[Any], output: Tensor) -> int:
    image, weight, *_, transposed, _output_padding, groups = args
    return _kernels_at(weight, image if transposed else output, groups)


def _convolution_backward(args: Sequence[Any], _output: Any) -> int:
    """The gradient of the image and the gradient of the weights each cost as much as the forward pass."""
    gradient, image, weight, *_, transposed, _output_padding, groups, wanted = args
    return sum(wanted[:2]) * _kernels_at(weight, image if transposed else gradient, groups)


def _kernels_at(weight: Tensor, feature_map: Tensor, groups: int) -> int:
    """Multiply-adds of the kernels ``weight`` (O, I / groups, ...) at all positions of a batch of feature maps.

    A transposed convolution is the gradient of a convolution: there the input's positions count.
    """
    out_channels, in_channels = weight.shape[0], weight.shape[1] * groups
    kernel, positions = tuple(weight.shape[2:]), tuple(feature_map.shape[2:])
    return (
        len(feature_map) * convolution_cost(in_channels, out_channels, kernel, positions, groups=groups).macs
    )


def _rows_times(left: Tensor, right: Tensor) -> int:
    """Multiply-adds of a matrix product: ``right`` acts as a linear layer on each row of ``left``."""
    in_features, out_features = right.shape[-2:]
    return left.shape[:-1].numel() * linear_cost(in_features, out_features).macs


def _attention(query: Tensor, key: Tensor, value: Tensor) -> int:
    """Two products: queries with keys gives the scores, scores with values the output."""
    return _scores(query, key) + _scores(query, value)


def _attention_backward(args: Sequence[Any]) -> int:
    """The scores are computed again; each of the two products has two gradients, which cost as much as itself."""
    _gradient, query, key, value = args[:4]
    return 3 * _scores(query, key) + 2 * _scores(query, value)


def _scores(query: Tensor, other: Tensor) -> int:
    """Multiply-adds of a product that joins each position of ``query`` with each position of ``other``."""
    positions, features = other.shape[-2:]
    return query.shape[:-1].numel() * linear_cost(features, positions).macs


_RULES: dict[str, Callable[[Sequence[Any], Any], int]] = {
    "convolution": _convolution,
    "convolution_backward": _convolution_backward,
    **dict.fromkeys(("mm", "bmm"), lambda args, _: _rows_times(*args[:2])),
    **dict.fromkeys(("addmm", "baddbmm"), lambda args, _: _rows_times(*args[1:3])),
}
MATRIX_PRODUCTS = frozenset({"mm", "bmm", "addmm", "baddbmm"})
