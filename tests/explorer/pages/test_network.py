"""Answers of the page "network" against the network itself."""

from typing import Any

import numpy as np
import torch

from decanet.explorer.pages.network import QUESTIONS, small_maps
from decanet.explorer.session import Session
from decanet.insight.capture import stages_of


def test_the_run_tells_predictions_stages_and_steps(session: Session, asked: dict[str, Any]) -> None:
    found = QUESTIONS["run"](session, asked)
    trained, recording = session.network(asked), session.recording(asked)
    assert [stage["name"] for stage in found["stages"]] == list(stages_of(trained.model))
    probabilities = recording.logits.softmax(1)[0]
    first = found["predictions"][0]
    assert first["probability"] == float(probabilities.max())
    assert trained.classes[first["class"]] == first["name"]
    numbers = {step["number"] for step in found["steps"]}
    assert all(stage["output"] in numbers and set(stage["steps"]) <= numbers for stage in found["stages"])
    parameters = sum(p.numel() for p in trained.model.parameters())
    fixed = sum(p.numel() for n, p in trained.model.named_parameters() if "norm" in n and "weight" in n)
    assert sum(step["parameters"] for step in found["steps"]) in (parameters, parameters - fixed)
    assert found["facts"]["year"] == 2024


def test_shown_numbers_are_the_networks(session: Session, asked: dict[str, Any]) -> None:
    recording = session.recording(asked)
    for step in recording.steps:
        index = [0] * (step.output.ndim - 1)
        found = QUESTIONS["number"](session, {**asked, "step": step.number, "index": index})
        assert found["chain"][0]["value"] == float(step.output[0][tuple(index)])
        top, left, bottom, right = found["box"]
        assert 0 <= top <= bottom <= 27
        assert 0 <= left <= right <= 27
    step = recording.last_of("block2")
    values = QUESTIONS["map"](session, {**asked, "step": step.number, "channel": 5})["values"]
    assert torch.equal(values, step.output[0, 5])


def test_the_effective_field_lies_inside_the_theoretical_one(session: Session, asked: dict[str, Any]) -> None:
    step = next(s for s in session.recording(asked).steps if s.path == "block2.conv1")
    question = {**asked, "step": step.number, "index": [3, 5, 7]}
    top, left, bottom, right = QUESTIONS["number"](session, question)["box"]
    field = QUESTIONS["field"](session, question)["values"]
    rows, columns = np.nonzero(field)
    assert top <= rows.min() <= rows.max() <= bottom
    assert left <= columns.min() <= columns.max() <= right


def test_small_maps_keep_sign_and_scale() -> None:
    output = torch.linspace(-2, 2, 3 * 100 * 100).reshape(3, 100, 100)
    found = small_maps(output, 2)
    assert tuple(found["maps"].shape) == (2, 50, 50)
    assert found["channels"] == 3
    assert abs(found["largest"] - 2) < 0.01
    assert found["maps"][0].max() <= 127 or found["maps"][0].float().mean() < 127
    row = small_maps(torch.tensor([-1.0, 0.0, 1.0]), 6)
    assert row["maps"].flatten().tolist() == [0, 128, 255]


def test_every_registered_small_network_can_be_explored(session: Session) -> None:
    for name in ("lenet5", "small_vit", "densenet40_k12_cifar", "se_resnet20_cifar", "small_inception"):
        if name not in session.offered:
            continue
        samples = QUESTIONS["samples"](session, {"network": name})["samples"]
        from decanet.explorer.packing import pack

        question = {"network": name, "pixels": pack(samples[0]["pixels"])["base64"]}
        found = QUESTIONS["run"](session, question)
        for stage in found["stages"]:
            assert QUESTIONS["maps"](session, {**question, "step": stage["output"]})["maps"].numel() > 0
