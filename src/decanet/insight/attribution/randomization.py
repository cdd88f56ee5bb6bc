"""The randomization check: does an attribution depend on what the network learned?

(J. Adebayo et al., NeurIPS 2018, section 3.) The layers lose their learned parameters one after the other, from the
classifier to the first convolution. A map that stays the same shows edges of the image, not knowledge of the network.
"""

import copy
from collections.abc import Iterator

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from decanet.core.runtime import seed_from
from decanet.insight.capture import plain_network, stages_of

CLASSIFIER = "classifier"


def randomized_networks(model: nn.Module, x: Tensor, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """Yield the network with more and more of its layers initialized anew, the last first ("cascading").

    Each name is that of the lowest stage whose parameters are random; the first is "classifier", everything behind the
    last stage, where there is something. It is always the same copy of the network, changed between two yields.

    Args:
        model: the network, in evaluation mode; it is not changed.
        x: images (N, C, S, S), with which the order of execution is found.
        seed: of the random parameters.
    """
    network = copy.deepcopy(plain_network(model))
    order = _execution_order(network, x)
    stages = stages_of(network)
    starts = {stage: _first(order, path) for stage, path in stages.items()}
    ends = {stage: _last(order, path) for stage, path in stages.items()}
    done = len(order)
    behind = max((end for end in ends.values() if end is not None), default=-1) + 1
    cuts = [(stage, start) for stage, start in starts.items() if start is not None]
    for stage, start in [(CLASSIFIER, behind), *sorted(cuts, key=lambda cut: -cut[1])]:
        if start >= done:
            continue
        if start == min(cut for _, cut in cuts):
            start = 0  # tokens and positions before the first stage, too
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_from(seed, "randomization", stage) % 2**32)
            for path in order[start:done]:
                _initialize(network.get_submodule(path))
        done = start
        yield stage, network


def rank_correlation(first: Tensor, second: Tensor) -> float:
    """Return Spearman's correlation of the absolute values of two maps (H, W); 0 where one is constant."""
    one, two = first.abs().flatten().cpu().numpy(), second.abs().flatten().cpu().numpy()
    if one.min() == one.max() or two.min() == two.max():
        return 0.0
    return float(spearmanr(one, two).statistic)


def _execution_order(network: nn.Module, x: Tensor) -> list[str]:
    """Return the paths of all modules with parameters of their own, in the order in which they are called."""
    order: dict[str, None] = {}
    hooks = [
        module.register_forward_pre_hook(lambda _, __, path=path: order.setdefault(path))
        for path, module in network.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    try:
        with torch.inference_mode():
            network(x[:1])
    finally:
        for hook in hooks:
            hook.remove()
    return list(order)


def _first(order: list[str], path: str) -> int | None:
    return next((index for index, name in enumerate(order) if _inside(name, path)), None)


def _last(order: list[str], path: str) -> int | None:
    return next((index for index in reversed(range(len(order))) if _inside(order[index], path)), None)


def _inside(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}.")


def _initialize(module: nn.Module) -> None:
    """Give a module new parameters: PyTorch's default where it has one, else noise of the same spread."""
    reset = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
    if callable(reset):
        reset()
        return
    with torch.no_grad():
        for parameter in module.parameters(recurse=False):
            parameter.copy_(torch.randn(parameter.shape).to(parameter) * parameter.std() + parameter.mean())
