"""``decanet models``: list the networks, summarize or draw one, and verify all against their papers."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from decanet.cli._shared import FIGURE, JsonFlag, console, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from torch import nn

    from decanet.anatomy.verify import Check

command = App(name="models", help_format="markdown")


@command.default
def models(
    name: Annotated[
        str | None,
        Parameter(
            help="A network, or a model reference: a run's folder, NAME@SOURCE. Without it, all are listed."
        ),
    ] = None,
    other: Annotated[str | None, Parameter(help="With --diff, the network to compare with.")] = None,
    /,
    *,
    image_size: Annotated[
        str | None,
        Parameter(
            help="Height and width of the image in pixels: 160, or 160x192 (default: the network's own)."
        ),
    ] = None,
    explain: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Explain the idea, what the layers are for, the arithmetic of sizes and costs, and the memory.",
        ),
    ] = False,
    diff: Annotated[bool, Parameter(negative=(), help="Compare two networks layer by layer.")] = False,
    diagram: Annotated[
        Path | None,
        Parameter(
            validator=FIGURE,
            help="Draw the network on one page: .png, .svg or .pdf. With --json, print the layout.",
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """List the networks, summarize one layer by layer, draw it, or compare two.

    Multiply-adds are for one image: one multiplication with the addition of its product counts as one; PyTorch's own
    counter counts two. Receptive fields are in pixels, padding included.

    For example:

        decanet models
        decanet models alexnet --explain
        decanet models alexnet alexnet_cifar --diff
        decanet models resnet50 --image-size 160
        decanet models resnet50 --diagram resnet50.pdf
        decanet models runs/quick
        decanet models verify
    """
    if diagram is not None:
        _draw(name if other is None and not diff else None, image_size, diagram, json)
    elif diff or other is not None:
        _compare(name, other, diff, json)
    elif name is None:
        _list(json)
    else:
        _summarize(name, image_size, explain, json)


@command.command
def verify(*, json: JsonFlag = False) -> None:
    """Compare every network with what its paper states: parameters, multiply-adds, depth and shapes of stages.

    The exit code is 0 only when every number agrees, or differs by a declared departure with a reason. The source of a
    stated value is independent when it is a paper, its authors' code or a library, and not our own count.

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
    """The number of checks for each verdict, and of independent sources among those that agree."""
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


def _summarize(name: str, image_size: str | None, explain: bool, json: bool) -> None:
    from decanet.anatomy.summary import summarize

    summary = summarize(*_network(name, image_size))
    if json:
        print_json(summary.to_dict())
        return
    out = console()
    out.print(str(summary))
    if explain:
        out.print()
        out.print(summary.explanation)


def _compare(name: str | None, other: str | None, diff: bool, json: bool) -> None:
    from decanet.anatomy.difference import compare
    from decanet.core.errors import UsageError
    from decanet.evaluation.reference import find_architecture

    if name is None or other is None or not diff:
        raise UsageError("two networks are compared with --diff: decanet models alexnet alexnet_cifar --diff")
    (first, first_size), (second, second_size) = find_architecture(name), find_architecture(other)
    found = compare(first, second, first_size, second_size)
    if json:
        print_json(found.to_dict())
    else:
        console().print(str(found))


def _draw(name: str | None, image_size: str | None, path: Path, json: bool) -> None:
    import dataclasses

    from decanet.anatomy.diagram.drawing import draw
    from decanet.anatomy.diagram.layout import compute
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure

    if name is None:
        raise UsageError(
            "--diagram draws one network: name it, as in decanet models resnet50 --diagram resnet50.png"
        )
    diagram = compute(*_network(name, image_size))
    save_figure(draw(diagram), path)
    if json:
        print_json({**dataclasses.asdict(diagram), "file": str(path)})
    else:
        console().print_line(f"wrote {path}")


def _network(name: str, image_size: str | None) -> "tuple[str | nn.Module, tuple[int, int, int]]":
    """The network and its input size, of the height and width that the user gave."""
    from decanet.evaluation.reference import find_architecture

    model, own_size = find_architecture(name)
    return model, (own_size[0], *_parse_size(image_size)) if image_size else own_size


def _print_whole(table: "Table") -> None:
    """Print a table at its natural width: numbers must not be cut off to fit a narrow window."""
    from rich.measure import Measurement

    out = console()
    if out.is_terminal:  # in a pipe there is room for all
        natural = Measurement.get(out, out.options.update(max_width=1000), table).maximum
        out.width = max(out.width, natural)
    out.print(table)


def _parse_size(text: str) -> tuple[int, int]:
    from decanet.core.errors import UsageError

    sizes = text.lower().split("x")
    if len(sizes) > 2 or not all(size.isdecimal() and int(size) for size in sizes):
        raise UsageError(
            f"--image-size {text!r} is no image size; write 224, or height x width as in 224x192"
        )
    return int(sizes[0]), int(sizes[-1])


def _value(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
