"""Page "edit": predictions for an image that is painted and moved, and maps of what they rest on."""

from collections.abc import Mapping
from typing import Any

import torch

from decanet.core.errors import UsageError
from decanet.explorer.pages.network import predictions
from decanet.explorer.session import Session, alone
from decanet.insight.attribution.maps import METHODS, SIGNED, attribution_maps
from decanet.insight.capture import spatial_stages
from decanet.insight.subject import normalize

ORDER = 40


@alone
def predict(session: Session, asked: Mapping[str, Any]) -> Any:
    """The predictions for the pixels of the page."""
    trained = session.network(asked)
    with torch.inference_mode():
        return {
            "predictions": predictions(
                trained, trained.model(normalize(trained, session.pixels(asked)[None]))
            )
        }


@alone
def attribution(session: Session, asked: Mapping[str, Any]) -> Any:
    """The map of one method for one class: a number for each pixel."""
    trained = session.network(asked)
    method, x = asked["method"], normalize(trained, session.pixels(asked)[None])
    if method not in METHODS:
        raise UsageError(f"unknown method {method!r} (known: {', '.join(METHODS)})")
    target = int(asked["class"])
    if not 0 <= target < len(trained.classes):
        raise UsageError(f"the network knows no class {target}")
    stages = list(spatial_stages(trained.model, x))
    stage = stages[-1] if stages else None
    if method == "Grad-CAM" and stage is None:
        raise UsageError("Grad-CAM needs a network with feature maps")
    found = attribution_maps(trained.model, x, target, stage, (method,))
    return {
        "values": found.values[method],
        "signed": method in SIGNED,
        "residual": found.residual,
        "steps": found.steps,
    }


def methods(_: Session, __: Mapping[str, Any]) -> Any:
    """The methods that can be asked for."""
    return {"methods": list(METHODS)}


QUESTIONS = {"predict": predict, "attribution": attribution, "methods": methods}
