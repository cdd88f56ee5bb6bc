"""Page "network": every stage and step of a network for one image, and how each number came about."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from decanet.core import facts
from decanet.evaluation.trained import TrainedModel
from decanet.explorer.session import Session, alone, describe
from decanet.insight.arithmetic import Explained, receptive_box, trace_back
from decanet.insight.capture import plain_network, stages_of
from decanet.insight.steps import Recording, Step
from decanet.models import list_models, model_entry

ORDER = 30
LARGEST_SIDE = 64  # pixels of a small feature map; larger ones are shown every n-th
MOST_MAPS = 256  # of a step, in the grid
PREVIEWED = 6  # maps of a stage in the overview
TOP = 10  # classes


def networks(session: Session, _: Mapping[str, Any]) -> Any:
    """The networks that are offered."""
    return {"first": session.reference, "offered": [vars(each) for each in session.offered.values()]}


@alone
def samples(session: Session, asked: Mapping[str, Any]) -> Any:
    """The sample images of a network."""
    shown = [{"name": name, "pixels": pixels} for name, pixels in session.samples(asked)]
    return {"network": describe(session.network(asked)), "samples": shown}


def image(session: Session, asked: Mapping[str, Any]) -> Any:
    """The pixels of an image file, given as base64, as the network takes them."""
    return {"pixels": session.square(asked, base64.b64decode(asked["data"]))}


@alone
def run(session: Session, asked: Mapping[str, Any]) -> Any:
    """Steps and stages of a network, its predictions for an image, and the first maps of each stage."""
    trained, recording = session.network(asked), session.recording(asked)
    return {
        "network": describe(trained),
        "facts": stated(trained),
        "steps": [describe_step(recording, step) for step in recording.steps if not step.hidden],
        "stages": [_stage(recording, stage) for stage in stages_of(trained.model)],
        "predictions": predictions(trained, recording.logits),
    }


@alone
def maps(session: Session, asked: Mapping[str, Any]) -> Any:
    """All feature maps of a step, small."""
    recording = session.recording(asked)
    step = recording.steps[int(asked["step"])]
    return {"step": step.number} | small_maps(step.output[0], MOST_MAPS)


@alone
def feature_map(session: Session, asked: Mapping[str, Any]) -> Any:
    """One feature map of a step, every number of it."""
    recording = session.recording(asked)
    output = recording.output(int(asked["step"]))[0]
    return {"values": output[int(asked["channel"])] if output.ndim == 3 else output.reshape(1, -1)}


@alone
def number(session: Session, asked: Mapping[str, Any]) -> Any:
    """How one number came about, and the pixels that it depends on."""
    recording = session.recording(asked)
    index = tuple(int(i) for i in asked["index"])
    chain = trace_back(recording, int(asked["step"]), index)
    step = recording.steps[int(asked["step"])]
    size = recording.image.shape[2:]
    return {
        "chain": [_explained(recording, each) for each in chain],
        "box": receptive_box(step, index, (size[0], size[1])),
        "everything": step.fields is None,
    }


@alone
def field(session: Session, asked: Mapping[str, Any]) -> Any:
    """The effective receptive field of a number: by how much each pixel would change it; null where it is unknown."""
    trained, recording = session.network(asked), session.recording(asked)
    step = recording.steps[int(asked["step"])]
    index = tuple(int(i) for i in asked["index"])
    found = _influence(trained, recording, step, index)
    return {"values": None if found is None else found}


QUESTIONS = {
    "networks": networks, "samples": samples, "image": image, "run": run, "maps": maps, "map": feature_map,
    "number": number, "field": field,
}  # fmt: skip


def predictions(trained: TrainedModel, logits: Tensor) -> list[dict[str, Any]]:
    """The most probable classes of logits (1, K), with their logits."""
    probabilities = logits[0].softmax(0)
    top = probabilities.topk(min(TOP, len(probabilities)))
    return [
        {"class": k, "name": trained.classes[k], "probability": p, "logit": float(logits[0, k])}
        for p, k in zip(top.values.tolist(), top.indices.tolist(), strict=True)
    ]


def describe_step(recording: Recording, step: Step) -> dict[str, Any]:
    """What the diagram shows of a step."""
    return {
        "number": step.number, "name": step.name, "operation": step.operation, "path": step.path,
        "stage": step.stage, "inputs": list(recording.shown_inputs(step)), "shape": list(step.output.shape[1:]),
        "macs": step.macs, "parameters": _parameters(step),
    }  # fmt: skip


def _parameters(step: Step) -> int:
    if step.operation not in ("convolution", "addmm", "mm", "native_batch_norm", "native_layer_norm"):
        return 0
    last = 3 if "norm" in step.operation else len(step.arguments)  # the running statistics are no parameters
    return sum(a.numel() for a in step.arguments[:last] if isinstance(a, Tensor))


def _stage(recording: Recording, stage: str) -> dict[str, Any]:
    own = [step for step in recording.steps if step.stage == stage and not step.hidden]
    output = recording.last_of(stage) if own else None
    shown = small_maps(output.output[0], PREVIEWED) if output is not None else None
    return {
        "name": stage, "steps": [step.number for step in own], "output": output.number if output else None,
        "macs": sum(step.macs for step in own), "preview": shown,
    }  # fmt: skip


def small_maps(output: Tensor, most: int) -> dict[str, Any]:
    """The first maps of an output (C, H, W) as bytes: 0 is ``-largest``, 255 ``largest``; a vector is one row.

    ``largest`` is the absolute value that one number of a thousand exceeds, the same for all maps of the output.
    """
    if output.ndim != 3:
        output = output.reshape(1, 1, -1)
    every = -(-max(output.shape[1:]) // LARGEST_SIDE) if output.shape[0] > 1 else 1
    shown = output[:most, ::every, ::every].float()
    flat = output.flatten().abs().float()
    sample = flat[:: -(-len(flat) // 1_000_000)]
    largest = max(float(torch.quantile(sample, 0.999)), 1e-12)
    scaled = (shown / largest * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
    return {
        "maps": scaled,
        "largest": largest,
        "every": every,
        "channels": output.shape[0],
        "shape": list(output.shape),
    }


def _explained(recording: Recording, each: Explained) -> dict[str, Any]:
    step = recording.steps[each.step]
    return {
        "step": each.step, "name": step.name, "path": step.path, "kind": each.kind, "index": list(each.index),
        "value": each.value, "terms": each.terms,
    }  # fmt: skip


def _influence(
    trained: TrainedModel, recording: Recording, step: Step, index: tuple[int, ...]
) -> np.ndarray | None:
    """Absolute gradient of a number of a module's output with respect to the pixels, (S, S); None between modules."""
    network = plain_network(trained.model)
    if not step.path:
        return None
    taken: list[Tensor] = []

    def keep(_: object, __: object, output: Tensor) -> None:
        if isinstance(output, Tensor) and output.shape == step.output.shape:
            taken.append(output[0][index])

    hook = network.get_submodule(step.path).register_forward_hook(keep)
    try:
        with torch.enable_grad():
            x = recording.image.detach().clone().requires_grad_()
            network(x)
            # A module that several layers share runs several times: its number tells which one is meant.
            wanted = float(step.output[0][index])
            match = next(
                (t for t in taken if abs(float(t.detach()) - wanted) <= 1e-4 * max(1.0, abs(wanted))), None
            )
            if match is None or not match.requires_grad:
                return None
            return torch.autograd.grad(match, x)[0][0].abs().sum(0).numpy(force=True)
    finally:
        hook.remove()


def stated(trained: TrainedModel) -> dict[str, Any] | None:
    """What the paper of the network states; None for a network without a paper."""
    if trained.provenance.architecture not in list_models():
        return None
    entry = model_entry(trained.provenance.architecture)
    paper = facts.paper(entry.paper) if entry.paper else None
    if paper is None:
        return None
    values = facts.architecture(entry.facts).values if entry.facts else {}
    shown = {
        name: {"value": str(given.value), "source": given.source}
        for name, given in values.items()
        if given.independent and isinstance(given.value, int | float | str)
    }
    return {"title": paper.title, "authors": list(paper.authors), "year": paper.year, "stated": shown}
