"""The terms of a number give the network's own number, in every kind of step."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from decanet.core.errors import UsageError
from decanet.insight.arithmetic import Explained, explain, receptive_box, trace_back
from decanet.insight.steps import record
from decanet.models import create_model, model_entry

NETWORKS = (
    "decanet_s", "alexnet_cifar", "resnet20_cifar", "lenet5", "small_inception", "small_densenet", "small_convnext",
    "se_resnet20_cifar", "cuda_convnet_18", "small_vit",
)  # fmt: skip


def recompute(explained: Explained) -> float:
    """Compute the number from its terms in float64."""
    terms: dict[str, Any] = {
        k: v.astype(np.float64) if isinstance(v, np.ndarray) else v for k, v in explained.terms.items()
    }
    match explained.kind:
        case "convolution":
            return float((terms["patch"] * terms["weights"]).sum() + terms["bias"])
        case "linear":
            return float(terms["inputs"] @ terms["weights"] + terms["bias"])
        case "batch_norm" | "layer_norm":
            scaled = (terms["x"] - terms["mean"]) / (terms["variance"] + terms["epsilon"]) ** 0.5
            return float(scaled * terms["weight"] + terms["bias"])
        case "activation":
            return _activate(terms["function"], terms["x"])
        case "max_pool":
            return float(np.nanmax(terms["window"]))
        case "average_pool":
            return float(np.nansum(terms["window"]) / terms["divisor"])
        case "local_response_norm":
            return float(
                terms["x"] / (terms["k"] + terms["alpha"] * (terms["neighbors"] ** 2).sum()) ** terms["beta"]
            )
        case "add":
            return sum(terms["values"])
        case "multiply":
            return float(np.prod(terms["values"]))
        case "scale":
            return float(terms["x"] * terms["factor"])
        case "shift":
            return float(terms["x"] + terms["summand"])
        case "concatenate" | "copy" | "pad":
            return explained.value
    raise AssertionError(explained.kind)


def _activate(function: str, x: float) -> float:
    if function == "GELU":  # the approximation by tanh; the exact one differs by less than 0.0005
        return 0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))
    functions: dict[str, Callable[[float], Any]] = {
        "ReLU": lambda x: max(x, 0.0), "ReLU6": lambda x: min(max(x, 0.0), 6.0), "tanh": np.tanh,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    }  # fmt: skip
    return float(functions[function](x))


def recorded(name: str, seed: int = 0):  # type: ignore[no-untyped-def]
    torch.manual_seed(seed)
    return record(create_model(name).eval(), torch.randn(1, *model_entry(name).input_size))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_terms_give_the_number(name: str) -> None:
    recording, draw = recorded(name), random.Random(0)
    kinds = set()
    for step in recording.steps:
        for _ in range(3):
            index = tuple(draw.randrange(n) for n in step.output.shape[1:])
            explained = explain(recording, step.number, index)
            kinds.add(explained.kind)
            if explained.kind != "other":
                largest = max(float(step.output.abs().max()), 1e-6)
                assert recompute(explained) == pytest.approx(explained.value, abs=5e-4 * largest), step
    assert "convolution" in kinds


def test_only_attention_and_odd_rearrangements_are_not_shown() -> None:
    for name in ("decanet_s", "alexnet_cifar", "small_inception", "se_resnet20_cifar"):
        recording = recorded(name)
        kinds = {
            s.operation: explain(recording, s.number, (0,) * (s.output.ndim - 1)).kind
            for s in recording.steps
        }
        assert "other" not in kinds.values(), kinds


def test_a_number_is_followed_back_to_the_convolution() -> None:
    recording = recorded("decanet_s")
    last = recording.last_of("block1")
    chain = trace_back(recording, last.number, (3, 7, 7))
    kinds = [each.kind for each in chain]
    assert kinds == ["add", "activation", "batch_norm", "convolution"]  # the branch, not the shortcut
    assert chain[0].value == pytest.approx(sum(chain[0].terms["values"]))
    assert chain[1].value in [pytest.approx(value) for value in chain[0].terms["values"]]


def test_a_pooling_is_followed_to_its_greatest_number() -> None:
    recording = recorded("decanet_s")
    pool = next(step for step in recording.steps if step.operation.startswith("max_pool"))
    pooled, convolved = trace_back(recording, pool.number, (5, 3, 4))
    assert convolved.kind == "convolution"
    assert convolved.value == pooled.value
    assert [convolved.index[1] // 2, convolved.index[2] // 2] == [3, 4]


def test_the_receptive_field_holds_every_pixel_with_influence() -> None:
    torch.manual_seed(0)
    model, x = create_model("decanet_s").eval(), torch.randn(1, 3, 32, 32)
    recording = record(model, x)
    step = next(s for s in recording.steps if s.path == "block2.conv1")
    top, left, bottom, right = receptive_box(step, (0, 2, 9), (32, 32))
    changed = x.clone()
    changed[..., top : bottom + 1, left : right + 1] += 1
    assert record(model, changed).steps[step.number].output[0, 0, 2, 9] != step.output[0, 0, 2, 9]
    outside = torch.randn_like(x)
    outside[..., top : bottom + 1, left : right + 1] = x[..., top : bottom + 1, left : right + 1]
    after = record(model, outside).steps[step.number].output[0, 0, 2, 9]
    assert float(after) == pytest.approx(float(step.output[0, 0, 2, 9]), abs=1e-5)


def test_numbers_that_do_not_exist_are_refused() -> None:
    recording = recorded("decanet_s")
    with pytest.raises(UsageError, match="no step 99"):
        explain(recording, 99, (0,))
    with pytest.raises(UsageError, match="no number"):
        explain(recording, 0, (0, 99, 0))
