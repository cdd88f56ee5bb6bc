"""The protocol of the networks, for every registered one: stages, features and head, a new head."""

import copy
import functools
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from decanet.core.errors import DataError, UsageError
from decanet.models import create_model, list_models, model_entry
from decanet.models.meta_device import ShapesOnly
from decanet.models.protocol import Network, Outputs, named_stages
from tests.models._checks import on_meta_in_eval_mode

NAMES = list_models()
SMALL = 64  # pixels


def images(name: str, count: int = 2) -> Tensor:
    return torch.empty(count, *model_entry(name).input_size, device="meta")


def logits_of(output: Tensor | Outputs) -> list[Tensor]:
    return [output] if isinstance(output, Tensor) else [output.logits, *output.aux]


def smallest_of_each_class() -> list[str]:
    """The network with the fewest parameters of each class: all others run the same ``forward``."""
    by_class: dict[type, list[tuple[int, str]]] = {}
    for name in NAMES:
        model = on_meta_in_eval_mode(name)
        by_class.setdefault(type(model), []).append((sum(p.numel() for p in model.parameters()), name))
    return sorted(min(networks)[1] for networks in by_class.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_network_follows_the_protocol(name: str) -> None:
    assert isinstance(on_meta_in_eval_mode(name), Network)


@pytest.mark.parametrize("name", smallest_of_each_class())
def test_forward_is_the_head_of_the_features_bit_for_bit(name: str) -> None:
    model = copy.deepcopy(on_meta_in_eval_mode(name)).to_empty(device="cpu")
    fill(model)
    channels, size = model_entry(name).input_size[:2]
    if size > SMALL and takes(name, SMALL):
        size = SMALL
    x = torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = model.forward_features(x)
        kept = features.clone()
        expected = model.forward_head(features)
        assert torch.equal(features, kept), "the head must not change the features in place"
        assert torch.equal(model(x), expected)
    assert expected.std() > 0, "equal logits prove nothing"


def takes(name: str, size: int) -> bool:
    try:
        on_meta_in_eval_mode(name)(torch.empty(1, model_entry(name).input_size[0], size, size, device="meta"))
    except DataError:
        return False
    return True


def fill(model: nn.Module) -> None:
    """Numbers that keep the signal near unit size, much faster than a network's own initialization."""
    noise = torch.randn(1 << 20, generator=torch.Generator().manual_seed(1))
    for key, tensor in model.state_dict().items():
        if not tensor.is_floating_point() or tensor.ndim < 2:
            tensor.fill_(not key.endswith(("bias", "running_mean")))
        else:
            repeated = noise.repeat(math.ceil(tensor.numel() / len(noise)))[: tensor.numel()]
            torch.mul(repeated.view(tensor.shape), (2 / tensor[0].numel()) ** 0.5, out=tensor)
    for key, tensor in model.named_buffers():
        if key.endswith("targets"):  # of LeNet-5's partial connections
            tensor.copy_(torch.arange(len(tensor)) % 16)


@functools.cache
def features_of(name: str) -> Tensor:
    with ShapesOnly():
        return on_meta_in_eval_mode(name).forward_features(images(name))


@pytest.mark.parametrize("name", NAMES)
def test_features_are_feature_maps_or_tokens(name: str) -> None:
    assert len(features_of(name)) == 2
    assert features_of(name).ndim == (3 if "vit" in name else 4)


@pytest.mark.parametrize("name", NAMES)
def test_stages_can_be_hooked_and_stand_in_the_order_of_execution(name: str) -> None:
    model = on_meta_in_eval_mode(name)
    entered: list[str] = []

    def remember(module: nn.Module, args: Any, output: Tensor, stage: str) -> None:
        assert isinstance(output, Tensor)
        assert len(output) == 2
        entered.append(stage)

    handles = [
        model.get_submodule(path).register_forward_hook(functools.partial(remember, stage=stage))
        for stage, path in model.stages.items()
    ]
    with ShapesOnly():
        model(images(name))
    for handle in handles:
        handle.remove()
    assert entered == list(model.stages)
    last = list(model.stages.values())[-1]
    assert f"{model.head_layers[0]}.".startswith(f"{last}."), "the last stage holds the head"


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name: str) -> None:
    model = copy.deepcopy(on_meta_in_eval_mode(name)).train()
    with ShapesOnly():
        outputs = model(images(name))
    reached = parameters_behind(logits_of(outputs))
    assert {id(p) for p in model.parameters() if p.requires_grad} == reached
    # The weight of the auxiliary losses is declared where there are such outputs, and nowhere else.
    assert hasattr(model, "aux_weight") == isinstance(outputs, Outputs)
    assert len(logits_of(outputs)) == len(model.head_layers)


def parameters_behind(outputs: list[Tensor]) -> set[int]:
    """The ``id`` of each parameter at which the backward pass from ``outputs`` arrives."""
    found: set[int] = set()
    seen: set[Any] = set()
    waiting = [output.grad_fn for output in outputs]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        waiting += [following for following, _ in node.next_functions]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_reset_head_changes_the_head_and_nothing_else(name: str) -> None:
    model = copy.deepcopy(on_meta_in_eval_mode(name))
    before = dict(model.state_dict(keep_vars=True))
    model.reset_head(7)
    after = dict(model.state_dict(keep_vars=True))
    assert list(after) == list(before)
    changed = {key.rpartition(".")[0] for key in after if after[key] is not before[key]}
    assert changed == set(model.head_layers)
    assert all(after[key].device.type == "meta" for key in after)
    with ShapesOnly():
        assert model.forward_head(features_of(name)).shape == (2, 7)
        if len(model.head_layers) > 1:
            assert all(logits.shape == (2, 7) for logits in logits_of(model.train()(images(name))))


class Initializations(ShapesOnly):
    """Records the last operation in place on each tensor, with its numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[int, tuple[Any, ...]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name.endswith("_"):
            numbers = tuple(value for value in args[1:] if not isinstance(value, Tensor))
            self.last[args[0].untyped_storage()._cdata] = (name, *numbers)
        return super().__torch_dispatch__(func, types, args, kwargs)

    def of_head(self, model: nn.Module) -> Iterator[tuple[str, tuple[int, ...], tuple[Any, ...]]]:
        for path in model.head_layers:
            for key, parameter in model.get_submodule(path).named_parameters():
                yield (
                    f"{path}.{key}",
                    tuple(parameter.shape),
                    self.last[parameter.untyped_storage()._cdata],
                )


@pytest.mark.parametrize("name", NAMES)
def test_a_reset_head_is_initialized_as_a_new_networks(name: str) -> None:
    with Initializations() as recorded, torch.device("meta"):
        model = create_model(name, num_classes=7)
        expected = list(recorded.of_head(model))
        model.reset_head(7)
        assert list(recorded.of_head(model)) == expected


def test_reset_head_keeps_the_dtype_and_refuses_no_classes() -> None:
    model = create_model("lenet5_modern").double()
    model.reset_head(3)
    assert model(torch.zeros(1, 1, 32, 32, dtype=torch.float64)).shape == (1, 3)
    with pytest.raises(UsageError, match="at least 1 class, got num_classes=0"):
        model.reset_head(0)


def test_named_stages_keep_their_order() -> None:
    assert list(named_stages("conv1", "pool", "fc").items()) == [
        ("conv1", "conv1"),
        ("pool", "pool"),
        ("fc", "fc"),
    ]
    assert not isinstance(nn.Linear(1, 1), Network)
