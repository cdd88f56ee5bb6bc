"""``decanet models``: the networks, what they cost, how they work, and the proof that they are right."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from decanet.cli._shared import JsonFlag, console, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from decanet.anatomy.trace import Trace
    from decanet.anatomy.verify import Check

command = App(name="models", help_format="markdown")


@command.default
def models(
    name: Annotated[str | None, Parameter(help="A network; without it, all are listed.")] = None,
    /,
    *,
    input: Annotated[str | None, Parameter(help="Size of the image, channels first: 3x224x224.")] = None,
    explain: Annotated[
        bool, Parameter(negative=(), help="Say in words why each size and cost is what it is.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """List the networks, or walk through one layer by layer.

    Parameters are learned numbers; multiply-adds are for one image (one multiplication and one addition
    count as one; torch's counter counts two). The receptive field is what one output sees, in
    pixels, padding included; "all" is the whole image.

    For example:

        decanet models
        decanet models alexnet --explain
        decanet models resnet50 --input 3x160x160
        decanet models verify
    """
    if name is None:
        _list(json)
    else:
        _trace(name, input, explain, json)


@command.command
def verify(*, json: JsonFlag = False) -> None:
    """Compare every network with what its paper states: parameters, multiply-adds, depth, stage shapes.

    The exit code is 0 only when every number agrees, or is declared, with a reason, to be another. A stated value is
    independent when a paper, its authors' code or a library stands for it, and not our own count.

    For example:

        decanet models verify
        decanet models verify --json
    """
    import dataclasses

    from rich.table import Table

    from decanet.anatomy.verify import AGREE, DISAGREE, require_agreement
    from decanet.anatomy.verify import verify as compare

    checks = compare()
    if json:
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        table = Table(
            "network", "quantity", "stated", "built", "difference", "verdict", "source or reason", box=None
        )
        for check in checks:
            style = {AGREE: "", DISAGREE: "bold red"}.get(check.verdict, "yellow")
            cells = (
                check.network,
                check.quantity,
                _value(check.stated),
                _value(check.built),
                check.difference,
            )
            own = "" if check.independent or check.verdict != "agree" else " (our own count)"
            table.add_row(*cells, check.verdict, (check.reason or check.source) + own, style=style)
        _print_whole(table)
        console().print(_verdicts(checks))
    require_agreement(checks)


def _verdicts(checks: "Sequence[Check]") -> str:
    """How many checks got each verdict, and on whose word the networks agree."""
    counts = Counter(check.verdict for check in checks)
    independent = sum(check.independent for check in checks if check.verdict == "agree")
    own = counts["agree"] - independent
    counted = {"agree": f"agree ({independent} with independent sources, {own} with our own count)"}
    counted["departure"] = "declared departures"
    return ", ".join(f"{count} {counted.get(verdict, verdict)}" for verdict, count in sorted(counts.items()))


def _list(json: bool) -> None:
    from rich.table import Table

    from decanet.anatomy.table import table as rows_of_networks

    rows = rows_of_networks()
    if json:
        print_json(rows)
        return
    table = Table("network", "paper", "parameters", "multiply-adds", "input", "summary", box=None)
    for column in (2, 3):
        table.columns[column].justify = "right"
    for row in sorted(rows, key=lambda row: (row["year"] or 9999, row["name"])):
        size = "x".join(map(str, row["input"]))
        table.add_row(
            row["name"],
            row["paper"] or "",
            f"{row['params']:,}",
            f"{row['macs']:,}",
            size,
            row["summary"],
        )
    _print_whole(table)
    auxiliary = [
        f"{row['name']} {row['params_training_only']:,}" for row in rows if row["params_training_only"]
    ]
    console().print(f"+ auxiliary classifiers, in training only: {', '.join(auxiliary)} parameters")


def _trace(name: str, size: str | None, explain: bool, json: bool) -> None:
    import dataclasses

    from decanet.anatomy.trace import explain as explanation
    from decanet.anatomy.trace import trace

    traced = trace(name, _parse_size(size) if size else None)
    if json:
        layers = [dataclasses.asdict(layer) | {"formula": layer.formula} for layer in traced.layers]
        if explain:
            layers = [
                row | {"explanation": explanation(layer)}
                for row, layer in zip(layers, traced.layers, strict=True)
            ]
        totals = ("network", "input_size", "output_shape", "params", "params_training_only", "macs", "depth")
        print_json({key: getattr(traced, key) for key in (*totals, "activation_bytes")} | {"layers": layers})
        return
    _print_whole(_table(traced))
    out = console()
    for line in _totals(traced):
        out.print(line)
    if explain:
        out.print()
        for layer in traced.layers:
            if text := explanation(layer):
                out.print(f"{layer.stage or name} ({layer.operation}): {text}")


def _table(traced: "Trace") -> "Table":
    from rich.table import Table

    table = Table(
        "stage", "layer", "operation", "output", "why this size", "parameters", "multiply-adds", "sees",
        "memory", box=None,
    )  # fmt: skip
    for column in (5, 6, 7, 8):
        table.columns[column].justify = "right"
    stage = None
    for layer in traced.layers:
        table.add_row(
            "" if layer.stage == stage else layer.stage,
            layer.path,
            layer.operation,
            "x".join(map(str, layer.output_shape)),
            layer.formula,
            f"{layer.params:,}" if layer.params else "",
            f"{layer.macs:,}" if layer.macs else "",
            "all" if layer.receptive_field is None else _field(*layer.receptive_field),
            f"{layer.activation_bytes / 1024:,.0f} KiB" if layer.activation_bytes else "",
        )
        stage = layer.stage
    return table


def _print_whole(table: "Table") -> None:
    """Print a table at its natural width: numbers cut off to fit a narrow window would be worthless."""
    from rich.measure import Measurement

    out = console()
    if out.is_terminal:  # in a pipe there is room for all
        natural = Measurement.get(out, out.options.update(max_width=1000), table).maximum
        out.width = max(out.width, natural)
    out.print(table)


def _totals(traced: "Trace") -> list[str]:
    size, output = "x".join(map(str, traced.input_size)), traced.output_shape
    lines = [
        f"{traced.network}: (1, {', '.join(map(str, traced.input_size))}) -> {tuple(output)}",
        f"{traced.params:,} parameters, {traced.macs:,} multiply-adds for one {size} image, "
        f"{traced.depth} weighted layers deep, {traced.activation_bytes / 2**20:.1f} MiB of feature maps",
    ]
    if traced.params_training_only:
        lines.append(f"{traced.params_training_only:,} of the parameters are used in training only.")
    return lines


def _parse_size(text: str) -> tuple[int, int, int]:
    from decanet.core.errors import UsageError

    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) for part in parts):
        raise UsageError(
            f"--input {text!r} is no image size; write channels x height x width, as in 3x224x224"
        )
    channels, height, width = map(int, parts)
    return channels, height, width


def _field(height: int, width: int) -> str:
    return f"{height}x{width}"


def _value(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
