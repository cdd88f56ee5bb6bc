"""Receptive field and weighted depth of every tensor of a forward pass, inherited from operation to operation.

- Receptive field: a convolution or a pooling widens it (``decanet.convolution.arithmetic``); where branches meet, the
  widest counts. Flattening leaves it as it is: each number still depends on the window of its own position. A linear
  layer behind it takes in the whole row, and attention the whole image.
- Weighted depth: a convolution or a linear layer adds one; where branches meet, the longest counts. Shortcuts with
  projections therefore do not count, as in the papers. Neither does a gate that scales the signal (squeeze and
  excitation): it is not on the signal's path.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from decanet.anatomy.cost import MATRIX_PRODUCTS
from decanet.anatomy.operations import Operation, pair
from decanet.convolution.arithmetic import ReceptiveField, Window

Fields = tuple[ReceptiveField, ReceptiveField]  # along height and along width


@dataclass(frozen=True)
class Ancestry:
    """What one tensor of a forward pass depends on. The default values are the image's own.

    Attributes:
        fields: receptive field of unit 0 along height and width; None where it covers the whole image.
        depth: convolutions and linear layers on the longest path from the image.
        distinct: elements that are not repetitions; tells a gate from the signal that it scales.
        positions: height and width of the feature map that a flattened row holds; (1, 1) elsewhere.
        gated: whether a gate has scaled it: through the gate it depends on whatever the gate does, all of the image in
            squeeze and excitation.
    """

    fields: Fields | None = (ReceptiveField(), ReceptiveField())
    depth: int = 0
    distinct: int = 0
    positions: tuple[int, int] = (1, 1)
    gated: bool = False


def inherit(
    name: str,
    operation: Operation | None,
    args: Sequence[Any],
    output: Tensor,
    inputs: Sequence[Tensor],
    ancestries: Sequence[Ancestry],
    *,
    weighted: bool,
    image_size: tuple[int, ...],
) -> Ancestry:
    """Return the ancestry of an operation's output.

    Args:
        name: PyTorch's name of the operation.
        operation: its description; None where the table leaves it out.
        args: its positional arguments.
        output: what it returned.
        inputs: those of its arguments that depend on the image.
        ancestries: of ``inputs``.
        weighted: whether parameters are among its arguments.
        image_size: (H, W) of the image.
    """
    source, positions = inputs[0], ancestries[0].positions if output.ndim == 2 else (1, 1)
    distinct = ancestries[0].distinct if name == "expand" else output.numel()
    gated = any(ancestry.gated for ancestry in ancestries)
    if name in ("mul", "mul_"):
        most = max(ancestry.distinct for ancestry in ancestries)
        gated = gated or any(ancestry.distinct < most for ancestry in ancestries)
        ancestries = [
            ancestry for ancestry in ancestries if ancestry.distinct == most
        ]  # the signal, not the gate
    fields = _widest([ancestry.fields for ancestry in ancestries])
    depth = max(ancestry.depth for ancestry in ancestries)
    product = name in MATRIX_PRODUCTS and weighted
    if operation is not None and operation.windows is not None and fields is not None:
        fields = _after(fields, operation.windows)
        if tuple(output.shape[2:]) in ((), (1, 1)):
            fields = _unless_whole(fields, image_size)
    elif operation is not None and operation.name == "flatten":
        positions = (source.shape[2], source.shape[3])
    elif product and output.ndim == 2 and len(output) == 1 and fields is not None:
        fields = _unless_whole(_after(fields, pair(Window, positions)), image_size)
        positions = (1, 1)
    elif name == "constant_pad_nd" and fields is not None and source.ndim == 4 and len(args[1]) == 4:
        left, _, top, _ = args[1]
        fields = (_padded(fields[0], top), _padded(fields[1], left))
    elif operation is not None and operation.name in ("matrix product", "attention"):
        fields = None
    return Ancestry(fields, depth + (name == "convolution" or product), distinct, positions, gated)


def _after(fields: Fields, windows: tuple[Window, Window]) -> Fields:
    return fields[0].after(windows[0]), fields[1].after(windows[1])


def _padded(field: ReceptiveField, padding: int) -> ReceptiveField:
    return replace(field, offset=field.offset - padding * field.jump)


def _unless_whole(fields: Fields, image_size: tuple[int, ...]) -> Fields | None:
    """The fields of unit 0, or None where they cover every pixel of an image of ``image_size`` (H, W)."""
    ends = [field.pixels(0) for field in fields]
    whole = all(
        first <= 0 and last >= pixels - 1 for (first, last), pixels in zip(ends, image_size, strict=True)
    )
    return None if whole else fields


def _widest(fields: Sequence[Fields | None]) -> Fields | None:
    known = [pair_of_fields for pair_of_fields in fields if pair_of_fields is not None]
    if len(known) < len(fields):
        return None
    high, wide = (max((both[axis] for both in known), key=lambda field: field.size) for axis in (0, 1))
    return high, wide
