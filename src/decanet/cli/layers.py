"""``decanet layers``: worked examples of layers, forward and backward, one subcommand for each."""

import dataclasses
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter

from decanet.cli._shared import FIGURE, JsonFlag, console, print_json
from decanet.convolution.layer_examples import documentation, example_names, load_example, summary

command = cyclopts.App(name="layers", help_format="markdown")

Image = Annotated[
    Path | None, Parameter(help="Image of any format that Pillow reads, instead of the small numbers.")
]
Out = Annotated[Path | None, Parameter(validator=FIGURE)]


def __getattr__(attribute: str) -> Callable[..., None]:
    """The command of an example, made when it is called: its module imports NumPy."""
    if attribute.startswith("work_through_"):
        return _subcommand(attribute.removeprefix("work_through_").replace("_", "-"))
    raise AttributeError(attribute)


def _subcommand(name: str) -> Callable[..., None]:
    """The command of one example: the settings of its ``compute``, and where the figure goes."""
    example = load_example(name)
    settings = inspect.signature(example.compute).parameters.values()
    own = [p.replace(annotation=Image) if p.name == "image" else p for p in settings]

    def work_through(*, out: Path | None = None, json: bool = False, **values: Any) -> None:
        from decanet.core.plotting import save_figure

        if values.get("image") is not None:
            from decanet.data.image_io import read_rgb

            values["image"] = read_rgb(values["image"]) / 255
        result = example.compute(**values)
        path = save_figure(example.draw(result), out or Path(f"{name}.png"))
        if json:
            print_json({**_plain(dataclasses.asdict(result)), "figure": str(path)})
            return
        console().print(f"{documentation(name)}\n\n{example.text(result)}\n")
        console().print_line(f"wrote {path}")

    extra = [
        inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Out),
        inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JsonFlag),
    ]
    shown: Any = work_through
    shown.__signature__ = inspect.Signature([*own, *extra])
    shown.__annotations__ = {p.name: p.annotation for p in [*own, *extra]}
    arguments = (inspect.getdoc(example.compute) or "").partition("Args:\n")[2].partition("\n\n")[0]
    shown.__doc__ = (
        f"{_help(name)}\n\nArgs:\n{arguments}\n    out: The figure (.png, .svg, .pdf; default: {name}.png).\n"
    )
    return shown


MORE_EXAMPLES = {
    "convolution": (" --size 5 --stride 2 --padding 1",),
    "channels": (" --image cat.jpg",),
    "pooling": (" --image cat.jpg --kernel 4", " --size 6 --kernel 3 --stride 2 --ceil-mode"),
}


def _help(name: str) -> str:
    """The help of an example, without its options: the list of commands shows its first line."""
    options = ["", f" --seed 3 --out {name}-3.png", *MORE_EXAMPLES.get(name, ())]
    examples = "\n".join(f"decanet layers {name}{one}" for one in options)
    return f"{_markdown(documentation(name))}\n\nFor example:\n\n```\n{examples}\n```"


def _markdown(text: str) -> str:
    """Put indented paragraphs, which are formulas, into code blocks; elsewhere an asterisk is no emphasis."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        f"```\n{one}\n```" if one.startswith("  ") else one.replace("*", r"\*") for one in paragraphs
    )


def _plain(value: Any) -> Any:
    """Arrays as lists, for JSON, which has no number for infinity and NaN: they become "inf" and "nan"."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@command.default
def list_layers(layer: Annotated[str | None, Parameter(show=False)] = None, /) -> None:
    """Work through a layer with numbers: forward, backward, and a figure with every number.

    The weights and inputs are small numbers drawn with a random seed, so that every sum can be checked by hand.
    Without a layer, the examples are listed.

    For example:

    ```
    decanet layers
    decanet layers convolution
    decanet layers pooling --seed 3 --out pooling.png
    decanet layers pooling --image cat.jpg --kernel 4
    ```
    """
    from decanet.core.errors import UsageError, did_you_mean

    if layer is not None:
        names = example_names()
        raise UsageError(
            f"no example of a layer {layer!r}{did_you_mean(layer, names) or f' (known: {names})'}"
        )
    for name in example_names():
        console().print_line(f"{name:<20}{summary(name)}")


for _name in example_names():
    command.command(f"{__name__}:work_through_{_name.replace('-', '_')}", name=_name, help=_help(_name))
