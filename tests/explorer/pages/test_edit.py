"""Answers of the page "edit"."""

from typing import Any

import numpy as np
import torch

from decanet.explorer.packing import pack, unpack_pixels
from decanet.explorer.pages.edit import QUESTIONS
from decanet.explorer.session import Session
from decanet.insight.attribution.grad_cam import grad_cam
from decanet.insight.subject import normalize


def test_predictions_follow_the_pixels(session: Session, asked: dict[str, Any]) -> None:
    before = QUESTIONS["predict"](session, asked)["predictions"]
    assert sum(each["probability"] for each in before) == np.float32(1) or len(before) == 10
    pixels = unpack_pixels(asked["pixels"], 28).copy()
    pixels[:] = 127
    after = QUESTIONS["predict"](session, {**asked, "pixels": pack(pixels)["base64"]})["predictions"]
    assert after != before
    trained = session.network(asked)
    with torch.no_grad():
        expected = trained.model(normalize(trained, pixels[None])).softmax(1)[0]
    assert abs(after[0]["probability"] - float(expected.max())) < 1e-6


def test_maps_are_those_of_the_insight_view(session: Session, asked: dict[str, Any]) -> None:
    for method in QUESTIONS["methods"](session, {})["methods"]:
        found = QUESTIONS["attribution"](session, {**asked, "method": method, "class": 3})
        assert found["values"].shape == (28, 28)
    trained = session.network(asked)
    x = normalize(trained, unpack_pixels(asked["pixels"], 28)[None])
    small = grad_cam(trained.model, x, 3, "block3")[0, 0]
    found = QUESTIONS["attribution"](session, {**asked, "method": "Grad-CAM", "class": 3})["values"]
    assert found.max() <= float(small.max()) + 1e-6
