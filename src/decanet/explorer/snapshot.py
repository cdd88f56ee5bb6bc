"""The explorer as files: the same pages, with one network that the browser runs itself."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from torch import Tensor

from decanet.core.errors import UsageError
from decanet.core.files import write_text
from decanet.explorer.bundle import join, variable
from decanet.explorer.packing import pack
from decanet.explorer.pages import load_pages
from decanet.explorer.pages.network import describe_step, stated
from decanet.explorer.server import all_texts, page_index
from decanet.explorer.session import Session, describe
from decanet.insight.capture import stages_of
from decanet.insight.steps import Input, Recording, Step

LARGEST = 8_000_000  # bytes of all files

_WORKER_START = "onmessage = ({ data }) => { %s.serveWorker(self, data.network); };\n"
_PAGE_START = "%s.startSnapshot(globalThis.DECANET_SNAPSHOT, WORKER);\n"


def export(session: Session, folder: Path, language: str = "en") -> tuple[Path, int]:
    """Write the pages with the session's first network into ``folder``.

    Returns:
        The page to open, and the size of all files in bytes.

    Raises:
        UsageError: the network has layers that the JavaScript forward pass does not know, or it is too large.
    """
    trained = session.network({})
    samples = session.samples({})
    asked = {"pixels": pack(samples[0][1])["base64"]}
    recording = session.recording(asked)
    answers = {
        f"{page.name}/{name}": page.questions[name](session, {})
        for page in load_pages()
        for name in page.snapshot
    }
    network = describe(trained)
    answers |= {
        "network/networks": {"first": session.reference, "offered": [{"reference": session.reference}]},
        "network/samples": {"network": network, "samples": [{"name": n, "pixels": p} for n, p in samples]},
    }
    written = {
        "network": network,
        "facts": stated(trained),
        "graph": graph(recording),
        "steps": [describe_step(recording, step) for step in recording.steps if not step.hidden],
        "stages": [_stage(recording, stage) for stage in stages_of(trained.model)],
    }
    snapshot = {"texts": all_texts(), "language": language, "answers": answers, "network": written}
    text = json.dumps(pack(snapshot), ensure_ascii=False, separators=(",", ":"))
    files = {
        "index.html": _page(language),
        "explorer.css": _read("explorer.css"),
        "data.js": f"globalThis.DECANET_SNAPSHOT={text};\n",
        "explorer.js": _script(),
    }
    size = sum(len(content.encode()) for content in files.values())
    if size > LARGEST:
        raise UsageError(
            f"the pages with {session.reference} would take {size / 1e6:.1f} MB, more than {LARGEST // 1_000_000}; "
            "export a smaller network, for instance decanet_s"
        )
    for name, content in files.items():
        write_text(folder / name, content)
    return folder / "index.html", size


def graph(recording: Recording) -> dict[str, Any]:
    """Return the steps of a forward pass as the JavaScript forward pass takes them (``static/lib/engine.js``).

    Raises:
        UsageError: a step that it does not know.
    """
    weights: list[Tensor] = []
    steps = []
    for step in recording.steps:
        if step.operation not in LAYERS:
            raise UsageError(
                f"the browser cannot run {step.name!r} of stage {step.stage}: export another network"
            )
        settings, named = LAYERS[step.operation](step)
        numbers = {}
        for name, tensor in named.items():
            if isinstance(tensor, Tensor):
                numbers[name] = len(weights)
                weights.append(tensor)
        steps.append(
            {
                "number": step.number, "operation": step.operation, "name": step.name, "path": step.path,
                "stage": step.stage, "inputs": list(step.inputs), "shape": list(step.output.shape[1:]),
                "settings": settings, "weights": numbers,
                "fields": None if step.fields is None else [asdict(field) for field in step.fields],
            }
        )  # fmt: skip
    return {"input": list(recording.image.shape[1:]), "steps": steps, "weights": weights}


Layer = tuple[dict[str, Any], Mapping[str, Any]]  # settings, weights


def _convolution(step: Step) -> Layer:
    _, weight, bias, stride, padding, dilation, transposed, _, groups = step.arguments[:9]
    _require(step, not transposed)
    settings = {
        "kernel": list(weight.shape[2:]), "stride": list(stride), "padding": list(padding),
        "dilation": list(dilation), "groups": groups,
    }  # fmt: skip
    return settings, {"weight": weight, "bias": bias}


def _linear(step: Step) -> Layer:
    bias, (source, weight) = (
        (None, step.arguments) if step.operation == "mm" else (step.arguments[0], step.arguments[1:3])
    )
    _require(step, isinstance(source, Input) and isinstance(weight, Tensor) and step.output.ndim == 2)
    return {}, {"weight": weight.T, "bias": bias}


def _batch_norm(step: Step) -> Layer:
    _, weight, bias, mean, variance = step.arguments[:5]
    return {"epsilon": step.arguments[-1]}, {
        "weight": weight,
        "bias": bias,
        "mean": mean,
        "variance": variance,
    }


def _pool(step: Step) -> Layer:
    arguments = list(step.arguments)
    kernel = list(arguments[1])
    stride = list(arguments[2]) if len(arguments) > 2 and arguments[2] else kernel
    padding = list(arguments[3]) if len(arguments) > 3 else [0, 0]
    _require(step, len(kernel) == len(stride) == len(padding) == 2)
    if step.operation == "avg_pool2d":
        _require(step, padding == [0, 0])
    else:
        _require(step, all(d == 1 for d in (arguments[4] if len(arguments) > 4 else [1])))
    return {"kernel": kernel, "stride": stride, "padding": padding}, {}


def _global_pool(step: Step) -> Layer:
    _require(step, step.output[0].numel() == step.output.shape[1])
    return {}, {}


def _scale(step: Step) -> Layer:
    factors = [each for each in step.arguments if isinstance(each, int | float)]
    _require(step, len(factors) == 1)
    return {"factor": factors[0]}, {}


def _two_maps(step: Step) -> Layer:
    _require(step, len(step.inputs) == 2)
    return {}, {}


def _plain(_: Step) -> Layer:
    return {}, {}


LAYERS: dict[str, Callable[[Step], Layer]] = {
    "convolution": _convolution, "addmm": _linear, "mm": _linear, "native_batch_norm": _batch_norm, "relu": _plain,
    "gelu": _plain, "tanh": _plain, "sigmoid": _plain, "max_pool2d_with_indices": _pool,
    "adaptive_max_pool2d": _global_pool, "avg_pool2d": _pool, "_adaptive_avg_pool2d": _global_pool,
    "mean": _global_pool, "add": _two_maps, "mul": _scale, "view": _plain,
}  # fmt: skip


def _require(step: Step, holds: bool) -> None:
    if not holds:
        raise UsageError(
            f"the browser cannot run {step.name!r} of stage {step.stage} in this form: export another network"
        )


def _stage(recording: Recording, stage: str) -> dict[str, Any]:
    own = [step for step in recording.steps if step.stage == stage and not step.hidden]
    return {
        "name": stage, "steps": [step.number for step in own], "output": recording.last_of(stage).number,
        "macs": sum(step.macs for step in own),
    }  # fmt: skip


def _script() -> str:
    """All modules of the pages as one classic script, with the script of the worker as a string in it."""
    worker = join(["lib/local.js"], _module) + _WORKER_START % variable("lib/local.js")
    return (
        f"(() => {{\nconst WORKER = {json.dumps(worker)};\n{join(['lib/snapshot.js'], _module)}"
        f"{_PAGE_START % variable('lib/snapshot.js')}}})();\n"
    )


def _module(path: str) -> str:
    return page_index() if path == "pages/index.js" else _read(path)


def _read(path: str) -> str:
    return (resources.files("decanet.explorer") / "static" / path).read_text(encoding="utf-8")


def _page(language: str) -> str:
    page = (
        _read("index.html")
        .replace("/static/explorer.css", "explorer.css")
        .replace('lang="en"', f'lang="{language}"')
    )
    scripts = '<script defer src="data.js"></script>\n<script defer src="explorer.js"></script>'
    return page.replace('<script type="module" src="/static/app.js"></script>', scripts)
