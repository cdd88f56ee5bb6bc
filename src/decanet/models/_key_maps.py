"""Rename the keys of a library's state dict: what the key maps of several papers need."""

import re
from collections.abc import Mapping, Sequence

from torch import Tensor


def rename_parts(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """``state`` with every dotted part of its keys renamed by ``names``; parts that are not named stay."""
    return {".".join(names.get(part, part) for part in key.split(".")): value for key, value in state.items()}


def rename_patterns(state: Mapping[str, Tensor], renames: Sequence[tuple[str, str]]) -> dict[str, Tensor]:
    """``state`` with the first of the patterns that matches the start of a key replaced in it.

    A key that none matches stays as it is, so that loading the weights names it.

    Args:
        state: a library's state dict.
        renames: regular expressions and their replacements, as for :func:`re.sub`.
    """
    ours = {}
    for key, tensor in state.items():
        pattern, name = next(((p, n) for p, n in renames if re.match(p, key)), ("", ""))
        ours[re.sub(pattern, name, key, count=1) if pattern else key] = tensor
    return ours
