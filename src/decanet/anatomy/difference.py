"""Two networks side by side, layer by layer: what is equal, what changed, what one of them does not have."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from torch import nn

from decanet.anatomy.summary import Summary, summarize
from decanet.anatomy.trace import Layer

EQUAL, CHANGED, ONLY_FIRST, ONLY_SECOND = "equal", "changed", "only in the first", "only in the second"
SIGNS = {EQUAL: "=", CHANGED: "~", ONLY_FIRST: "-", ONLY_SECOND: "+"}
LONGEST = 8  # layers of a stage that are listed one by one


@dataclass(frozen=True)
class Pair:
    """Two layers that correspond, or one that has no counterpart (None).

    Attributes:
        verdict: one of ``EQUAL``, ``CHANGED``, ``ONLY_FIRST``, ``ONLY_SECOND``. Equal layers have the same operation
            and the same numbers of parameters; their inputs may have other sizes.
        first, second: the layers.
    """

    verdict: str
    first: Layer | None
    second: Layer | None


@dataclass(frozen=True)
class Difference:
    """The layers of two networks, aligned. ``str(difference)`` is a table with the totals.

    Attributes:
        first, second: the summaries of both.
        pairs: in the order of execution.
    """

    first: Summary
    second: Summary
    pairs: tuple[Pair, ...]

    def __str__(self) -> str:
        names = (self.first.network, self.second.network)
        rows = [("", "stage", *names, "parameters"), *_rows(self.pairs)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        counts = Counter(pair.verdict for pair in self.pairs)
        told = ", ".join(
            f"{counts[verdict]} {verdict} ({sign})" for verdict, sign in SIGNS.items() if counts[verdict]
        )
        totals = [
            f"{summary.network}: {summary.params:,} parameters, {summary.macs:,} multiply-adds for one "
            f"{'x'.join(map(str, summary.input_size))} image, {summary.depth} weighted layers deep"
            for summary in (self.first, self.second)
        ]
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], "", f"layers: {told}", *totals])

    def to_dict(self) -> dict[str, Any]:
        """Return the pairs and the totals as plain values, for JSON."""
        totals = [
            {"network": one.network, "params": one.params, "macs": one.macs, "depth": one.depth}
            for one in (self.first, self.second)
        ]
        pairs = [
            {"verdict": pair.verdict, "first": _plain(pair.first), "second": _plain(pair.second)}
            for pair in self.pairs
        ]
        return {"networks": totals, "layers": pairs}


def compare(
    first: nn.Module | str,
    second: nn.Module | str,
    first_size: tuple[int, ...] | None = None,
    second_size: tuple[int, ...] | None = None,
) -> Difference:
    """Align two networks layer by layer.

    Layers correspond where they are of the same kind (a convolution, a ReLU) and, for stages that both networks have,
    in the same stage.

    Args:
        first, second: networks, or registered names.
        first_size, second_size: (C, H, W) of their images; a registered network's own by default.

    Raises:
        UsageError, DataError: as :func:`decanet.anatomy.summary.summarize`.
    """
    one, two = summarize(first, first_size), summarize(second, second_size)
    shared = {layer.stage for layer in one.layers} & {layer.stage for layer in two.layers}
    keys = [[_key(layer, shared) for layer in summary.layers] for summary in (one, two)]
    matcher = SequenceMatcher(a=keys[0], b=keys[1], autojunk=False)
    pairs: list[Pair] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        left, right = one.layers[a:b], two.layers[c:d]
        if tag == "equal":
            pairs += [Pair(EQUAL if _same(x, y) else CHANGED, x, y) for x, y in zip(left, right, strict=True)]
        else:
            pairs += [Pair(ONLY_FIRST, layer, None) for layer in left]
            pairs += [Pair(ONLY_SECOND, None, layer) for layer in right]
    return Difference(one, two, tuple(pairs))


def _key(layer: Layer, shared: set[str]) -> tuple[str, str]:
    return (layer.stage if layer.stage in shared else "", layer.operation.split()[0])


def _same(first: Layer, second: Layer) -> bool:
    return (first.operation, first.params) == (second.operation, second.params)


def _rows(pairs: Sequence[Pair]) -> Iterator[tuple[str, ...]]:
    """The cells of each row. In a long stage equal rows are one with their number, as the layers of its blocks are."""
    for stage, run in itertools.groupby(pairs, _stage):
        group = list(run)
        if len(group) <= LONGEST:
            for pair in group:
                yield (SIGNS[pair.verdict], stage, _text(pair.first), _text(pair.second), _numbers(pair))
            continue
        changed = Counter(
            (_text(pair.first), _text(pair.second), _numbers(pair))
            for pair in group
            if pair.verdict == CHANGED
        )
        for (first, second, numbers), count in changed.items():
            yield (SIGNS[CHANGED], stage, first, second, numbers + (f" ({count} times)" if count > 1 else ""))
        for verdict, cells in (
            (EQUAL, ("{}", "the same", "")), (ONLY_FIRST, ("{}", "", "")), (ONLY_SECOND, ("", "{}", "")),
        ):  # fmt: skip
            kinds = Counter(_kind(pair) for pair in group if pair.verdict == verdict)
            told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
            if told:
                yield (SIGNS[verdict], stage, *(cell.format(told) for cell in cells))


def _stage(pair: Pair) -> str:
    layer = pair.first or pair.second
    assert layer is not None
    return layer.stage


def _kind(pair: Pair) -> str:
    layer = pair.first or pair.second
    assert layer is not None
    return layer.operation.partition(",")[0]


def _text(layer: Layer | None) -> str:
    if layer is None:
        return ""
    return f"{layer.operation} -> {'x'.join(map(str, layer.output_shape))}"


def _numbers(pair: Pair) -> str:
    counts = [layer.params for layer in (pair.first, pair.second) if layer is not None]
    if not any(counts):
        return ""
    if len(counts) == 2 and counts[0] != counts[1]:
        return f"{counts[0]:,} -> {counts[1]:,}"
    return f"{counts[0]:,}"


def _plain(layer: Layer | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    return {
        "stage": layer.stage,
        "operation": layer.operation,
        "output_shape": list(layer.output_shape),
        "params": layer.params,
        "macs": layer.macs,
    }
